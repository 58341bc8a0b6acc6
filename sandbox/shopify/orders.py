"""Lists orders: Shopify's search terms, sort keys and cursors over what was seeded."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.shopify import seeds, views
from sandbox.shopify.execute import Node, QueryFault, connection, page_size
from sandbox.store import Tx

Json = dict[str, Any]
Test = Callable[[Json], bool]

CHUNK: Final = 200
TERM: Final = re.compile(
    r"(?P<name>\w+):(?P<sign><=|>=|<|>)?(?P<value>'[^']*'|\"[^\"]*\"|[^\s()]+)"
)
SORTS: Final = {
    "UPDATED_AT": "updated_at",
    "CREATED_AT": "created_at",
    "PROCESSED_AT": "processed_at",
    "ORDER_NUMBER": "order_number",
    "ID": "id",
}
TIMES: Final = ("updated_at", "created_at", "processed_at")
TEXTS: Final = ("name", "financial_status", "fulfillment_status", "email", "id")
SIGNS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def search(tx: Tx, arguments: Mapping[str, Any]) -> Node:
    """Raises: QueryFault."""
    size = page_size(arguments, "Order")
    sort = str(arguments.get("sortKey") or "PROCESSED_AT")
    if sort not in SORTS:
        raise QueryFault(f"this shop does not sort orders by {sort}", "BAD_REQUEST")
    tests = _tests(str(arguments.get("query") or ""))
    after = _opened(arguments.get("after"))
    backwards = bool(arguments.get("reverse"))
    if sort == "UPDATED_AT" and not backwards:
        found = _by_update(tx, after)
    else:
        found = _by_any(tx, SORTS[sort], after, backwards=backwards)
    docs = []
    for doc in found:
        if all(test(doc) for test in tests):
            docs.append(doc)
        if len(docs) > size:
            break
    part = docs[:size]
    nodes = [views.order(tx, doc) for doc in part]
    cursors = [_closed(doc, SORTS[sort]) for doc in part]
    return connection("Order", nodes, cursors, more=len(docs) > size)


def _by_update(tx: Tx, after: tuple[str, str]) -> Iterator[Json]:
    """Along the store's own order: cheap however many orders there are."""
    while True:
        chunk = tx.page(seeds.ORDER, after=after, limit=CHUNK)
        for held in chunk:
            yield held["order"]
        if len(chunk) < CHUNK:
            return
        after = (chunk[-1]["order"]["updated_at"], chunk[-1]["id"])


def _by_any(tx: Tx, field: str, after: tuple[str, str], *, backwards: bool) -> Iterator[Json]:
    docs = sorted(_by_update(tx, ("", "")), key=lambda doc: _place(doc, field), reverse=backwards)
    for doc in docs:
        here = _place(doc, field)
        if after == ("", "") or (here < after if backwards else here > after):
            yield doc


def _place(doc: Json, field: str) -> tuple[str, str]:
    value = doc[field]
    text = f"{value:020d}" if isinstance(value, int) else str(views.moment(value))
    return text, str(doc["id"])


def _closed(doc: Json, field: str) -> str:
    return base64.urlsafe_b64encode("|".join(_place(doc, field)).encode()).decode()


def _opened(cursor: Any) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    try:
        sort, _, key = base64.urlsafe_b64decode(str(cursor)).decode().partition("|")
    except (binascii.Error, UnicodeDecodeError):
        raise QueryFault("Invalid cursor for current pagination sort.", "BAD_REQUEST") from None
    return sort, key


def _tests(query: str) -> list[Test]:
    """All terms must hold; a field that is no search field is ignored, as Shopify does."""
    tests = []
    for term in TERM.finditer(query):
        value = term["value"].strip("'\"")
        if term["name"] in TIMES:
            tests.append(_time_test(term["name"], term["sign"] or "", value))
        elif term["name"] in TEXTS:
            tests.append(_text_test(term["name"], value))
    return tests


def _time_test(field: str, sign: str, value: str) -> Test:
    try:
        bound = _timestamp(value)
    except ValueError:
        return lambda _: True
    return lambda doc: SIGNS[sign](_timestamp(doc[field]), bound)


def _text_test(field: str, value: str) -> Test:
    wanted = value.lower().removeprefix("#")
    return lambda doc: str(doc[field] or "unfulfilled").lower().removeprefix("#") == wanted


def _timestamp(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
