"""Who is at the command line, as the audit log names them."""

import os
import pwd


def cli_actor() -> str:
    """`cli:` and the user of the operating system that runs this process, who cannot be made up."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # an image may run under a number that has no name
        name = "unknown"
    return f"cli:{name}"
