"""What a set-up file may say of a channel's brand: nothing that a customer could not read."""

import re
import unicodedata
from email.headerregistry import Address
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.fields import Body, ChannelCode, Email, ShortText, Text
from domain.brand import COLOR, LEAST_CONTRAST, Colors, unreadable
from domain.languages import Language

MOST_LEGAL_LINES: Final = 10
_DEFAULT: Final = Colors()
_PLAIN_LETTERS: Final = re.compile(r"[\x21-\x7e]+")


def _one_line(text: str) -> str:
    """A line break in a sender's name would be a forged header; other such marks are unseen."""
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise ValueError("a single line without control characters is needed")
    return text


def _mailbox(text: str) -> str:
    """Stricter than a customer's address: it has to be written into every mail."""
    try:
        text.encode("ascii")
        Address(addr_spec=text)
    except Exception:  # noqa: BLE001 - the parser of the standard library raises many kinds
        raise ValueError("the plain e-mail address of a mailbox is needed: name@host") from None
    return text


def _secure_address(text: str) -> str:
    """Written into HTML as it is: plain letters, no password, no space."""
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_whole = False
    if not (is_whole and text.startswith("https://") and _PLAIN_LETTERS.fullmatch(text)):
        raise ValueError("the address of a picture is needed: https://host/path")
    return text


def _color(text: str) -> str:
    if not COLOR.fullmatch(text.lower()):
        raise ValueError("a colour is written #rrggbb")
    return text.lower()


Line = Annotated[Text, AfterValidator(_one_line)]
Name = Annotated[ShortText, AfterValidator(_one_line)]
Mailbox = Annotated[Email, AfterValidator(_mailbox)]
Color = Annotated[str, AfterValidator(_color)]
Picture = Annotated[str, StringConstraints(max_length=500), AfterValidator(_secure_address)]


class BrandColors(Body):
    accent: Color = _DEFAULT.accent
    on_accent: Color = _DEFAULT.on_accent
    surface: Color = _DEFAULT.surface
    ink: Color = _DEFAULT.ink

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if faults := unreadable(Colors(**self.model_dump())):
            raise ValueError(f"{'; '.join(faults)}; {LEAST_CONTRAST}:1 is the least to be read")
        return self


class Brand(Body):
    """What is left out stays as without a brand."""

    channel: ChannelCode
    name: Name | None = None
    sender_name: Name | None = None
    sender: Mailbox | None = None
    logo_url: Picture | None = None
    logo_alt: Name | None = None
    support: Mailbox | None = None
    legal_lines: list[Line] = Field(default=[], max_length=MOST_LEGAL_LINES)
    language: Language = "en"
    colors: BrandColors = BrandColors()
