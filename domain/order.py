"""The order as placed: reading the canonical document, saying everything that is wrong with it."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.address import Address
from domain.languages import UNDETERMINED

CHANNEL: Final = re.compile(r"^[a-z0-9]{1,20}$")
EXTERNAL_ID: Final = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
CURRENCY: Final = re.compile(r"^[A-Z]{3}$")
COUNTRY: Final = re.compile(r"^[A-Z]{2}$")
# Neither quoted names nor comments, lists or address literals: what would not be one recipient.
_WORD: Final = r"[^@\s\x00-\x1f\x7f<>(),:;\"\\\[\]]+"
EMAIL: Final = re.compile(f"^{_WORD}@{_WORD}$")
# What no database text holds: NUL and lone surrogates.
UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
CHARGE_KINDS: Final = frozenset({"shipping", "tax", "financing", "discount", "other"})
TENDER_KINDS: Final = frozenset({"card", "bank_slip", "debit", "store_credit", "manual"})
# How an order reaches its customer.
CARRIER: Final = "carrier"
PICKUP: Final = "pickup"
# Limits that keep one order one transaction.
MOST_LINES: Final = 500
MOST_TENDERS: Final = 20
LARGEST_QUANTITY: Final = 1_000_000
LARGEST_AMOUNT_MINOR: Final = 10**14
YEARS: Final = range(1970, 2200)  # beyond the calendar's ends a moment is stored and never read


class InvalidDocument(ValueError):
    """The document is no order; `problems` says each fault by its place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Line:
    line_no: int
    sku: str
    quantity: int
    unit_price_minor: int
    tax_minor: int = 0
    discount_minor: int = 0
    external_line_id: str | None = None

    @property
    def total_minor(self) -> int:
        return self.quantity * self.unit_price_minor + self.tax_minor - self.discount_minor


@dataclass(frozen=True)
class Charge:
    kind: str
    amount_minor: int


@dataclass(frozen=True)
class Tender:
    tender_no: int
    kind: str
    amount_minor: int
    reference: str


@dataclass(frozen=True)
class OrderDocument:
    channel: str
    external_id: str
    placed_at: datetime
    currency: str
    locale: str
    customer_name: str
    customer_email: str
    customer_phone: str | None
    ship_to: Address
    lines: tuple[Line, ...]
    charges: tuple[Charge, ...]
    tenders: tuple[Tender, ...]
    customer_country: str | None = None  # where the customer is billed, when the channel says it
    pickup_location: str | None = None  # the store in which it is collected; None: it is sent

    @property
    def order_id(self) -> str:
        return f"{self.channel}-{self.external_id}"

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines) + sum(
            charge.amount_minor for charge in self.charges
        )

    def demand(self) -> dict[str, int]:
        """Return units wanted per SKU, in SKU order: lines that share a SKU are one demand."""
        wanted: defaultdict[str, int] = defaultdict(int)
        for line in self.lines:
            wanted[line.sku] += line.quantity
        return dict(sorted(wanted.items()))


class _Reader:
    """Takes fields out of a document and remembers what was wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def text(self, raw: Mapping[str, Any], name: str, place: str, *, most: int = 500) -> str:
        value = raw.get(name)
        text = value.strip() if isinstance(value, str) else ""
        if not text or len(text) > most or UNSTORABLE.search(text):
            self.problems.append(f"{place}{name}: a text of 1 to {most} characters is needed")
            return ""
        return text

    def optional(self, raw: Mapping[str, Any], name: str, place: str) -> str | None:
        return None if raw.get(name) in (None, "") else self.text(raw, name, place)

    def matching(
        self, raw: Mapping[str, Any], name: str, pattern: re.Pattern[str], place: str = ""
    ) -> str:
        value = self.text(raw, name, place)
        if value and not pattern.match(value):
            # The value is not repeated: it may be a customer's, and problems are shown to others.
            self.problems.append(f"{place}{name}: it does not match {pattern.pattern}")
        return value

    def country(self, raw: Mapping[str, Any], name: str, place: str) -> str | None:
        return None if raw.get(name) in (None, "") else self.matching(raw, name, COUNTRY, place)

    def integer(self, raw: Mapping[str, Any], name: str, place: str, low: int, high: int) -> int:
        value = raw.get(name, 0)
        if type(value) is not int or not low <= value <= high:
            self.problems.append(f"{place}{name}: a whole number from {low} to {high} is needed")
            return low
        return value

    def kind(self, raw: Mapping[str, Any], known: frozenset[str], place: str) -> str:
        value = raw.get("kind")
        if not isinstance(value, str) or value not in known:
            self.problems.append(f"{place}kind: one of {', '.join(sorted(known))} is needed")
        return str(value)

    def items(self, raw: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
        value = raw.get(name, [])
        if not isinstance(value, list) or len(value) > most:
            self.problems.append(f"{name}: a list of at most {most} is needed")
            return []
        good = [item for item in value if isinstance(item, Mapping)]
        if len(good) < len(value):
            self.problems.append(f"{name}: each must be an object")
        return good


def _coordinate(raw: Mapping[str, Any], name: str, limit: int) -> float | None:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= limit else None


def _address(reader: _Reader, raw: object) -> Address:
    given: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    place = "ship_to."
    return Address(
        name=reader.text(given, "name", place),
        line1=reader.text(given, "line1", place),
        line2=reader.optional(given, "line2", place),
        city=reader.text(given, "city", place),
        region=reader.optional(given, "region", place),
        postal_code=reader.text(given, "postal_code", place, most=20),
        country=reader.matching(given, "country", COUNTRY, place),
        phone=reader.optional(given, "phone", place),
        latitude=_coordinate(given, "latitude", 90),
        longitude=_coordinate(given, "longitude", 180),
    )


def _lines(reader: _Reader, raw: Mapping[str, Any]) -> tuple[Line, ...]:
    found = []
    for number, item in enumerate(reader.items(raw, "lines", MOST_LINES), start=1):
        place = f"lines[{number}]."
        line = Line(
            line_no=number,
            sku=reader.text(item, "sku", place, most=100),
            quantity=reader.integer(item, "quantity", place, 1, LARGEST_QUANTITY),
            unit_price_minor=reader.integer(item, "unit_price_minor", place, 0, 10**11),
            tax_minor=reader.integer(item, "tax_minor", place, 0, 10**11),
            discount_minor=reader.integer(item, "discount_minor", place, 0, 10**11),
            external_line_id=reader.optional(item, "external_line_id", place),
        )
        if line.total_minor < 0:
            reader.problems.append(f"{place}discount_minor: above the line's value")
        found.append(line)
    if not found:
        reader.problems.append("lines: an order needs at least one")
    return tuple(found)


def _charges(reader: _Reader, raw: Mapping[str, Any]) -> tuple[Charge, ...]:
    found = []
    for number, item in enumerate(reader.items(raw, "charges", MOST_LINES), start=1):
        place = f"charges[{number}]."
        kind = reader.kind(item, CHARGE_KINDS, place)
        low, high = (-(10**11), 0) if kind == "discount" else (0, 10**11)
        found.append(Charge(kind, reader.integer(item, "amount_minor", place, low, high)))
    return tuple(found)


def _tenders(reader: _Reader, raw: Mapping[str, Any]) -> tuple[Tender, ...]:
    found = []
    for number, item in enumerate(reader.items(raw, "tenders", MOST_TENDERS), start=1):
        place = f"tenders[{number}]."
        found.append(
            Tender(
                tender_no=number,
                kind=reader.kind(item, TENDER_KINDS, place),
                amount_minor=reader.integer(item, "amount_minor", place, 1, LARGEST_AMOUNT_MINOR),
                reference=reader.text(item, "reference", place),
            )
        )
    return tuple(found)


def _pickup_location(reader: _Reader, raw: Mapping[str, Any]) -> str | None:
    way = raw.get("delivery") or CARRIER
    if way == PICKUP:
        return reader.text(raw, "pickup_location", "", most=100)
    if way != CARRIER or raw.get("pickup_location"):
        reader.problems.append("delivery: carrier, or pickup with its pickup_location, is needed")
    return None


def _placed_at(reader: _Reader, raw: Mapping[str, Any]) -> datetime:
    text = reader.text(raw, "placed_at", "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901
    if moment.tzinfo is None or moment.year not in YEARS:
        reader.problems.append("placed_at: an ISO 8601 moment with its offset is needed")
    return moment


def read_document(raw: Mapping[str, Any]) -> OrderDocument:
    """Read a canonical order document.

    Raises: InvalidDocument with every problem found, not only the first.
    """
    reader = _Reader()
    customer = raw.get("customer")
    person: Mapping[str, Any] = customer if isinstance(customer, Mapping) else {}
    document = OrderDocument(
        channel=reader.matching(raw, "channel", CHANNEL),
        external_id=reader.matching(raw, "external_id", EXTERNAL_ID),
        placed_at=_placed_at(reader, raw),
        currency=reader.matching(raw, "currency", CURRENCY),
        locale=reader.optional(raw, "locale", "") or UNDETERMINED,
        customer_name=reader.text(person, "name", "customer."),
        customer_email=reader.matching(person, "email", EMAIL, "customer."),
        customer_phone=reader.optional(person, "phone", "customer."),
        ship_to=_address(reader, raw.get("ship_to")),
        lines=_lines(reader, raw),
        charges=_charges(reader, raw),
        tenders=_tenders(reader, raw),
        customer_country=reader.country(person, "country", "customer."),
        pickup_location=_pickup_location(reader, raw),
    )
    if not reader.problems:
        reader.problems += _sums(document)
    if reader.problems:
        raise InvalidDocument(reader.problems)
    return document


def _sums(document: OrderDocument) -> list[str]:
    total = document.total_minor
    paid = sum(tender.amount_minor for tender in document.tenders)
    if total < 0:
        return ["charges: discounts exceed the order's value"]
    if paid != total:
        return [f"tenders: they sum to {paid}, the order to {total} (minor units)"]
    return []
