"""What an entry of the catalogue may say: in the set-up file, a bulk import and the API alike."""

import hashlib
import json
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date
from functools import cache
from typing import Annotated, Any, Final, Literal, get_origin
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, StringConstraints, create_model
from pydantic.fields import FieldInfo

from api.fields import (
    EARLIEST_YEAR,
    LATEST_YEAR,
    Body,
    ChannelCode,
    Currency,
    PlacedAt,
    ShortText,
    Sku,
    Text,
)
from api.placement_models import NewAddress
from domain.order import LARGEST_AMOUNT_MINOR
from domain.trade import COUNTRIES, fault_of_gtin, plain_hs_code

MOST_UNITS: Final = 10**9
MOST_BARCODES: Final = 20
MOST_SERVICES: Final = 50
MOST_HOLIDAYS: Final = 400
MOST_SPANS: Final = 4
Units = Annotated[int, Field(ge=0, le=MOST_UNITS)]
Measure = Annotated[int, Field(ge=1, le=10**9)]
_TIME: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SPAN: Final = re.compile(f"^({_TIME})-({_TIME}|24:00)$")


@cache
def _time_zones() -> frozenset[str]:
    """Whoever asks reads the whole folder of them."""
    return frozenset(available_timezones())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError(f"{name!r} is no time zone")
    return name


def _gtin(text: str) -> str:
    if fault := fault_of_gtin(text):
        raise ValueError(fault)
    return text


def _hs_code(text: str) -> str:
    plain = plain_hs_code(text)
    if plain is None:
        raise ValueError("an HS code has 6, 8 or 10 digits")
    return plain


def _assigned(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError(f"{code!r} is no country of ISO 3166-1")
    return code


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("a day is written YYYY-MM-DD") from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise ValueError(f"the year must be from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return day.isoformat()


def _spans(spans: list[str]) -> list[str]:
    ends = "00:00"
    for span in spans:
        found = _SPAN.fullmatch(span)
        if found is None:
            raise ValueError(f"{span!r}: hours are written 09:00-17:00")
        if not ends <= found[1] < found[2]:
            raise ValueError(f"{span!r}: hours end after they begin, one span after another")
        ends = found[2]
    return spans


def _unique(items: list[str]) -> list[str]:
    if len(set(items)) < len(items):
        raise ValueError("nothing is named twice")
    return items


TimeZone = Annotated[
    str, AfterValidator(_time_zone), Field(description="IANA", examples=["Europe/Madrid"])
]
Gtin = Annotated[str, AfterValidator(_gtin), Field(description="GTIN-8, -12, -13 or -14")]
HsCode = Annotated[
    str, StringConstraints(max_length=20), AfterValidator(_hs_code), Field(examples=["691200"])
]
Origin = Annotated[
    str, AfterValidator(_assigned), Field(description="ISO 3166-1 alpha-2", examples=["PT"])
]
Day = Annotated[str, AfterValidator(_day), Field(examples=["2026-12-25"])]
Spans = Annotated[list[str], Field(max_length=MOST_SPANS), AfterValidator(_spans)]


class Opening(Body):
    """Hours of each weekday in the location's time zone; a day without any is closed."""

    mon: Spans = Field(default=[])
    tue: Spans = Field(default=[])
    wed: Spans = Field(default=[])
    thu: Spans = Field(default=[])
    fri: Spans = Field(default=[])
    sat: Spans = Field(default=[])
    sun: Spans = Field(default=[])


class Pool(Body):
    pool: ShortText
    name: Text | None = None


class Location(Body):
    location: ShortText
    pool: ShortText
    name: Text
    address: NewAddress
    capabilities: list[Literal["pickup"]] = Field(default=[], max_length=1)
    ships: bool = True
    receives_returns: bool = True
    time_zone: TimeZone = "UTC"
    opening: Opening | None = Field(default=None, description="null: always open")
    holidays: Annotated[list[Day], AfterValidator(_unique)] = Field(
        default=[], max_length=MOST_HOLIDAYS, description="days on which it is closed"
    )
    cut_off: Annotated[str, StringConstraints(pattern=f"^{_TIME}$")] | None = Field(
        default=None, description="what comes later is the next working day's", examples=["14:00"]
    )
    active: bool = True


class FraudPolicy(Body):
    review_from: int = Field(ge=1, le=100)
    large_minor: dict[Currency, Annotated[int, Field(ge=1, le=LARGEST_AMOUNT_MINOR)]] = Field(
        default={}
    )


class Channel(Body):
    channel: ChannelCode
    name: Text
    kind: Literal["api", "shopify"]
    pool: ShortText
    currencies: list[Currency] = Field(min_length=1)
    buffer: Units = 0
    undeliverable: Literal["refuse", "hold"] = "refuse"
    fraud_policy: FraudPolicy | None = None
    seller: ShortText | None = None
    on_shortage: Literal["backorder", "cancel"] = "backorder"
    on_out_of_stock: Literal["refuse", "backorder"] = "refuse"
    on_loss: Literal["ask", "reship", "refund"] = "ask"
    decides_up_to_minor: int = Field(default=0, ge=0, le=LARGEST_AMOUNT_MINOR)
    active: bool = True


class Product(Body):
    sku: Sku
    name: Text
    weight_g: Measure
    length_mm: Measure
    width_mm: Measure
    height_mm: Measure
    available_from: PlacedAt | None = None
    category: ShortText | None = None
    barcodes: Annotated[list[Gtin], AfterValidator(_unique)] = Field(
        default=[], max_length=MOST_BARCODES
    )
    hs_code: HsCode | None = Field(default=None, description="6, 8 or 10 digits")
    origin: Origin | None = Field(default=None, description="where it was made")
    active: bool = True


class CarrierAccount(Body):
    """What a carrier knows us by; its secrets are `oms credentials`, which are named here."""

    account: ShortText
    vendor: Literal["easypost"] = Field(description="through whom its labels are bought")
    carrier: ShortText = Field(examples=["UPS"])
    reference: ShortText = Field(description="the vendor's id of the account")
    credential: ShortText = Field(description="as `oms credentials` names it", examples=["key"])
    services: Annotated[list[ShortText], AfterValidator(_unique)] = Field(
        default=[], max_length=MOST_SERVICES, description="those allowed; none: all"
    )
    active: bool = True


class StockLevel(Body):
    """Units that come in: the very same entry is the very same receipt."""

    location: ShortText
    sku: Sku
    on_hand: Units
    safety_stock: Units | None = None

    def key(self) -> str:
        """What is left out and what is `null` say the same."""
        return self._named(self.model_dump(exclude_unset=True, exclude_none=True))

    def receipt(self) -> dict[str, Any]:
        """Of its `twin` it is the repetition: `null` once made another key."""
        said = self.model_dump()
        twin = self._named(said) if self.safety_stock is None else None
        return {**said, "key": self.key(), "twin": twin}

    def _named(self, said: Mapping[str, Any]) -> str:
        entry = json.dumps(said, sort_keys=True)
        content = hashlib.sha256(entry.encode()).hexdigest()[:12]
        return f"import:{self.location}:{self.sku}:{content}"


# A set-up file that does not name these leaves them as they are; all else is then by default.
STAYS: Final[Mapping[str, frozenset[str]]] = {
    "locations": frozenset(
        {"ships", "receives_returns", "time_zone", "opening", "holidays", "cut_off", "active"}
    ),
    "channels": frozenset({"seller", "active"}),
    "products": frozenset({"category", "barcodes", "hs_code", "origin", "active"}),
    "carrier_accounts": frozenset({"services", "active"}),
}


def body(model: type[Body], name: str, without: AbstractSet[str], **more: Any) -> type[Body]:
    """The same fields by the same rules, but for some: a key may be said elsewhere."""
    fields: dict[str, Any] = {
        field: (_rule(info), _default(info))
        for field, info in model.model_fields.items()
        if field not in without
    }
    made: type[Body] = create_model(name, __base__=Body, **fields, **more)
    return made


def partial(model: type[Body], name: str, without: AbstractSet[str], **more: Any) -> Any:
    """The same fields by the same rules, any of which may be left out."""
    fields: dict[str, Any] = {
        field: (_rule(info), Field(default_factory=lambda: None, description=info.description))
        for field, info in model.model_fields.items()
        if field not in without
    }
    return create_model(name, __base__=Body, **fields, **more)


def field(model: type[Body], name: str) -> Any:
    """One field's rule and default, to be put into another model."""
    info = model.model_fields[name]
    return _rule(info), _default(info)


def _default(info: FieldInfo) -> Any:
    default = ... if info.is_required() else info.get_default(call_default_factory=True)
    return Field(default=default, description=info.description, examples=info.examples)


def _rule(info: FieldInfo) -> Any:
    assert get_origin(info.annotation) is not Annotated
    return Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation


def named(entry: Body) -> dict[str, Any]:
    """What the entry says, without what it leaves out; an object inside it is whole."""
    said: dict[str, Any] = entry.model_dump(mode="json")
    return {name: value for name, value in said.items() if name in entry.model_fields_set}
