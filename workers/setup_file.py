"""Reads the file of `oms import`: what a set-up may hold, and every fault with its place."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from api.fields import Body, ChannelCode, Currency, ShortText, Sku, Text
from api.placement_models import NewAddress
from domain.order import LARGEST_AMOUNT_MINOR
from domain.returning.policy import DEFAULT, WHOLE
from workers.errors import UserError

MOST_UNITS: Final = 10**9
MOST_FAULTS_SHOWN: Final = 10
Units = Annotated[int, Field(ge=0, le=MOST_UNITS)]
MOST_DAYS: Final = 3_650
Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
Measure = Annotated[int, Field(ge=1, le=10**9)]


class Location(Body):
    location: ShortText
    pool: ShortText
    name: Text
    address: NewAddress


class Channel(Body):
    channel: ChannelCode
    name: Text
    kind: Literal["api", "shopify"]
    pool: ShortText
    currencies: list[Currency] = Field(min_length=1)
    buffer: Units = 0


class Product(Body):
    sku: Sku
    name: Text
    weight_g: Measure
    length_mm: Measure
    width_mm: Measure
    height_mm: Measure
    category: ShortText | None = None


class StockLevel(Body):
    location: ShortText
    sku: Sku
    on_hand: Units
    safety_stock: Units | None = None


class StoreCredit(Body):
    code: Text
    currency: Currency
    balance_minor: int = Field(ge=0, le=LARGEST_AMOUNT_MINOR)


class ReturnRules(Body):
    """What is left out stays as by default."""

    channel: ChannelCode
    window_days: int = Field(default=DEFAULT.window_days, ge=0, le=MOST_DAYS)
    window_days_by_category: dict[str, Days] = Field(default={})
    window_days_by_country: dict[str, Days] = Field(default={})
    final_sale: list[ShortText] = Field(default=[])
    refused_conditions: list[ShortText] = Field(default=[])
    reviewed_conditions: list[ShortText] = Field(default=sorted(DEFAULT.reviewed_conditions))
    review_above_minor: Units | None = None
    keep_it_below_minor: Units = 0
    refunds_freight: bool = True
    restocking_fee_bp: int = Field(default=0, ge=0, le=WHOLE)
    return_freight_minor: Units = 0
    credit_bonus_bp: int = Field(default=0, ge=0, le=WHOLE)
    channel_decides: bool = False


class Setup(Body):
    """Every part may be left out."""

    pools: list[ShortText] = Field(default=[])
    locations: list[Location] = Field(default=[])
    channels: list[Channel] = Field(default=[])
    products: list[Product] = Field(default=[])
    stock: list[StockLevel] = Field(default=[])
    store_credits: list[StoreCredit] = Field(default=[])
    return_policies: list[ReturnRules] = Field(default=[])


# By which fields the entries of a part are told apart.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "pools": (),
    "locations": ("location",),
    "channels": ("channel",),
    "products": ("sku",),
    "stock": ("location", "sku"),
    "store_credits": ("code",),
    "return_policies": ("channel",),
}


def read_file(file: Path) -> Setup:
    """Raises: UserError naming the file and each fault in it."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is no JSON: {error}") from None
    try:
        return read_setup(content)
    except UserError as faults:
        raise UserError(f"{file}: {faults}") from None


def read_setup(content: Any) -> Setup:
    """Places count from zero: `stock[3]` is the fourth entry. Raises: UserError."""
    if not isinstance(content, dict):
        raise UserError(f"an object with any of {', '.join(KEYS)} is needed")
    try:
        setup = Setup.model_validate(content)
    except ValidationError as wrong:
        raise faulty([_spelled(fault) for fault in wrong.errors()]) from None
    if repeats := list(_repeats(setup)):
        raise faulty(repeats)
    return setup


def faulty(faults: Sequence[str]) -> UserError:
    """One line a fault, as many as a person reads at once."""
    shown = list(faults[:MOST_FAULTS_SHOWN])
    if len(faults) > len(shown):
        shown.append(f"and {len(faults) - len(shown)} more")
    return UserError("\n  ".join(shown))


def _spelled(fault: Any) -> str:
    place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault["loc"])
    said = fault["msg"].removeprefix("Value error, ").replace("Input should", "must")
    return f"{place.lstrip('.')}: {said}"


def _repeats(setup: Setup) -> Iterator[str]:
    """An entry that came before in the same part: which of the two counts, nobody can say."""
    for part, fields in KEYS.items():
        first: dict[object, int] = {}
        for number, entry in enumerate(getattr(setup, part)):
            key = tuple(getattr(entry, field) for field in fields) or entry
            if key in first:
                yield f"{part}[{number}]: the same as {part}[{first[key]}]"
            first.setdefault(key, number)
