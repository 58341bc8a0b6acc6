"""The languages that documents for customers are written in, and which a locale asks for."""

from typing import Final, Literal, get_args

Language = Literal["en", "es", "pt"]
LANGUAGES: Final[tuple[str, ...]] = get_args(Language)


def language_of(locale: str, default: str) -> str:
    """Return the language of a locale such as `pt-BR`; the default, when it is none of ours."""
    asked = locale.replace("_", "-").partition("-")[0].lower()
    return asked if asked in LANGUAGES else default
