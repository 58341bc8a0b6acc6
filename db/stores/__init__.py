"""Writes: one module a capability; each function works inside the transaction it is given."""
