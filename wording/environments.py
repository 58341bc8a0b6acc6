"""The two ways a template is filled: as plain text, and as HTML, where every fact is escaped."""

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined


def _environment(*, autoescape: bool) -> Environment:
    """A fact that is not there is an error, never an empty place."""
    return Environment(
        loader=PackageLoader("wording", "templates"),
        autoescape=autoescape,  # noqa: S701 - a text that is no markup has nothing to escape
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


HTML: Final = _environment(autoescape=True)
PLAIN: Final = _environment(autoescape=False)
