"""Writes the customer's page of an order in the order's language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, Final

from babel import Locale
from jinja2 import Template

from domain.axes import FulfillmentAxis
from wording.catalogue import words
from wording.environments import HTML, PLAIN
from wording.formats import address_lines, long_day, money

_READY: Final = "ready_for_pickup"
# How the states of a fulfillment order are called, where not by their own names.
_CALLED: Final = {
    "open": "packing", "picked": "packing", "packed": "packing", "handing_over": "packing",
    _READY: "ready",
}  # fmt: skip


@dataclass(frozen=True)
class PageParcel:
    """`code` is for whoever collects it, at `place` until a day."""

    state: str
    is_pickup: bool
    carrier: str | None = None
    number: str | None = None
    place: Mapping[str, Any] | None = None
    until: date | None = None
    code: str | None = None


@dataclass(frozen=True)
class Page:
    """`lines` have name, quantity, shipped and cancelled; `path` is the page's own."""

    shop: str
    order: str
    stage: FulfillmentAxis
    total_minor: int
    currency: str
    promise: tuple[date, date] | None
    parcels: Sequence[PageParcel]
    lines: Sequence[Mapping[str, Any]]
    is_opted_out: bool
    path: str


def write_page(page: Page, locale: Locale) -> str:
    said = words(locale.language, "page")
    is_ready = any(parcel.state == _READY for parcel in page.parcels)
    wish = "subscribe" if page.is_opted_out else "unsubscribe"
    return HTML.get_template("order_page.html").render(
        language=locale.language,
        words=said,
        shop=page.shop,
        title=_fill(said["title"], order=page.order),
        stage=said["stages"]["ready" if is_ready else page.stage],
        promise=_promise(page, said, locale),
        parcels=[_parcel(n, each, locale) for n, each in enumerate(page.parcels, start=1)],
        lines=[{**line, "notes": _notes(line, said)} for line in page.lines],
        total=money(page.total_minor, page.currency, locale),
        action=f"{page.path}/{wish}",
        now=said["gets_none" if page.is_opted_out else "gets_all"],
        button=said["resume" if page.is_opted_out else "stop"],
    )


def _promise(page: Page, said: Mapping[str, Any], locale: Locale) -> str | None:
    if page.promise is None:
        return None
    first, last = (long_day(day, locale) for day in page.promise)
    return _fill(said["promise"], first=first, last=last)


def _notes(line: Mapping[str, Any], said: Mapping[str, Any]) -> list[str]:
    return [_fill(said[word], units=line[word]) for word in ("shipped", "cancelled") if line[word]]


def _parcel(number: int, parcel: PageParcel, locale: Locale) -> str:
    said = words(locale.language, "page")
    state = _CALLED.get(parcel.state, parcel.state)
    if parcel.is_pickup and state == "delivered":
        state = "collected"
    about = [f"{_fill(said['parcel'], number=number)} {said['parcels'][state]}."]
    if parcel.number is not None:
        about += filter(None, (parcel.carrier, parcel.number))
    if parcel.state == _READY and parcel.place is not None and parcel.until is not None:
        place = ", ".join([parcel.place["name"], *address_lines(parcel.place, locale)])
        about.append(_fill(said["collect"], day=long_day(parcel.until, locale), place=place) + ".")
        about.append(f"{said['code']}: {parcel.code}")
    return " ".join(about)


def _fill(text: str, **facts: object) -> str:
    return _template(text).render(facts)


@cache
def _template(text: str) -> Template:
    return PLAIN.from_string(text)
