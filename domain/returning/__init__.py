"""Returns: what may come back, in which steps, and what is given for it."""
