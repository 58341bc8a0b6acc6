"""The demo's bad days: orders that are held, go wrong, come back or are exchanged."""
