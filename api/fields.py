"""The small types that requests and answers are made of."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import Header, Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
)

from api.pagination import DEFAULT_LIMIT, LONGEST_CURSOR, MOST
from domain.order import CHANNEL, COUNTRY, CURRENCY, EMAIL, EXTERNAL_ID

# PostgreSQL keeps other years too, but a parser that meets them later may not.
EARLIEST_YEAR: Final = 2000
LATEST_YEAR: Final = 2199
NUMBER: Final = re.compile(r"\s*[-+]?[0-9._]+\s*")
IDEMPOTENCY_KEY: Final = r"^[\x21-\x7e]{1,200}$"


class Body(BaseModel):
    """What callers send: no unknown field, no conversion between types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What we answer; read from rows, which may hold more than is shown."""

    model_config = ConfigDict(extra="ignore", from_attributes=True, frozen=True)


class ListQuery(BaseModel):
    """A list's parameters: an unknown one is a mistake, not a wish to be ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MOST)
    cursor: str | None = Field(
        default=None, max_length=LONGEST_CURSOR, description="`next_cursor` of the page before"
    )


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("the NUL character cannot be stored")
    return text


def _one_recipient(text: str) -> str:
    if not EMAIL.fullmatch(text):
        raise ValueError("the e-mail address of one recipient is needed: name@host")
    return text


def _written(value: Any) -> Any:
    """A moment is written as a text, never as a number of seconds."""
    is_number = isinstance(value, str) and NUMBER.fullmatch(value)
    if is_number or not isinstance(value, str | datetime):
        raise ValueError("a moment is an ISO 8601 text with its offset")
    return value


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ValueError(f"the year must be from {EARLIEST_YEAR} to {LATEST_YEAR}")
    return moment.astimezone(UTC)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


def _text(most: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most)


Text = Annotated[str, _text(500), AfterValidator(_no_nul)]
ShortText = Annotated[str, _text(100), AfterValidator(_no_nul)]
PostalCode = Annotated[str, _text(20), AfterValidator(_no_nul)]
Sku = Annotated[str, _text(100), AfterValidator(_no_nul)]
LongText = Annotated[str, _text(2000), AfterValidator(_no_nul)]
ChannelCode = Annotated[str, StringConstraints(pattern=CHANNEL.pattern)]
ExternalId = Annotated[str, StringConstraints(pattern=EXTERNAL_ID.pattern)]
Currency = Annotated[
    str,
    StringConstraints(pattern=CURRENCY.pattern),
    Field(description="ISO 4217", examples=["USD"]),
]
Country = Annotated[
    str, StringConstraints(pattern=COUNTRY.pattern), Field(description="ISO 3166-1 alpha-2")
]
Email = Annotated[
    str,
    StringConstraints(max_length=320),
    AfterValidator(_one_recipient),
    Field(json_schema_extra={"pattern": EMAIL.pattern}),
]
PlacedAt = Annotated[
    AwareDatetime, Strict(strict=False), BeforeValidator(_written), AfterValidator(_plausible)
]
MomentInQuery = Annotated[AwareDatetime, BeforeValidator(_written)]
# In answers, whatever the database's own time zone.
Moment = Annotated[datetime, AfterValidator(_utc)]
Minor = Annotated[int, Field(description="minor units of the currency")]

OrderId = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9]{1,20}-[A-Za-z0-9._-]{1,64}$",
        description="`{channel}-{external_id}`",
        examples=["shop-1001"],
    ),
]
FulfillmentId = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9]{1,20}-[A-Za-z0-9._-]{1,64}-f[0-9]{1,9}$",
        description="`{order_id}-f{n}`",
        examples=["shop-1001-f1"],
    ),
]
ReturnId = Annotated[
    str,
    Path(
        pattern=r"^[a-z0-9]{1,20}-[A-Za-z0-9._-]{1,64}-r[0-9]{1,9}$",
        description="`{order_id}-r{n}`",
        examples=["shop-1001-r1"],
    ),
]
ExceptionId = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9._/:-]{1,200}$", examples=["shop-1001-x1-1"])
]
SkuInPath = Annotated[str, Path(max_length=100), AfterValidator(_no_nul)]
RequiredIdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=IDEMPOTENCY_KEY,
        description="Your name for this request. A repeat with the same key hears the same answer; "
        "the same key with another request is refused.",
        examples=["order-1001"],
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=IDEMPOTENCY_KEY,
        description="Optional. A repeat with the same key hears the same answer.",
    ),
]
