"""What all kinds of connectors share: how each verb answers an unknown outcome."""

from enum import StrEnum


class UnknownRule(StrEnum):
    """What to do after `OutcomeUnknown`."""

    SAME_KEY = "same_key"  # repeat with the same key and body inside the vendor's window
    LOOKUP = "lookup"  # ask by an id saved before the act; act again only when it is not there
    NONE = "none"  # may be repeated: a double costs nothing, and is counted
