"""Which orders a list shows, and in which order: as conditions over the tables that know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from db.queries import word_lists
from db.queries.finding import Search

Status = Literal["open", "closed", "needs_person"]
Sort = Literal[
    "-placed_at", "placed_at", "next_deadline", "-next_deadline", "total_minor", "-total_minor"
]
NEWEST: Final[Sort] = "-placed_at"
# Of a word that more orders have, and that has no list in the order of the page.
MOST_GATHERED: Final = 5_000

# o is orders, s order_states; t0, t1 … are lists of orders, one a word. The base is one of these;
# beside lists, the few that have an exception or a hold are looked up as orders.
_STATUS: Final[dict[str, str]] = {
    "open": "o.outcome IS NULL",
    "closed": "o.outcome IS NOT NULL",
    "needs_person": """
        EXISTS (SELECT FROM exceptions e WHERE e.order_id = {few}.order_id AND e.state = 'open')
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
        EXISTS (SELECT FROM exceptions e WHERE e.order_id = {few}.order_id AND e.state = 'open'
            AND (:exception = 'any' OR e.reason = :exception))
    """,
    "hold": """
        EXISTS (SELECT FROM holds h WHERE h.order_id = {few}.order_id AND h.state = 'open'
            AND (:hold = 'any' OR h.kind = :hold))
    """,
}
_DATES: Final[dict[str, str]] = {
    "placed_from": "{of}.placed_at >= :placed_from",
    "placed_to": "{of}.placed_at < :placed_to",
}
_OVERDUE: Final = "s.next_deadline < now()"
_OF_ORDERS: Final = frozenset(
    {"channel", "outcome", "currency", "total_from_minor", "total_to_minor"}
)
_AXES: Final = frozenset({"payment", "fulfillment", "returned"})
# Nearly all orders: a walk by date meets them at once, and no index holds them.
_NOTHING_BACK: Final = "none"
_OF_FEW: Final = frozenset({"exception", "hold"})
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
        return self == OrderFilter(sort=self.sort) and self.is_by_date

    @property
    def is_by_date(self) -> bool:
        return self.sort.endswith("placed_at")

    @property
    def is_due(self) -> bool:
        """Of what is due, now or within a time, there is an index of its own."""
        return bool(self.overdue) or bool({"deadline_from", "deadline_to"} & self.given().keys())

    @property
    def is_by_total(self) -> bool:
        """By amount, and nothing is asked but amounts: their index holds the order of the list."""
        amounts = {"currency", "total_from_minor", "total_to_minor"}
        return self.sort.endswith("total_minor") and self.given().keys() <= {"sort", *amounts}


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
    in_step: bool  # lists are met by date

    @property
    def order(self) -> str:
        return f"{self.key}{self.direction}, {self.id}{self.direction}"


def to_gather(wanted: OrderFilter, search: Search) -> list[int]:
    """Which typed words have no list in the order of the page.

    By amount it is none, but the amounts have one: if nothing else is asked, it may be walked.
    """
    if wanted.is_by_total:
        return [number for number, term in enumerate(search.terms) if not term.orders]
    if wanted.is_by_date and not _is_list(wanted, search):
        return [number for number, term in enumerate(search.terms) if len(term.words) > 1]
    return []


def choose(
    wanted: OrderFilter,
    search: Search | None,
    after: After | None,
    *,
    is_page: bool = True,
    asked: frozenset[int] = frozenset(),
) -> Chosen:
    """Of a page, whoever runs the statement gives the `limit`.

    Of a text there is a list each typed word, or each order is asked whether it has it.
    """
    terms = search.terms if search else ()
    listed = [number for number in range(len(terms)) if number not in asked]
    base = _base(wanted, listed)
    by = wanted.sort.removeprefix("-")
    direction = " DESC" if wanted.sort.startswith("-") else ""
    names = (_CONDITIONS | _DATES).keys()
    values = {name: value for name, value in wanted.given().items() if name in names}
    dates = [_DATES[name] for name in values if name in _DATES]
    conditions = _conditions(wanted, base, "o" if listed else base)
    if after is not None:
        begins = f"({{of}}.{by}, {{of}}.order_id) {'<' if direction else '>'} "
        begins += "(:after_key, :after_order_id)"
        if by == "placed_at":
            dates.append(begins)
        else:
            conditions.append(begins.format(of=base))
        values |= {"after_key": after.key, "after_order_id": after.order_id}
    is_list = is_page and search is not None and _is_list(wanted, search)
    in_step = is_list or (
        is_page
        and wanted.is_by_date
        and not wanted.is_due
        and all(len(terms[each].words) <= 1 for each in listed)
    )
    of_any = word_lists.newest(dates, direction) if is_list else word_lists.OF_ANY
    lists = {f"t{each}": word_lists.of(terms[each], each, values, of_any) for each in listed}
    tables = _needed(wanted, base, is_listed=bool(lists))
    if lists:
        by_both = in_step or (is_page and wanted.is_due)
        source = _met(wanted, lists, tables, "placed_at, order_id" if by_both else "order_id")
    else:
        source = _looked_up(base, tables)
    # Each list is begun where the page begins.
    begun = (*lists, *tables) if lists else (base,)
    conditions += [date.format(of=each) for each in begun for date in dates]
    for each in sorted(asked):
        conditions.append(word_lists.has(terms[each], each, values, (*lists, *tables)))
    return Chosen(
        tables=source,
        conditions=" AND ".join(conditions) or "true",
        id=f"{base}.order_id",
        key=f"{base}.{by}",
        direction=direction,
        values=values,
        in_step=in_step and bool(lists),
    )


def _base(wanted: OrderFilter, listed: Sequence[int]) -> str:
    """The table whose index gives the order of the list; by date each of them has one."""
    given = wanted.given().keys()
    if wanted.sort.endswith("next_deadline"):
        return "s"
    if wanted.sort.endswith("total_minor"):
        return "o"
    if listed:
        return f"t{listed[0]}"
    by_axis = {name for name in _AXES & given if getattr(wanted, name) != _NOTHING_BACK}
    return "s" if by_axis else "o"


def _needed(wanted: OrderFilter, base: str, *, is_listed: bool) -> list[str]:
    given = wanted.given().keys()
    by_few = bool(_OF_FEW & given) or wanted.status == "needs_person"
    needed = {
        "o": base == "o"
        or bool(_OF_ORDERS & given)
        or wanted.status in ("open", "closed")
        or (is_listed and by_few),
        "s": base == "s" or bool(_OF_STATES & given),
    }
    return [table for table, is_needed in needed.items() if is_needed]


def _conditions(wanted: OrderFilter, base: str, few: str) -> list[str]:
    given = wanted.given()
    conditions = [_CONDITIONS[name] for name in given if name in _CONDITIONS]
    if wanted.status:
        conditions.append(_STATUS[wanted.status])
    if wanted.overdue is not None:
        conditions.append(_OVERDUE if wanted.overdue else f"({_OVERDUE}) IS NOT TRUE")
    if wanted.sort.endswith("next_deadline"):
        conditions.append("s.next_deadline IS NOT NULL")  # what waits for nothing has none
    return [condition.format(base=base, few=few) for condition in conditions]


def _looked_up(base: str, tables: Sequence[str]) -> str:
    joined = [
        f"JOIN {_TABLES[each]} {each} ON {each}.order_id = {base}.order_id"
        for each in tables
        if each != base
    ]
    return " ".join([f"{_TABLES[base]} {base}", *joined])


def _met(wanted: OrderFilter, lists: dict[str, str], tables: Sequence[str], by: str) -> str:
    sources = [f"({orders}) AS {name}" for name, orders in lists.items()]
    sources += [_few_due(wanted) if each == "s" else f"{_TABLES[each]} {each}" for each in tables]
    first, *others = sources
    return " ".join([first, *(f"JOIN {other} USING ({by})" for other in others)])


def _few_due(wanted: OrderFilter) -> str:
    """What is due is gathered: beside a city's orders, from the newest on, it may come last."""
    due = [_CONDITIONS[name] for name in ("deadline_from", "deadline_to") if name in wanted.given()]
    due += [_OVERDUE] if wanted.overdue else []
    if not due:
        return "order_states s"
    return f"(SELECT s.* FROM order_states s WHERE {' AND '.join(due)} OFFSET 0) AS s"  # noqa: S608


def _is_list(wanted: OrderFilter, search: Search) -> bool:
    """Whether one typed word alone, and dates, say which orders are shown."""
    asked = wanted.given().keys() - _DATES.keys()
    return asked == {"sort"} and wanted.is_by_date and len(search.terms) == 1
