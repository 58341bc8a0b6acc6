"""The error a person can act on: shown as one line, without a traceback."""


class UserError(Exception):
    """Something outside the program must change first; the message says what."""
