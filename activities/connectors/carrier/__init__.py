"""Carrier vendors."""
