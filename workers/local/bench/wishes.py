"""The kinds of queries that are measured, each made of an order that is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows
from db.queries.order_filter import After, OrderFilter


@dataclass(frozen=True)
class Wish:
    filter: OrderFilter = field(default_factory=OrderFilter)
    text: str | None = None
    after: After | None = None


@dataclass(frozen=True)
class Sample:
    order_id: str
    external_id: str
    channel: str
    currency: str
    total_minor: int
    name: str
    email: str
    city: str
    placed_at: datetime
    sku: str
    location: str
    tracking_number: str

    @property
    def first(self) -> str:
        return self.name.split(" ", 1)[0]

    @property
    def last(self) -> str:
        return self.name.split(" ", 1)[1]


async def sample(connection: AsyncConnection, count: int) -> list[Sample]:
    """Orders of any age, the more the better known their words are."""
    found = await rows(
        connection,
        """
        SELECT o.order_id, o.external_id, o.channel, o.currency, o.total_minor,
          o.customer_name AS name, o.customer_email AS email, o.ship_to ->> 'city' AS city,
          o.placed_at, l.sku, f.location, b.tracking_number
        FROM orders o TABLESAMPLE BERNOULLI (10) REPEATABLE (1)
        JOIN order_lines l ON l.order_id = o.order_id AND l.line_no = 1
        JOIN fulfillments f ON f.order_id = o.order_id
        JOIN labels b ON b.fulfillment_id = f.fulfillment_id
        ORDER BY md5(o.order_id) LIMIT :count
        """,
        count=count * 4,
    )
    return [Sample(**each._asdict()) for each in found]


def _texts(text: Callable[[Sample, Random], str], **filters: Any) -> Callable[..., Wish]:
    return lambda of, dice: Wish(OrderFilter(**filters), text(of, dice))


def _one_of(name: str, values: Sequence[str], **more: Any) -> Callable[..., Wish]:
    return lambda _, dice: Wish(OrderFilter(**{name: dice.choice(values)}, **more))


def _misspelt(of: Sample, dice: Random) -> str:
    """Two letters of the family name change places."""
    word = max(of.last.replace("'", " ").split(), key=len)
    place = dice.randrange(1, max(2, len(word) - 2))
    return word[:place] + word[place : place + 2][::-1] + word[place + 2 :]


def _around(of: Sample, dice: Random) -> Wish:
    days = timedelta(days=dice.choice([1, 7, 30]))
    return Wish(OrderFilter(placed_from=of.placed_at - days, placed_to=of.placed_at + days))


def _dearer(of: Sample, _: Random) -> Wish:
    return Wish(
        OrderFilter(currency=of.currency, total_from_minor=of.total_minor, sort="total_minor")
    )


KINDS: Final[dict[str, Callable[[Sample, Random], Wish]]] = {
    "order number": _texts(lambda of, _: of.order_id),
    "external id": _texts(lambda of, _: of.external_id),
    "tracking number": _texts(lambda of, _: of.tracking_number),
    "e-mail": _texts(lambda of, _: of.email),
    "beginning of an e-mail": _texts(lambda of, _: of.email.split("@")[0] + "@"),
    "SKU": _texts(lambda of, _: of.sku),
    "first name": _texts(lambda of, _: of.first),
    "family name": _texts(lambda of, _: of.last),
    "full name": _texts(lambda of, _: of.name),
    "city": _texts(lambda of, _: of.city),
    "name and city": _texts(lambda of, _: f"{of.first} {of.city}"),
    "family name and city": _texts(lambda of, _: f"{of.last} {of.city}"),
    "beginning of a name": _texts(lambda of, _: of.last[:3]),
    "misspelt name": _texts(_misspelt),
    "unknown word": _texts(lambda _, dice: f"{dice.random():.12f}"),
    "newest": lambda *_: Wish(),
    "a page far back": lambda of, _: Wish(after=After(of.placed_at, of.order_id)),
    "status": _one_of("status", ["open", "closed", "needs_person"]),
    "outcome": _one_of("outcome", ["delivered", "cancelled", "refused_address", "lost"]),
    "payment axis": _one_of(
        "payment", ["paid", "refunded", "partly_refunded", "voided", "authorized", "unpaid"]
    ),
    "fulfillment axis": _one_of(
        "fulfillment", ["unfulfilled", "in_progress", "shipped", "delivered", "lost", "cancelled"]
    ),
    "return axis": _one_of("returned", ["none", "requested", "returned"]),
    "two axes": lambda _, dice: Wish(
        OrderFilter(
            payment=dice.choice(["paid", "authorized", "refunded"]),
            fulfillment=dice.choice(["shipped", "unfulfilled", "delivered"]),
        )
    ),
    "channel": lambda of, _: Wish(OrderFilter(channel=of.channel)),
    "channel and status": lambda of, _: Wish(OrderFilter(channel=of.channel, status="open")),
    "location": lambda of, _: Wish(OrderFilter(location=of.location)),
    "dates": _around,
    "money": _dearer,
    "exception": _one_of("exception", ["any", "pick_overdue", "step_exhausted"]),
    "hold": _one_of("hold", ["any", "fraud_review", "address_problem"]),
    "overdue": lambda *_: Wish(OrderFilter(overdue=True, sort="next_deadline")),
    "next deadline": lambda *_: Wish(OrderFilter(sort="next_deadline")),
    "open orders of a name": _texts(lambda of, _: of.last, status="open"),
    "overdue orders of a city": _texts(lambda of, _: of.city, overdue=True, sort="next_deadline"),
    "a name in a channel": lambda of, _: Wish(OrderFilter(channel=of.channel), of.last),
    "a name, refunded": _texts(lambda of, _: of.first, payment="partly_refunded"),
}
