"""Reads the file of `oms import`: what a set-up may hold, and every fault with its place."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints, ValidationError

from api.catalog_models import (
    CarrierAccount,
    Channel,
    Location,
    Product,
    StockLevel,
    TimeZone,
    Units,
)
from api.fields import Body, ChannelCode, Country, Currency, PostalCode, ShortText, Text
from domain.languages import Language
from domain.order import LARGEST_AMOUNT_MINOR
from domain.returning.policy import DEFAULT, WHOLE
from workers.errors import UserError
from workers.setup_brands import Brand

MOST_FAULTS_SHOWN: Final = 10
MOST_DAYS: Final = 3_650
Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]
# Source: EN 16931, BR-CO-9: the prefix is the country; Greece may say EL.
VAT_ID: Final = r"^[A-Z]{2}[A-Z0-9+*]{2,18}$"
SERIES: Final = r"^[A-Z0-9]{1,10}$"


class SellerAddress(Body):
    line1: Text
    line2: Text | None = None
    city: Text
    region: Text | None = None
    postal_code: PostalCode
    country: Country


class Seller(Body):
    """Who sells by law. A company has a VAT id, or the registration of whatever tax it collects."""

    seller: ShortText
    legal_name: Text
    address: SellerAddress
    vat_id: Annotated[str, StringConstraints(pattern=VAT_ID)] | None = None
    tax_registration: ShortText | None = None
    registration: ShortText | None = None
    exemption: Text | None = None
    legal_lines: list[Text] = Field(default=[], max_length=10)
    invoice_series: Annotated[str, StringConstraints(pattern=SERIES)] = "INV"
    credit_note_series: Annotated[str, StringConstraints(pattern=SERIES)] = "CRN"
    language: Language = "en"
    time_zone: TimeZone = "UTC"


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
    arrival_days: Days | None = None
    channel_decides: bool = False


class Setup(Body):
    """Every part may be left out."""

    pools: list[ShortText] = Field(default=[])
    locations: list[Location] = Field(default=[])
    sellers: list[Seller] = Field(default=[])
    channels: list[Channel] = Field(default=[])
    brands: list[Brand] = Field(default=[])
    products: list[Product] = Field(default=[])
    carrier_accounts: list[CarrierAccount] = Field(default=[])
    stock: list[StockLevel] = Field(default=[])
    store_credits: list[StoreCredit] = Field(default=[])
    return_policies: list[ReturnRules] = Field(default=[])


# By which fields the entries of a part are told apart.
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "pools": (),
    "locations": ("location",),
    "sellers": ("seller",),
    "channels": ("channel",),
    "brands": ("channel",),
    "products": ("sku",),
    "stock": ("location", "sku"),
    "store_credits": ("code",),
    "return_policies": ("channel",),
    "carrier_accounts": ("account",),
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
    yield from _shared_series(setup)


def _shared_series(setup: Setup) -> Iterator[str]:
    """Two sellers, or two kinds of document, in one series would break the numbers of both."""
    used: dict[str, str] = {}
    for number, seller in enumerate(setup.sellers):
        for field in ("invoice_series", "credit_note_series"):
            place, series = f"sellers[{number}].{field}", getattr(seller, field)
            if series in used:
                yield f"{place}: {series} is used by {used[series]}"
            used.setdefault(series, place)
