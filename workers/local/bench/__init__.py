"""Measurements on stacks of their own."""
