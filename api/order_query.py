"""What a list of orders may be asked for, as a request and as a saved view write it."""

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from api.fields import ChannelCode, Currency, ListQuery, MomentInQuery, ShortText
from api.hold_models import HoldKind
from api.problems import invalid
from db.queries.finding import MOST_WORDS
from db.queries.order_filter import NEWEST, OrderFilter, Sort, Status
from domain.axes import FulfillmentAxis, PaymentAxis, ReturnAxis

Outcome = Literal[
    "delivered", "cancelled", "rejected_input", "refused_address", "refused_stock",
    "refused_payment", "expired_payment", "lost",
]  # fmt: skip
LONGEST_TEXT: Final = 200
# Far above any order's total, and far below what the database can hold.
MOST_MINOR: Final = 10**15
ViewName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,59}$"),
    Field(examples=["overdue"]),
]
Minor = Annotated[int, Field(ge=0, le=MOST_MINOR)]


def _searchable(text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise ValueError("control characters cannot be searched for")
    if len(text.split()) > MOST_WORDS:
        raise ValueError(f"at most {MOST_WORDS} words can be searched for")
    return text


SearchText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT),
    AfterValidator(_searchable),
]


class OrderWish(BaseModel):
    """Filters and sorting; all filters must be met."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"status": "open", "overdue": True, "sort": "next_deadline"}]
        },
    )
    channel: ChannelCode | None = None
    location: ShortText | None = Field(
        default=None, description="it ships, or shipped, a part of the order"
    )
    status: Status | None = Field(
        default=None, description="needs_person: an exception of the order is open"
    )
    outcome: Outcome | None = None
    payment: PaymentAxis | None = Field(default=None, description="the axis of that name")
    fulfillment: FulfillmentAxis | None = Field(default=None, description="the axis of that name")
    returned: ReturnAxis | None = Field(default=None, description="the axis `return`")
    placed_from: MomentInQuery | None = Field(default=None, description="inclusive")
    placed_to: MomentInQuery | None = Field(default=None, description="exclusive")
    currency: Currency | None = Field(default=None, description="ISO 4217")
    total_from_minor: Minor | None = Field(default=None, description="inclusive; needs `currency`")
    total_to_minor: Minor | None = Field(default=None, description="inclusive; needs `currency`")
    exception: Annotated[str, Field(pattern=r"^[a-z_]{1,50}$")] | None = Field(
        default=None, description="an open exception for this reason, or for `any`"
    )
    hold: HoldKind | Literal["any"] | None = Field(
        default=None, description="an open hold of this kind, or of any"
    )
    deadline_from: MomentInQuery | None = Field(
        default=None, description="of `next_deadline`, inclusive"
    )
    deadline_to: MomentInQuery | None = Field(
        default=None, description="of `next_deadline`, exclusive"
    )
    overdue: bool | None = Field(default=None, description="whether `next_deadline` has passed")
    sort: Sort = Field(
        default=NEWEST,
        description="`-` is descending. By `next_deadline` only orders that wait for something are "
        "listed; `total_minor` needs `currency`.",
    )

    def wanted(self) -> OrderFilter:
        """Raises: Problem for amounts without their currency."""
        amounts = (self.total_from_minor, self.total_to_minor)
        if self.currency is None and (
            any(amount is not None for amount in amounts) or self.sort.endswith("total_minor")
        ):
            raise invalid([{"pointer": "currency", "detail": "amounts of which currency?"}])
        return OrderFilter(**{name: getattr(self, name) for name in OrderWish.model_fields})

    def asked(self) -> dict[str, Any]:
        """Only what was said, as JSON writes it."""
        said = self.model_dump(mode="json", exclude_unset=True, include=set(OrderWish.model_fields))
        return {name: value for name, value in said.items() if value is not None}


class SearchedWish(OrderWish):
    """With a text, and on top of a saved view."""

    q: SearchText | None = Field(
        default=None,
        description="Words of the order: its id, the channel's own id, customer, e-mail address, "
        "SKU, tracking number, city. All must be found; capitals and accents do not matter.",
        examples=["silva porto"],
    )
    view: ViewName | None = Field(
        default=None, description="a saved view; what is said beside it takes precedence"
    )


class OrdersQuery(SearchedWish, ListQuery):
    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": []})
