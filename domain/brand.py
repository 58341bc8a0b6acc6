"""How a channel shows itself to its customers, and which colours can be read on which."""

import re
from dataclasses import dataclass
from typing import Final

from domain.languages import Language

COLOR: Final = re.compile(r"#[0-9a-f]{6}")
# Source: https://www.w3.org/TR/WCAG22/#contrast-minimum
LEAST_CONTRAST: Final = 4.5


@dataclass(frozen=True)
class Colors:
    """`accent` lies behind the head and the button, `surface` behind all else; the other two are
    what is written on them.
    """

    accent: str = "#1f4e5f"
    on_accent: str = "#ffffff"
    surface: str = "#ffffff"
    ink: str = "#1f2933"


@dataclass(frozen=True)
class Brand:
    """`sender` and `support` are e-mail addresses; without a sender the settings' one is used."""

    name: str
    sender_name: str | None = None
    sender: str | None = None
    logo_url: str | None = None
    logo_alt: str | None = None
    support: str | None = None
    legal_lines: tuple[str, ...] = ()
    language: Language = "en"
    colors: Colors = Colors()


def unreadable(colors: Colors) -> list[str]:
    """Name the pairs whose text cannot be read, with the contrast that they have."""
    pairs = {
        "on_accent on accent": contrast(colors.on_accent, colors.accent),
        "ink on surface": contrast(colors.ink, colors.surface),
    }
    return [f"{pair} is {has:.1f}:1" for pair, has in pairs.items() if has < LEAST_CONTRAST]


def contrast(one: str, other: str) -> float:
    """From 1 to 21. Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    """From 0 to 1. Source: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mixed(color: str, with_color: str, percent: int) -> str:
    """Return `color` with so much of another in it."""
    parts = zip(_parts(color), _parts(with_color), strict=True)
    return "#" + "".join(f"{(a * (100 - percent) + b * percent) // 100:02x}" for a, b in parts)


def _parts(color: str) -> tuple[int, ...]:
    return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))


def _linear(part: float) -> float:
    """From what a screen is told to how much it shines. Source: IEC 61966-2-1."""
    is_dark = part <= 0.04045  # noqa: PLR2004 - the standard's
    return part / 12.92 if is_dark else ((part + 0.055) / 1.055) ** 2.4
