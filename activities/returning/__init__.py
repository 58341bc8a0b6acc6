"""Returns: one class a part of their way."""
