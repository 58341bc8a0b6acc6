"""Writes a mail to a customer of its facts: subject, text and HTML, in the order's language."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from babel import Locale
from jinja2 import Environment, Template, meta

from domain.brand import LEAST_CONTRAST, Brand, Colors, contrast, luminance, mixed
from wording.catalogue import words
from wording.environments import HTML, PLAIN
from wording.formats import address_lines, locale_of, long_day, written_money
from wording.kinds import KINDS, OPTIONAL

# Facts that are a day in ISO 8601, and amounts such as "10.50 USD".
_DAYS: Final = ("from", "by", "due")
_AMOUNTS: Final = ("total", "amount")
# How a row is shown that is no plain text.
_SHAPES: Final[Mapping[str, str]] = {
    "voucher": "link", "label": "link", "collection_code": "code", "code": "code", "place": "lines",
}  # fmt: skip
_LINKED: Final = ("https://", "http://")
_DARK: Final = Colors(surface="#1b1f24", ink="#e6e8eb")


@dataclass(frozen=True)
class Letter:
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class _Row:
    name: str
    label: str
    shape: str
    value: Any


@dataclass(frozen=True)
class _Texts:
    """A kind's texts in one language; each paragraph with the facts that it speaks of."""

    subject: Template
    paragraphs: tuple[tuple[Template, frozenset[str]], ...]


def write(
    kind: str, facts: Mapping[str, Any], brand: Brand, locale: str, page: str | None = None
) -> Letter:
    """`locale` is the order's; `page` is the address of its page.

    Raises: jinja2.UndefinedError for a fact that every mail of the kind must have.
    """
    chosen = locale_of(locale, brand.language)
    told = _spelled(facts, chosen)
    subject = _texts(PLAIN, chosen.language, kind).subject.render(told)
    parts = {
        "subject": subject,
        "language": chosen.language,
        "words": words(chosen.language, "mail")["common"],
        "brand": brand,
        "rows": _rows(kind, told, chosen.language),
        "page": page,
        "is_optional": kind in OPTIONAL,
        "colors": _palette(brand.colors),
        "dark": _palette(_DARK) if _is_light(brand.colors.surface) else None,
    }
    text, html = (
        env.get_template(template).render(
            parts, paragraphs=_paragraphs(env, kind, told, chosen.language)
        )
        for env, template in ((PLAIN, "mail.txt"), (HTML, "mail.html"))
    )
    return Letter(subject, text, html)


def _spelled(facts: Mapping[str, Any], locale: Locale) -> dict[str, Any]:
    """Days, amounts and places as the reader writes them; reasons in the reader's language."""
    told = dict(facts)
    told |= {day: long_day(date.fromisoformat(told[day]), locale) for day in _DAYS if day in told}
    told |= {each: written_money(told[each], locale) for each in _AMOUNTS if each in told}
    if "outcome" in told:
        told["reason"] = words(locale.language, "mail")["refusals"][told["outcome"]]
    if "place" in told:
        told["place"] = [told["place"]["name"], *address_lines(told["place"], locale)]
    elif "store" in told:  # as an earlier version wrote it
        told["place"] = [told["store"]]
    return told


def _paragraphs(env: Environment, kind: str, told: Mapping[str, Any], language: str) -> list[str]:
    lacking = {fact for fact in KINDS[kind].may_lack if not told.get(fact)}
    texts = _texts(env, language, kind).paragraphs
    return [text.render(told) for text, speaks_of in texts if not speaks_of & lacking]


def _rows(kind: str, told: Mapping[str, Any], language: str) -> list[_Row]:
    labels = words(language, "mail")["labels"]
    return [
        _Row(fact, labels[label], _shape(fact, told[fact]), told[fact])
        for label, fact in KINDS[kind].rows.items()
        if told.get(fact)
    ]


def _shape(fact: str, value: Any) -> str:
    """A vendor's text becomes a link only when it is the address of one."""
    shape = _SHAPES.get(fact, "text")
    return "text" if shape == "link" and not value.startswith(_LINKED) else shape


@cache
def _texts(env: Environment, language: str, kind: str) -> _Texts:
    said = words(language, "mail")
    texts = [said["common"]["greeting"], *said[kind]["text"]]
    return _Texts(
        env.from_string(said[kind]["subject"]),
        tuple((env.from_string(text), _names(env, text)) for text in texts),
    )


def _names(env: Environment, text: str) -> frozenset[str]:
    return frozenset(meta.find_undeclared_variables(env.parse(text)))


def _palette(colors: Colors) -> dict[str, str]:
    """What follows from a brand's colours: what lies around, lines, and what is less important."""
    muted = mixed(colors.ink, colors.surface, 25)
    is_readable = contrast(muted, colors.surface) >= LEAST_CONTRAST
    return {
        "surface": colors.surface,
        "ink": colors.ink,
        "around": mixed(colors.surface, colors.ink, 7),
        "line": mixed(colors.surface, colors.ink, 18),
        "muted": muted if is_readable else colors.ink,
    }


def _is_light(color: str) -> bool:
    return luminance(color) > luminance("#808080")
