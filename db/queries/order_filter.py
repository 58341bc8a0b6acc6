"""Which orders a list shows, and in which order: as conditions over the tables that know."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from db.queries.finding import Search

Status = Literal["open", "closed", "needs_person"]
Sort = Literal[
    "-placed_at", "placed_at", "next_deadline", "-next_deadline", "total_minor", "-total_minor"
]
NEWEST: Final[Sort] = "-placed_at"

_STATUS: Final[dict[str, str]] = {
    "open": "o.outcome IS NULL",
    "closed": "o.outcome IS NOT NULL",
    "needs_person": """
        EXISTS (SELECT FROM exceptions e WHERE e.order_id = o.order_id AND e.state = 'open')
    """,
}
# By the field of the filter. s is order_states, o orders.
_CONDITIONS: Final[dict[str, str]] = {
    "channel": "o.channel = :channel",
    "outcome": "o.outcome = :outcome",
    "payment": "s.payment = :payment",
    "fulfillment": "s.fulfillment = :fulfillment",
    "returned": "s.returned = :returned",
    "placed_from": "{placed_at} >= :placed_from",
    "placed_to": "{placed_at} < :placed_to",
    "currency": "o.currency = :currency",
    "total_from_minor": "o.total_minor >= :total_from_minor",
    "total_to_minor": "o.total_minor <= :total_to_minor",
    "deadline_from": "s.next_deadline >= :deadline_from",
    "deadline_to": "s.next_deadline < :deadline_to",
    "location": """
        EXISTS (SELECT FROM fulfillments f WHERE f.order_id = o.order_id AND f.location = :location)
    """,
    "exception": """
        EXISTS (SELECT FROM exceptions e WHERE e.order_id = o.order_id AND e.state = 'open'
            AND (:exception = 'any' OR e.reason = :exception))
    """,
    "hold": """
        EXISTS (SELECT FROM holds h WHERE h.order_id = o.order_id AND h.state = 'open'
            AND (:hold = 'any' OR h.kind = :hold))
    """,
}
_OVERDUE: Final = "s.next_deadline < now()"
_OF_STATES: Final = frozenset(
    {"payment", "fulfillment", "returned", "deadline_from", "deadline_to", "overdue"}
)


@dataclass(frozen=True)
class OrderFilter:
    channel: str | None = None
    outcome: str | None = None
    status: Status | None = None
    payment: str | None = None
    fulfillment: str | None = None
    returned: str | None = None
    location: str | None = None
    placed_from: datetime | None = None  # inclusive
    placed_to: datetime | None = None  # exclusive
    currency: str | None = None
    total_from_minor: int | None = None  # both inclusive
    total_to_minor: int | None = None
    deadline_from: datetime | None = None  # inclusive
    deadline_to: datetime | None = None  # exclusive
    overdue: bool | None = None
    exception: str | None = None  # the reason of an open one, or "any"
    hold: str | None = None  # a kind, or "any"
    sort: Sort = NEWEST

    def given(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}

    @property
    def is_plain(self) -> bool:
        """All orders by date: nothing there that a plan could mistake."""
        return self == OrderFilter(sort=self.sort) and self.sort.endswith("placed_at")


@dataclass(frozen=True)
class After:
    """Where the last page ended: the value it is sorted by, and the order."""

    key: datetime | int
    order_id: str


@dataclass(frozen=True)
class Chosen:
    """The parts of a statement that reads orders: `FROM orders o`, what joins it, which, how."""

    joins: str
    conditions: str
    key: str  # what is sorted by
    order: str
    values: dict[str, Any] = field(default_factory=dict)


def choose(wanted: OrderFilter, search: Search | None, after: After | None) -> Chosen:
    given = wanted.given()
    needs_states = bool(_OF_STATES & given.keys()) or wanted.sort.endswith("next_deadline")
    joins, of = "", "o"
    if needs_states:
        joins, of = "JOIN order_states s ON s.order_id = o.order_id", "s"
    if search:
        # Sorted by the date in the table of the words, a walk by date reads no other.
        joins, of = f"{joins} JOIN order_search t ON t.order_id = o.order_id", "t"
    values = {name: value for name, value in given.items() if name in _CONDITIONS}
    conditions = [_CONDITIONS[name].format(placed_at=f"{of}.placed_at") for name in values]
    if wanted.status:
        conditions.append(_STATUS[wanted.status])
    if wanted.overdue is not None:
        conditions.append(_OVERDUE if wanted.overdue else f"({_OVERDUE}) IS NOT TRUE")
    for number, term in enumerate(search.terms if search else ()):
        values |= {f"ids_{number}": list(term.orders), f"words_{number}": list(term.words)}
        conditions.append(_of_term(number, bool(term.orders), bool(term.words)))
    key, order = _sorting(wanted.sort, of, conditions)
    if after is not None:
        sign = "<" if wanted.sort.startswith("-") else ">"
        conditions.append(f"({key}, {key[0]}.order_id) {sign} (:after_key, :after_order_id)")
        values |= {"after_key": after.key, "after_order_id": after.order_id}
    return Chosen(joins, " AND ".join(conditions) or "true", key, order, values)


def _of_term(number: int, has_ids: bool, has_words: bool) -> str:  # noqa: FBT001
    ids = f"t.order_id = ANY(CAST(:ids_{number} AS text[]))"
    words = f"t.words && CAST(:words_{number} AS text[])"
    return f"({ids} OR {words})" if has_ids and has_words else ids if has_ids else words


def _sorting(sort: Sort, of: str, conditions: list[str]) -> tuple[str, str]:
    """The key, and how to sort by it; what waits for nothing has no deadline to be sorted by."""
    by = sort.removeprefix("-")
    source = {"placed_at": of, "next_deadline": "s", "total_minor": "o"}[by]
    if by == "next_deadline":
        conditions.append("s.next_deadline IS NOT NULL")
    direction = " DESC" if sort.startswith("-") else ""
    key = f"{source}.{by}"
    return key, f"{key}{direction}, {source}.order_id{direction}"
