"""Reads one row of each Olist table into a typed one, or says what is wrong with it."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.money import parse_minor
from workers.local.demo.places import padded
from workers.local.demo.plan import Product
from workers.local.demo.tables import Row

CURRENCY: Final = "BRL"

STATUSES: Final = frozenset(
    {"created", "approved", "processing", "invoiced", "shipped", "delivered", "canceled",
     "unavailable"}
)  # fmt: skip
PAYMENT_TYPES: Final = frozenset({"credit_card", "boleto", "voucher", "debit_card", "not_defined"})
_ID: Final = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_TIME: Final = "%Y-%m-%d %H:%M:%S"
# What the API takes: neither earlier or later orders nor larger prices.
_YEARS: Final = range(2000, 2200)
_LARGEST_MINOR: Final = 10**11
_LARGEST_MEASURE: Final = 10**9
_STATE: Final = re.compile(r"^[A-Z]{2}$")


@dataclass(frozen=True)
class OrderRow:
    order_id: str
    customer_id: str
    status: str
    purchased_at: datetime


@dataclass(frozen=True)
class ItemRow:
    order_id: str
    number: int
    product_id: str
    price_minor: int
    freight_minor: int


@dataclass(frozen=True)
class PaymentRow:
    order_id: str
    number: int
    kind: str
    value_minor: int


@dataclass(frozen=True)
class CustomerRow:
    customer_id: str
    unique_id: str
    zip_prefix: str
    city: str
    state: str


@dataclass(frozen=True)
class SellerRow:
    zip_prefix: str
    city: str
    state: str


def identifier(row: Row, column: str) -> str:
    """Raises: ValueError for what cannot be an id."""
    text = row[column].strip()
    if not _ID.match(text):
        raise ValueError(f"{column}: not an id: {text[:80]!r}")
    return text


def known(row: Row, column: str, values: frozenset[str]) -> str:
    """Raises: ValueError for a word that is not among the values."""
    text = row[column].strip()
    if text not in values:
        raise ValueError(f"{column}: unknown: {text[:80]!r}")
    return text


def amount(row: Row, column: str) -> int:
    """Raises: ValueError for no amount, a negative or too large one, one finer than a cent."""
    try:
        minor = parse_minor(row[column], CURRENCY)
    except ValueError as error:
        raise ValueError(f"{column}: {error}") from None
    if minor < 0:
        raise ValueError(f"{column}: negative: {row[column]!r}")
    if minor > _LARGEST_MINOR:
        raise ValueError(f"{column}: too large: {row[column]!r}")
    return minor


def sequence(row: Row, column: str) -> int:
    """Raises: ValueError for anything but a positive whole number."""
    text = row[column].strip()
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"{column}: not a positive number: {text[:80]!r}")
    return int(text)


def moment(row: Row, column: str) -> datetime:
    """The published times carry no zone. Raises: ValueError."""
    try:
        found = datetime.strptime(row[column].strip(), _TIME)  # noqa: DTZ007 - zone added on use
    except ValueError:
        raise ValueError(f"{column}: not a time: {row[column][:80]!r}") from None
    if found.year not in _YEARS:
        raise ValueError(f"{column}: not in our time: {row[column]!r}")
    return found


def place(row: Row, who: str) -> tuple[str, str, str]:
    """Postcode prefix, city and state. Raises: ValueError."""
    city, state = row[f"{who}_city"].strip(), row[f"{who}_state"].strip()
    if not city:
        raise ValueError(f"{who}_city: empty")
    if not _STATE.match(state):
        raise ValueError(f"{who}_state: not a state: {state[:80]!r}")
    return padded(row[f"{who}_zip_code_prefix"]), city, state


def parse_order(row: Row) -> OrderRow:
    return OrderRow(
        order_id=identifier(row, "order_id"),
        customer_id=identifier(row, "customer_id"),
        status=known(row, "order_status", STATUSES),
        purchased_at=moment(row, "order_purchase_timestamp"),
    )


def parse_item(row: Row) -> ItemRow:
    return ItemRow(
        order_id=identifier(row, "order_id"),
        number=sequence(row, "order_item_id"),
        product_id=identifier(row, "product_id"),
        price_minor=amount(row, "price"),
        freight_minor=amount(row, "freight_value"),
    )


def parse_payment(row: Row) -> PaymentRow:
    return PaymentRow(
        order_id=identifier(row, "order_id"),
        number=sequence(row, "payment_sequential"),
        kind=known(row, "payment_type", PAYMENT_TYPES),
        value_minor=amount(row, "payment_value"),
    )


def parse_customer(row: Row) -> CustomerRow:
    return CustomerRow(
        identifier(row, "customer_id"),
        identifier(row, "customer_unique_id"),
        *place(row, "customer"),
    )


def parse_seller(row: Row) -> SellerRow:
    return SellerRow(*place(row, "seller"))


def _positive(text: str, fallback: int, factor: int = 1) -> int:
    """A measure as published; what is empty or cannot be gets the usual value."""
    measure = int(text) * factor if text.isdecimal() else 0
    return measure if 0 < measure <= _LARGEST_MEASURE else fallback


def parse_product(row: Row) -> Product:
    sku = identifier(row, "product_id")
    category = row["product_category_name"].replace("_", " ").strip() or "produto"
    return Product(
        sku=sku,
        name=f"{category.capitalize()} {sku[:6]}",
        weight_g=_positive(row["product_weight_g"], 500),
        length_mm=_positive(row["product_length_cm"], 200, 10),
        width_mm=_positive(row["product_width_cm"], 150, 10),
        height_mm=_positive(row["product_height_cm"], 100, 10),
    )


def unknown_product(sku: str) -> Product:
    """A product that the tables sell but do not describe."""
    return parse_product(defaultdict(str, product_id=sku))
