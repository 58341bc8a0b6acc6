"""External fraud scorers: none is built in, each would be a folder here."""
