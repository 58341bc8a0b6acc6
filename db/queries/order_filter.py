"""Which orders a list shows, and in which order: as conditions over the tables that know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from db.queries.finding import Search, Term

Status = Literal["open", "closed", "needs_person"]
Sort = Literal[
    "-placed_at", "placed_at", "next_deadline", "-next_deadline", "total_minor", "-total_minor"
]
NEWEST: Final[Sort] = "-placed_at"

# o is orders, s order_states; t0, t1 … are lists of orders, one a word. The base is one of these.
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
_DATES: Final[dict[str, str]] = {
    "placed_from": "{of}.placed_at >= :placed_from",
    "placed_to": "{of}.placed_at < :placed_to",
}
_BY_ID: Final = """
    SELECT placed_at, order_id FROM orders WHERE order_id = ANY(CAST(:{ids} AS text[]))
"""
_OF_WORD: Final = "SELECT placed_at, order_id FROM word_orders WHERE word = :{word}"
_ALL: Final = """
    SELECT DISTINCT placed_at, order_id FROM word_orders
    WHERE word = ANY(CAST(:{words} AS text[]))
"""
_OVERDUE: Final = "s.next_deadline < now()"
_OF_ORDERS: Final = frozenset(
    {"channel", "outcome", "currency", "total_from_minor", "total_to_minor"}
)
_AXES: Final = frozenset({"payment", "fulfillment", "returned"})
# Nearly all orders: a walk by date meets them at once, and no index holds them.
_NOTHING_BACK: Final = "none"
_OF_STATES: Final = _AXES | {"deadline_from", "deadline_to", "overdue"}
_TABLES: Final = {"o": "orders", "s": "order_states"}


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
    wanted: OrderFilter, search: Search | None, after: After | None, *, is_page: bool = True
) -> Chosen:
    """Of a page, whoever runs the statement gives the `limit`."""
    base = _base(wanted, search)
    by = wanted.sort.removeprefix("-")
    direction = " DESC" if wanted.sort.startswith("-") else ""
    names = (_CONDITIONS | _DATES).keys()
    values = {name: value for name, value in wanted.given().items() if name in names}
    conditions = [_CONDITIONS[name].format(base=base) for name in values if name in _CONDITIONS]
    conditions += _further(wanted, base)
    dates = [_DATES[name] for name in values if name in _DATES]
    if after is not None:
        begins = f"({{of}}.{by}, {{of}}.order_id) {'<' if direction else '>'} "
        begins += "(:after_key, :after_order_id)"
        if by == "placed_at":
            dates.append(begins)
        else:
            conditions.append(begins.format(of=base))
        values |= {"after_key": after.key, "after_order_id": after.order_id}
    tables = _needed(wanted, base)
    if search:
        newest = is_page and _is_list(wanted, search)
        listed = _lists(search, values, _newest(dates, direction) if newest else _ALL)
        source = _met(listed, tables)
        # Each list is begun where the page begins.
        conditions += [date.format(of=each) for each in (*listed, *tables) for date in dates]
    else:
        source = _looked_up(base, tables)
        conditions += [date.format(of=base) for date in dates]
    return Chosen(
        tables=source,
        conditions=" AND ".join(conditions) or "true",
        id=f"{base}.order_id",
        key=f"{base}.{by}",
        direction=direction,
        values=values,
    )


def _base(wanted: OrderFilter, search: Search | None) -> str:
    """The table whose index gives the order of the list; by date each of them has one."""
    given = wanted.given().keys()
    if wanted.sort.endswith("next_deadline"):
        return "s"
    if wanted.sort.endswith("total_minor"):
        return "o"
    if search:
        return "t0"
    by_axis = {name for name in _AXES & given if getattr(wanted, name) != _NOTHING_BACK}
    return "s" if by_axis else "o"


def _needed(wanted: OrderFilter, base: str) -> list[str]:
    given = wanted.given().keys()
    needed = {
        "o": bool(_OF_ORDERS & given) or wanted.status in ("open", "closed") or base == "o",
        "s": bool(_OF_STATES & given) or base == "s",
    }
    return [table for table, is_needed in needed.items() if is_needed]


def _further(wanted: OrderFilter, base: str) -> list[str]:
    conditions = []
    if wanted.status:
        conditions.append(_STATUS[wanted.status].format(base=base))
    if wanted.overdue is not None:
        conditions.append(_OVERDUE if wanted.overdue else f"({_OVERDUE}) IS NOT TRUE")
    if wanted.sort.endswith("next_deadline"):
        conditions.append("s.next_deadline IS NOT NULL")  # what waits for nothing has none
    return conditions


def _looked_up(base: str, tables: Sequence[str]) -> str:
    joined = [
        f"JOIN {_TABLES[each]} {each} ON {each}.order_id = {base}.order_id"
        for each in tables
        if each != base
    ]
    return " ".join([f"{_TABLES[base]} {base}", *joined])


def _met(listed: dict[str, str], tables: Sequence[str]) -> str:
    """Lists of one order, by date: read in step until the page is full, none to its end."""
    sources = [f"({orders}) AS {name}" for name, orders in listed.items()]
    sources += [f"{_TABLES[each]} {each}" for each in tables]
    first, *others = sources
    return " ".join([first, *(f"JOIN {other} USING (placed_at, order_id)" for other in others)])


def _is_list(wanted: OrderFilter, search: Search) -> bool:
    """Whether the text alone, and dates, say which orders are shown."""
    return (
        wanted.given().keys() <= {"sort", *_DATES}
        and len(search.terms) == 1
        and (wanted.sort.endswith("placed_at"))
    )


def _lists(search: Search, values: dict[str, Any], of_many: str) -> dict[str, str]:
    return {
        f"t{number}": _list(term, f"{number}", values, of_many)
        for number, term in enumerate(search.terms)
    }


def _list(term: Term, number: str, values: dict[str, Any], of_many: str) -> str:
    """The orders that have one of the term's ids or words."""
    lists = []
    if term.orders:
        values[f"ids_{number}"] = list(term.orders)
        lists.append(_BY_ID.format(ids=f"ids_{number}"))
    if len(term.words) == 1:
        values[f"word_{number}"] = term.words[0]
        lists.append(_OF_WORD.format(word=f"word_{number}"))
    elif term.words:
        values[f"words_{number}"] = list(term.words)
        lists.append(of_many.format(words=f"words_{number}"))
    return " UNION ".join(lists)


def _newest(dates: Sequence[str], direction: str) -> str:
    """Of each of many words no more orders than fill the page, however many it has."""
    begun = " AND ".join(["l.word = w.word", *(date.format(of="l") for date in dates)])
    return f"""
        SELECT DISTINCT each.placed_at, each.order_id
        FROM unnest(CAST(:{{words}} AS text[])) AS w(word) CROSS JOIN LATERAL (
          SELECT l.placed_at, l.order_id FROM word_orders l WHERE {begun}
          ORDER BY l.placed_at{direction}, l.order_id{direction} LIMIT :limit) AS each
    """  # noqa: S608 - fragments of this file
