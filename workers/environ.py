"""Divides the process's environment into settings and the rest, without reading any setting."""

import os

# Ours and Temporal's variables are settings; the rest belongs to the machine.
SETTING_PREFIXES = ("OMS_", "TEMPORAL_")


def machine_environment() -> dict[str, str]:
    """The inherited environment without any setting, as a base for a child's own."""
    return {n: v for n, v in _all().items() if not n.startswith(SETTING_PREFIXES)}


def given_settings() -> dict[str, str]:
    """The settings that this process was given, as they are."""
    return {n: v for n, v in _all().items() if n.startswith(SETTING_PREFIXES) and v}


def _all() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251 - children inherit it; nothing is read from it here
