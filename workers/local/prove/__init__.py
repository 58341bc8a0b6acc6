"""The fault harness: runs the real stack, breaks it on purpose, and counts what went wrong."""
