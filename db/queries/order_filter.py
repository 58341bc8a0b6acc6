"""Which orders a list shows, and in which order: as conditions over the tables that know."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from db.queries.finding import Search

Status = Literal["open", "closed", "needs_person"]
Sort = Literal[
    "-placed_at", "placed_at", "next_deadline", "-next_deadline", "total_minor", "-total_minor"
]
NEWEST: Final[Sort] = "-placed_at"
# Of how many orders, the newest first, several words, or many, are looked for one by one.
WINDOW: Final = 5_000
FEW_WORDS: Final = 10

# o is orders, s order_states, t order_search; the base is one of them.
_STATUS: Final[dict[str, str]] = {
    "open": "o.outcome IS NULL",
    "closed": "o.outcome IS NOT NULL",
    "needs_person": """
        EXISTS (SELECT FROM exceptions e WHERE e.order_id = {base}.order_id AND e.state = 'open')
    """,
}
_CONDITIONS: Final[dict[str, str]] = {
    "channel": "o.channel = :channel",
    "outcome": "o.outcome = :outcome",
    "payment": "s.payment = :payment",
    "fulfillment": "s.fulfillment = :fulfillment",
    "returned": "s.returned = :returned",
    "placed_from": "{base}.placed_at >= :placed_from",
    "placed_to": "{base}.placed_at < :placed_to",
    "currency": "o.currency = :currency",
    "total_from_minor": "o.total_minor >= :total_from_minor",
    "total_to_minor": "o.total_minor <= :total_to_minor",
    "deadline_from": "s.next_deadline >= :deadline_from",
    "deadline_to": "s.next_deadline < :deadline_to",
    "location": """
        EXISTS (SELECT FROM fulfillments f
            WHERE f.order_id = {base}.order_id AND f.location = :location)
    """,
    "exception": """
        EXISTS (SELECT FROM exceptions e WHERE e.order_id = {base}.order_id AND e.state = 'open'
            AND (:exception = 'any' OR e.reason = :exception))
    """,
    "hold": """
        EXISTS (SELECT FROM holds h WHERE h.order_id = {base}.order_id AND h.state = 'open'
            AND (:hold = 'any' OR h.kind = :hold))
    """,
}
_OVERDUE: Final = "s.next_deadline < now()"
_OF_ORDERS: Final = frozenset(
    {"channel", "outcome", "currency", "total_from_minor", "total_to_minor"}
)
_AXES: Final = frozenset({"payment", "fulfillment", "returned"})
# Nearly all orders: a walk by date meets them at once, and no index holds them.
_NOTHING_BACK: Final = "none"
_OF_STATES: Final = _AXES | {"deadline_from", "deadline_to", "overdue"}
_TABLES: Final = {"o": "orders", "s": "order_states", "t": "order_search"}


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
    """The parts of a statement that picks orders: from which tables, which, sorted how."""

    tables: str
    conditions: str
    id: str
    key: str  # what is sorted by
    direction: str
    values: dict[str, Any]

    @property
    def order(self) -> str:
        return f"{self.key}{self.direction}, {self.id}{self.direction}"


def choose(
    wanted: OrderFilter, search: Search | None, after: After | None, *, window: bool = False
) -> Chosen:
    """With `window`, only from the first orders by date: see `gains_by_window`."""
    given = wanted.given()
    base = _base(wanted, search)
    by = wanted.sort.removeprefix("-")
    values = {name: value for name, value in given.items() if name in _CONDITIONS}
    written = {name: _CONDITIONS[name].format(base=base) for name in values}
    by_date = [written.pop(name) for name in ("placed_from", "placed_to") if name in written]
    chosen = Chosen(
        tables="",
        conditions="",
        id=f"{base}.order_id",
        key=f"{base}.{by}",
        direction=" DESC" if wanted.sort.startswith("-") else "",
        values=values,
    )
    if after is not None:
        sign = "<" if chosen.direction else ">"
        by_date.append(f"({chosen.key}, {chosen.id}) {sign} (:after_key, :after_order_id)")
        values |= {"after_key": after.key, "after_order_id": after.order_id}
    if by == "next_deadline":
        by_date.append("s.next_deadline IS NOT NULL")  # what waits for nothing has none
    conditions = [*written.values(), *_further(wanted, base)]
    if search:
        conditions += _of_search(search, wanted, values)
    if not window:
        conditions += by_date
    source = _window(base, by_date, chosen.order) if window else f"{_TABLES[base]} {base}"
    joined = [
        f"JOIN {_TABLES[each]} {each} ON {each}.order_id = {base}.order_id"
        for each in sorted(_needed(wanted, search) - {base})
    ]
    return replace(
        chosen, tables=" ".join([source, *joined]), conditions=" AND ".join(conditions) or "true"
    )


def gains_by_window(wanted: OrderFilter, search: Search | None) -> bool:
    """Words that go together, as a city's, have more orders than a plan expects of each by itself.

    So have many words that begin alike. Some of those are among the newest, then, and a short walk
    by date finds a page of them.
    """
    words = [len(term.words) for term in search.terms if term.words] if search else []
    return (len(words) > 1 or max(words, default=0) > FEW_WORDS) and _base(wanted, search) == "t"


def _base(wanted: OrderFilter, search: Search | None) -> str:
    """The table whose index gives the order of the list; by date each of them has one."""
    given = wanted.given().keys()
    if wanted.sort.endswith("next_deadline"):
        return "s"
    if wanted.sort.endswith("total_minor"):
        return "o"
    by_axis = {name for name in _AXES & given if getattr(wanted, name) != _NOTHING_BACK}
    if by_axis:
        return "s"
    return "t" if search else "o"


def _needed(wanted: OrderFilter, search: Search | None) -> set[str]:
    given = wanted.given().keys()
    return {
        table
        for table, is_needed in {
            "o": bool(_OF_ORDERS & given) or wanted.status in ("open", "closed"),
            "s": bool(_OF_STATES & given),
            "t": bool(search),
        }.items()
        if is_needed
    }


def _further(wanted: OrderFilter, base: str) -> list[str]:
    conditions = []
    if wanted.status:
        conditions.append(_STATUS[wanted.status].format(base=base))
    if wanted.overdue is not None:
        conditions.append(_OVERDUE if wanted.overdue else f"({_OVERDUE}) IS NOT TRUE")
    return conditions


def _of_search(search: Search, wanted: OrderFilter, values: dict[str, Any]) -> list[str]:
    conditions = []
    if wanted.channel is not None:
        conditions.append("t.words @> ARRAY['@' || :channel]")
    for number, term in enumerate(search.terms):
        either = []
        if term.orders:
            values[f"ids_{number}"] = list(term.orders)
            either.append(f"t.order_id = ANY(CAST(:ids_{number} AS text[]))")
        if term.words:
            values[f"words_{number}"] = list(term.words)
            either.append(f"t.words && CAST(:words_{number} AS text[])")
        conditions.append(f"({' OR '.join(either)})")
    return conditions


def _window(base: str, conditions: list[str], order: str) -> str:
    return f"""(
        SELECT * FROM {_TABLES[base]} {base} WHERE {" AND ".join(conditions) or "true"}
        ORDER BY {order} LIMIT {WINDOW}
    ) AS {base}"""  # noqa: S608 - fragments of this file
