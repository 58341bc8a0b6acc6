"""The languages that everything for customers is written in, and which a locale asks for."""

import re
from typing import Final, Literal, get_args

Language = Literal["en", "es", "pt"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)
# Source: BCP 47, section 4.1: whoever has to name a language and knows none says so.
UNDETERMINED: Final = "und"
# A country, or a number such as that of Latin America; a script may stand before it.
_REGION: Final = re.compile(r"[a-z]{2,3}(?:-[a-z]{4})?-([a-z]{2}|[0-9]{3})\b", re.IGNORECASE)


def language_of(locale: str, default: str) -> str:
    """Return the language of a locale such as `pt-BR`; the default, when it is none of ours."""
    asked = locale.replace("_", "-").partition("-")[0].lower()
    return asked if asked in LANGUAGES else default


def region_of(locale: str) -> str | None:
    """Return the region of a locale such as `pt-BR`, in capitals."""
    found = _REGION.match(locale.replace("_", "-"))
    return found.group(1).upper() if found else None
