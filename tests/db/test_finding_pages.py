"""Pages of a text hold what a look at every order says, and read little to know it."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.queries import order_export, orders
from db.queries.finding import IN_STEP, Search, look_up
from db.queries.order_filter import After, OrderFilter, choose
from workers.local.bench.fill import fill
from workers.local.postgres import PostgresServer

ORDERS = 4_000
ROUNDS = 150
SORTS = ("-placed_at", "placed_at", "next_deadline", "-next_deadline", "total_minor",
         "-total_minor")  # fmt: skip
EVERY = """
    SELECT o.order_id, o.placed_at, o.total_minor, s.next_deadline, o.channel, o.currency,
      o.outcome, s.payment, s.fulfillment, s.returned, t.words, o.customer_name AS name,
      o.ship_to ->> 'city' AS city,
      ARRAY(SELECT location FROM fulfillments f WHERE f.order_id = o.order_id) AS locations,
      EXISTS (SELECT FROM exceptions e WHERE e.order_id = o.order_id) AS has_exception
    FROM orders o JOIN order_states s USING (order_id) JOIN order_search t USING (order_id)
"""


@pytest.fixture
async def shop(
    fresh_engine: AsyncEngine, fresh_database_url: str, postgres: PostgresServer
) -> AsyncEngine:
    name = sa.make_url(fresh_database_url).database
    dsn = psycopg.conninfo.make_conninfo(postgres.superuser_dsn, dbname=name)
    await fill(dsn, ORDERS, lambda _: None)
    # Some were placed in the same moment, as an import may say.
    async with fresh_engine.begin() as tx:
        for table in ("orders", "order_states", "order_search", "word_orders"):
            await tx.execute(
                sa.text(f"UPDATE {table} SET placed_at = date_trunc('day', placed_at)")
            )
    return fresh_engine


@dataclass(frozen=True)
class Asked:
    filter: OrderFilter
    text: str


def asked(dice: random.Random, every: list[Any]) -> Iterator[Asked]:
    """Texts and filters of an order that is there, so that something is found."""
    filters: tuple[Callable[[Any], dict[str, Any]], ...] = (
        lambda of: {"channel": of.channel},
        lambda of: {"status": "closed" if of.outcome else "open"},
        lambda of: {"outcome": of.outcome},
        lambda of: {"payment": of.payment},
        lambda of: {"fulfillment": of.fulfillment},
        lambda of: {"returned": of.returned},
        lambda of: {"location": (*of.locations, None)[0]},
        lambda _: {"exception": "any"},
        lambda of: {"placed_from": of.placed_at - timedelta(days=dice.choice([1, 100]))},
        lambda of: {"placed_to": of.placed_at + timedelta(days=dice.choice([1, 100]))},
        lambda of: {"currency": of.currency, "total_from_minor": of.total_minor},
    )
    texts: tuple[Callable[[Any], str], ...] = (
        lambda of: of.order_id,
        lambda of: of.name,
        lambda of: of.name.split()[0],
        lambda of: of.name.split()[-1],
        lambda of: of.city,
        lambda of: f"{of.name.split()[0]} {of.city}",
        lambda of: f"{of.name.split()[-1][:3]}",
        lambda of: f"{of.name.split()[-1][:3]} {of.city[:3]}",
        lambda of: f"{of.name.split()[0][:3]} {of.city}",
        lambda of: "lam",
        lambda of: "@".join(word for word in of.words if "@" in word)[:12],
        lambda of: of.name.split()[-1][1:],  # a letter is missing
    )
    while True:
        of = dice.choice(every if dice.random() < 0.7 else every[-80:])
        given: dict[str, Any] = {"sort": dice.choice(SORTS), "currency": of.currency}
        if not given["sort"].endswith("total_minor"):
            del given["currency"]
        for each in dice.sample(filters, dice.choice([0, 0, 1, 1, 2])):
            given |= each(of)
        yield Asked(OrderFilter(**given), dice.choice(texts)(of))


def meets(order: Any, wanted: OrderFilter, search: Search) -> bool:
    given = {name: value for name, value in wanted.given().items() if name != "sort"}
    own = {
        "status": lambda value: (order.outcome is None) == (value == "open"),
        "location": lambda value: value in order.locations,
        "exception": lambda _: order.has_exception,
        "placed_from": lambda value: order.placed_at >= value,
        "placed_to": lambda value: order.placed_at < value,
        "total_from_minor": lambda value: order.total_minor >= value,
    }
    if wanted.sort.endswith("next_deadline") and order.next_deadline is None:
        return False
    return all(
        own[name](value) if name in own else getattr(order, name) == value
        for name, value in given.items()
    ) and all(
        order.order_id in term.orders or not set(term.words).isdisjoint(order.words)
        for term in search.terms
    )


async def pages(tx: AsyncConnection, wanted: OrderFilter, text: str, limit: int) -> list[str]:
    found: list[str] = []
    after = None
    while True:
        page = await orders.list_orders(tx, wanted, text=text, after=after, limit=limit)
        found += [item.order_id for item in page.orders]
        if len(page.orders) < limit or len(found) >= 4 * limit:
            return found
        after = After(page.orders[-1].sort_key, page.orders[-1].order_id)


async def test_pages_hold_what_a_look_at_every_order_says(
    shop: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders, "MOST_GATHERED", 40)  # so that common words are walked, too
    dice = random.Random(7)
    async with shop.connect() as tx:
        every = list((await tx.execute(sa.text(EVERY))).all())
        every.sort(key=lambda order: (order.placed_at, order.order_id))
        some = 0
        for case, _ in zip(asked(dice, every), range(ROUNDS), strict=False):
            search = await look_up(tx, case.text)
            wanted = case.filter
            by = wanted.sort.removeprefix("-")
            met = [] if search.finds_nothing else [o for o in every if meets(o, wanted, search)]
            met.sort(key=lambda o: (getattr(o, by), o.order_id), reverse=wanted.sort[0] == "-")
            expected = [order.order_id for order in met]
            limit = dice.choice([1, 7, 50])
            assert await pages(tx, wanted, case.text, limit) == expected[: 4 * limit], case
            if dice.random() < 0.2:
                exported = [
                    row.order_id
                    async for rows in order_export.all_orders(tx, wanted, case.text)
                    for row in rows
                ]
                assert exported == expected, case
            some += bool(met)
        assert some > ROUNDS / 2


async def read(
    tx: AsyncConnection, wanted: OrderFilter, text: str
) -> tuple[set[str], set[str], int]:
    """Kinds of steps, indexes, and rows that are read of tables, for a first page of fifty."""
    search = await look_up(tx, text)
    chosen = choose(wanted, search, None)
    assert chosen.in_step
    await tx.execute(IN_STEP)
    found = await tx.execute(
        sa.text(f"""
            EXPLAIN (ANALYZE, FORMAT JSON) SELECT {chosen.id} FROM {chosen.tables}
            WHERE {chosen.conditions} ORDER BY {chosen.order} LIMIT :limit
        """),
        {**chosen.values, "limit": 50},
    )
    steps = list(nodes(found.scalar_one()[0]["Plan"]))
    scans = [step for step in steps if "Relation Name" in step]
    return (
        {step["Node Type"] for step in steps},
        {step.get("Index Name", "none") for step in scans},
        sum(round(step["Actual Rows"] * step["Actual Loops"]) for step in scans),
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


async def test_a_page_is_read_from_lists_that_end_where_it_is_full(shop: AsyncEngine) -> None:
    async with shop.connect() as tx:
        # Of the words that begin so, Maria's alone is a long list.
        (term,) = (await look_up(tx, "mar")).terms
        fifty_of_each = """
            SELECT sum(least(50, n)) AS rows, sum(n) AS listed FROM (
              SELECT count(*) AS n FROM word_orders WHERE word = ANY(:words) GROUP BY word) AS l
        """
        (most,) = await tx.execute(sa.text(fifty_of_each), {"words": list(term.words)})
        _, indexes, rows = await read(tx, OrderFilter(), "mar")
        assert (indexes, rows) == ({"pk_word_orders"}, most.rows)
        assert rows < most.listed / 2
        for filters, index in (
            ({"payment": "partly_refunded"}, "ix_order_states_payment"),
            ({"status": "open"}, "ix_orders_open"),
            ({"channel": "outlet"}, "ix_orders_channel"),
        ):
            steps, indexes, rows = await read(tx, OrderFilter(**filters), "maria")
            assert steps <= {"Limit", "Merge Join", "Nested Loop", "Index Only Scan"}, steps
            assert indexes == {"pk_word_orders", index}
        # Words that go together are no more work than one.
        steps, indexes, rows = await read(tx, OrderFilter(), "sao paulo")
        assert steps <= {"Limit", "Merge Join", "Nested Loop", "Index Only Scan"}, steps
        assert (indexes, rows < 200) == ({"pk_word_orders"}, True)
