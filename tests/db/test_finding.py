"""Orders are found by their words, also misspelt ones, and what they are found by follows them."""

import asyncio
import json
import secrets
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import make_engine
from db.migrate import _config, migrate
from db.queries import orders
from db.queries.finding import Match
from db.queries.order_filter import After, OrderFilter
from workers.local.postgres import PostgresServer

SHOP = """
INSERT INTO pools VALUES ('main');
INSERT INTO channels VALUES ('shop', 'Shop', 'api', 'main', '{USD}', 0),
  ('web', 'Web', 'api', 'main', '{USD}', 0);
INSERT INTO products VALUES ('LAMP-01', 'Lamp', 1, 1, 1, 1), ('CHAIR-02', 'Chair', 1, 1, 1, 1);
INSERT INTO locations (location, pool, name, address) VALUES ('east', 'main', 'East', '{}')
"""
PEOPLE = {
    "shop-1": ("José García-López", "jose@example.com", "São Paulo", "LAMP-01"),
    "shop-2": ("Sinéad O'Brien", "sinead.obrien@mail.example", "Cork", "LAMP-01"),
    "web-3": ("Maria Silva", "maria.silva@mail.example", "São José", "CHAIR-02"),
    "web-1": ("Mariana Strauß", "ms@example.com", "Paulo Afonso", "CHAIR-02"),
    "shop-5": ("Иван Петров", "ivan@example.com", "Москва", "CHAIR-02"),
}


@pytest.fixture
async def shop(fresh_engine: AsyncEngine) -> AsyncEngine:
    await run(fresh_engine, SHOP)
    for minute, (order_id, person) in enumerate(PEOPLE.items()):
        await place(fresh_engine, order_id, *person, minute=minute)
    return fresh_engine


async def run(engine: AsyncEngine, statements: str, **values: Any) -> list[Any]:
    async with engine.begin() as tx:
        for statement in statements.split(";\n"):
            result = await tx.execute(sa.text(statement), values)
        return list(result.all()) if result.returns_rows else []


async def place(
    engine: AsyncEngine, order_id: str, name: str, email: str, city: str, sku: str, *, minute: int
) -> None:
    channel, external_id = order_id.split("-")
    await run(
        engine,
        """
        INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
          customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
        VALUES (:order_id, :channel, :external_id, 'USD', 'en', 100, :name, :email,
          CAST(:ship_to AS jsonb), '2026-11-22T10:00:00Z', 'reserve', '2026-11-23T10:00:00Z');
        INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor)
        VALUES (:order_id, 1, :sku, 1, 100);
        UPDATE orders SET placed_at = placed_at + make_interval(mins => :minute)
        WHERE order_id = :order_id
        """,
        order_id=order_id,
        channel=channel,
        external_id=external_id,
        name=name,
        email=email,
        ship_to=json.dumps({"name": name, "city": city}),
        sku=sku,
        minute=minute,
    )


async def until_blocked(engine: AsyncEngine) -> None:
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND {}"
    async with asyncio.timeout(30):
        while not await run(engine, waits.format("wait_event_type = 'Lock'")):
            pass


async def found(engine: AsyncEngine, text: str, **filters: Any) -> tuple[set[str], Match | None]:
    async with engine.connect() as tx:
        wanted = OrderFilter(**filters)
        answer = await orders.list_orders(tx, wanted, text=text, after=None, limit=50)
    return {item.order_id for item in answer.orders}, answer.match


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("shop-1", {"shop-1"}),
        ("SHOP-1", {"shop-1"}),
        ("1", {"shop-1", "web-1"}),  # each channel has its own numbers
        ("#3", {"web-3"}),
        ("jose", {"shop-1", "web-3"}),
        ("JOSÉ", {"shop-1", "web-3"}),
        ("garcia-lopez", {"shop-1"}),
        ("lópez garcía", {"shop-1"}),
        ("obrien", {"shop-2"}),
        ("O\u2019Brien", {"shop-2"}),
        ("strauss", {"web-1"}),
        ("петров", {"shop-5"}),
        ("sao paulo", {"shop-1"}),
        ("maria.silva@mail.example", {"web-3"}),
        ("Maria.Silva@Mail.Example", {"web-3"}),
        ("lamp-01", {"shop-1", "shop-2"}),
        ("silva & maria", {"web-3"}),
    ],
)
async def test_whole_words_are_found_in_any_spelling(
    shop: AsyncEngine, text: str, expected: set[str]
) -> None:
    assert await found(shop, text) == (expected, Match.WHOLE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mar", {"web-3", "web-1"}),
        ("lam", {"shop-1", "shop-2"}),
        ("chair-", {"web-3", "web-1", "shop-5"}),
        ("maria.silva@", {"web-3"}),
        ("петр", {"shop-5"}),
        ("cork sin", {"shop-2"}),
    ],
)
async def test_what_nothing_is_called_is_the_beginning_of_a_word(
    shop: AsyncEngine, text: str, expected: set[str]
) -> None:
    assert await found(shop, text) == (expected, Match.BEGINNING)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sliva", {"web-3"}),  # two letters changed places
        ("silba", {"web-3"}),  # another letter
        ("silvva", {"web-3"}),  # one too many
        ("gracia lopez", {"shop-1"}),
        ("strausz", {"web-1"}),
        ("петорв", {"shop-5"}),  # in any script, whatever the database's locale
        ("maria sliva", {"web-3"}),
    ],
)
async def test_a_slip_of_the_pen_is_forgiven(
    shop: AsyncEngine, text: str, expected: set[str]
) -> None:
    assert await found(shop, text) == (expected, Match.SIMILAR)


@pytest.mark.parametrize(
    "text", ["maria nobody", "%", "_", "!!!", "''", "li", "lamp-03", "x" * 150]
)
async def test_what_no_order_has_finds_nothing(shop: AsyncEngine, text: str) -> None:
    """A number is another number with another digit, never a misspelt one."""
    assert (await found(shop, text))[0] == set()


async def test_a_text_and_filters_must_all_be_met(shop: AsyncEngine) -> None:
    assert (await found(shop, "jose", channel="shop"))[0] == {"shop-1"}
    assert (await found(shop, "jose", status="closed"))[0] == set()
    assert (await found(shop, "jose", payment="unpaid", sort="next_deadline"))[0] == {
        "shop-1",
        "web-3",
    }
    assert (await found(shop, "sao jose maria", fulfillment="unfulfilled", overdue=True))[0] == {
        "web-3"
    }


async def test_pages_of_several_words_hold_every_order_once(shop: AsyncEngine) -> None:
    for number in range(10, 35):
        await place(shop, f"shop-{number}", "Ana Cruz", "a@b", "Rio", "LAMP-01", minute=number)
    seen: list[str] = []
    after = None
    async with shop.connect() as tx:
        while True:
            page = await orders.list_orders(
                tx, OrderFilter(), text="ana cruz", after=after, limit=7
            )
            seen += [item.order_id for item in page.orders]
            if len(page.orders) < 7:
                break
            after = After(page.orders[-1].sort_key, page.orders[-1].order_id)
    assert len(seen) == len(set(seen)) == 25


async def test_a_parcel_is_found_by_its_tracking_number_also_in_groups(shop: AsyncEngine) -> None:
    await run(
        shop,
        """
        INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
          next_step, next_deadline)
        VALUES ('web-3-f1', 'web-3', 1, 'east', 'open', 100, 'pick', now());
        INSERT INTO labels (label_key, fulfillment_id, vendor, state, tracking_number)
        VALUES ('l1', 'web-3-f1', 'easypost', 'bought', '1Z99AA0012')
        """,
    )
    for text in ("1Z99AA0012", "1z99aa0012", "1Z99 AA00 12"):
        assert await found(shop, text) == ({"web-3"}, Match.WHOLE), text
    await run(shop, "UPDATE labels SET tracking_number = '1Z77' WHERE label_key = 'l1'")
    assert (await found(shop, "1Z99AA0012"))[0] == set()
    assert (await found(shop, "1z77"))[0] == {"web-3"}


async def test_what_an_order_is_found_by_follows_its_changes(shop: AsyncEngine) -> None:
    await run(
        shop,
        """
        UPDATE orders SET ship_to = '{"name": "Rosa Zubizarreta", "city": "Bilbao"}'
        WHERE order_id = 'shop-2';
        INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor)
        VALUES ('shop-2', 2, 'CHAIR-02', 1, 100)
        """,
    )
    assert (await found(shop, "zubizarreta bilbao chair-02"))[0] == {"shop-2"}
    assert await found(shop, "cork") == (set(), Match.NOTHING)
    await run(shop, "UPDATE orders SET customer_name = 'x', customer_email = 'x' "
                    "WHERE order_id = 'shop-2'")  # fmt: skip
    assert (await found(shop, "obrien"))[0] == set()
    assert (await found(shop, "sinead.obrien@mail.example"))[0] == set()


async def test_a_word_goes_with_the_last_order_that_has_it(shop: AsyncEngine) -> None:
    async def words() -> set[str]:
        return {each.word for each in await run(shop, "SELECT word FROM search_words")}

    assert {"jose", "lopez", "lamp-01"} <= await words()
    await run(
        shop,
        "UPDATE orders SET customer_name = 'n', ship_to = '{}' WHERE order_id = 'shop-1'",
    )
    left = await words()
    assert "lopez" not in left
    assert {"jose", "lamp-01", "n"} <= left  # of web-3, shop-2 and its own


@pytest.mark.parametrize(
    ("email", "typed"),
    [
        ("Sean.O'Casey@mail.example", "sean.o'casey@mail.example"),
        ("zoë@example.com", "zoë@example.com"),
    ],
)
async def test_an_address_with_an_apostrophe_or_accent_is_found(
    shop: AsyncEngine, email: str, typed: str
) -> None:
    await place(shop, "shop-9", "N N", email, "Nowhere", "LAMP-01", minute=9)
    assert await found(shop, typed) == ({"shop-9"}, Match.WHOLE)
    assert await found(shop, typed[:-4]) == ({"shop-9"}, Match.BEGINNING)


@pytest.mark.parametrize("sku", ["TEAK TABLE", "#77-B", "@HOME", "oak@2m"])
async def test_an_sku_with_blanks_and_signs_is_found(shop: AsyncEngine, sku: str) -> None:
    await run(shop, "INSERT INTO products VALUES (:sku, 'Odd', 1, 1, 1, 1)", sku=sku)
    await place(shop, "shop-9", "N N", "n@example.com", "Nowhere", sku, minute=9)
    assert await found(shop, sku) == ({"shop-9"}, Match.WHOLE)


async def test_a_word_goes_with_orders_that_lose_it_at_once(shop: AsyncEngine) -> None:
    for number in (6, 7):
        await place(shop, f"shop-{number}", "Ada Kaminsky", "a@b", "Rio", "LAMP-01", minute=number)
    erased = "UPDATE orders SET customer_name = 'x', ship_to = '{}' WHERE order_id = :order_id"
    settled = "SET CONSTRAINTS ALL IMMEDIATE"  # what a commit does before it ends
    async with shop.connect() as one:
        async with one.begin():
            await one.execute(sa.text(erased), {"order_id": "shop-6"})
            await one.execute(sa.text(settled))
            other = asyncio.create_task(run(shop, erased, order_id="shop-7"))
            await until_blocked(shop)
        await other
    assert await run(shop, "SELECT word FROM search_words WHERE word = 'kaminsky'") == []


async def test_the_words_are_those_the_views_derive(shop: AsyncEngine) -> None:
    differs = """
        SELECT order_id FROM order_words_now n FULL JOIN order_search s USING (order_id)
        WHERE n.words IS DISTINCT FROM s.words
    """
    await run(shop, "UPDATE orders SET customer_name = 'Ana' WHERE channel = 'shop'")
    assert await run(shop, differs) == []


async def test_the_list_of_a_word_holds_the_orders_that_have_it(shop: AsyncEngine) -> None:
    async def listed(word: str) -> list[str]:
        by_date = "SELECT order_id FROM word_orders WHERE word = :word ORDER BY placed_at"
        found = await run(shop, by_date, word=word)
        return [each.order_id for each in found]

    assert await listed("jose") == ["shop-1", "web-3"]
    await run(shop, "UPDATE orders SET ship_to = '{\"name\": \"José\"}' WHERE order_id = 'web-1'")
    assert await listed("jose") == ["shop-1", "web-3", "web-1"]
    await run(shop, "UPDATE orders SET ship_to = '{}' WHERE order_id = 'web-3'")
    assert await listed("jose") == ["shop-1", "web-1"]
    both_ways = """
        SELECT placed_at, unnest(words), order_id FROM order_search
        EXCEPT SELECT placed_at, word, order_id FROM word_orders
        UNION ALL (SELECT placed_at, word, order_id FROM word_orders
        EXCEPT SELECT placed_at, unnest(words), order_id FROM order_search)
    """
    assert await run(shop, both_ways) == []


async def test_orders_are_sorted_three_ways_either_way(shop: AsyncEngine) -> None:
    await run(
        shop,
        """
        UPDATE orders SET total_minor = 1000 - 10 * CAST(external_id AS int),
          next_deadline = timestamptz '2026-12-01'
            - make_interval(days => CAST(external_id AS int));
        UPDATE orders SET outcome = 'lost', closed_at = now(), next_step = NULL,
          next_deadline = NULL WHERE order_id = 'web-1'
        """,
    )

    async def listed(**filters: Any) -> list[str]:
        async with shop.connect() as tx:
            page = await orders.list_orders(tx, OrderFilter(**filters), after=None, limit=9)
        return [item.order_id for item in page.orders]

    by_number = ["shop-5", "web-3", "shop-2", "shop-1"]
    assert await listed(sort="next_deadline") == by_number  # a closed one waits for nothing
    assert await listed(sort="-next_deadline") == by_number[::-1]
    assert await listed(sort="total_minor", currency="USD") == [*by_number, "web-1"]
    assert await listed(sort="-total_minor", currency="EUR") == []
    assert await listed(sort="placed_at", status="open") == ["shop-1", "shop-2", "web-3", "shop-5"]
    assert await listed(total_from_minor=980, total_to_minor=980, currency="USD") == ["shop-2"]


async def test_orders_of_before_are_found_after_the_migration(postgres: PostgresServer) -> None:
    url = await postgres.create_database(f"before_{secrets.token_hex(4)}")
    sync = sa.create_engine(url)
    with sync.begin() as connection:
        command.upgrade(_config(connection), "0015")
    sync.dispose()
    engine = make_engine(url)
    try:
        await run(engine, SHOP)
        await place(engine, "shop-1", *PEOPLE["shop-1"], minute=0)
        await asyncio.to_thread(migrate, url, "cli:tests")
        assert (await found(engine, "garcia lamp-01", payment="unpaid"))[0] == {"shop-1"}
        assert (await found(engine, "gracia"))[0] == {"shop-1"}
    finally:
        await engine.dispose()
