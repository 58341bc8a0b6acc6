"""Whatever happens, in whatever order and however often: units and money are conserved."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from activities.setting_up import upsert_catalog
from db.engine import make_engine
from db.queries.audit import RULES, unequal_closings, violations
from tests.activities.conservation.sums import lost_money, lost_units
from tests.activities.conservation.tale import Tale
from tests.activities.lock_order import recorded
from tests.activities.shop import SETUP, Shop
from workers.local.postgres import PostgresServer

SEQUENCES = int(os.environ.get("CONSERVATION_SEQUENCES", "1000"))
# The audit reads whole tables, so that each database serves only so many.
BATCH = 50
FEWEST, MOST = 5, 15


@asynccontextmanager
async def small_world(postgres: PostgresServer, template: str, name: str) -> AsyncIterator[Shop]:
    engine = make_engine(await postgres.create_database(name, template=template), pool_size=4)
    async with engine.begin() as tx:
        await upsert_catalog(tx, SETUP)
    with recorded(engine) as wrong_locks:
        yield Shop(engine)
    await engine.dispose()
    await postgres.drop_database(name)
    assert wrong_locks == []


async def tell(tale: Tale) -> None:
    await tale.begin()
    await tale.go_on(tale.dice.randint(FEWEST, MOST))
    wrong = await lost_units(tale.shop, tale.skus, tale.received)
    wrong += await lost_money(tale.shop, tale.orders, at_the_end=False)
    assert wrong == []
    await tale.finish()
    wrong = await lost_units(tale.shop, tale.skus, tale.received)
    wrong += await lost_money(tale.shop, tale.orders, at_the_end=True)
    assert wrong == []


async def audited(shop: Shop) -> list[str]:
    async with shop.engine.connect() as tx:
        found = {rule: await violations(tx, rule) for rule in RULES}
        found["closed orders keep what shipped"] = await unequal_closings(tx)
    return [f"{rule}: {list(broken)}" for rule, broken in found.items() if broken]


async def one(world: Shop, seed: int) -> str:
    """Tell one story; return what went wrong, with all it takes to tell it again."""
    tale = Tale(Shop(world.engine, prefix=f"q{seed}x"), seed)
    try:
        await tell(tale)
    except Exception as wrong:  # noqa: BLE001 - each is a finding
        return f"seed {seed}: {', '.join(tale.told)}: {type(wrong).__name__}: {wrong}"
    return ""


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1, SEQUENCES + 1, BATCH))
async def test_units_and_money_are_conserved(
    postgres: PostgresServer, template_database: str, first: int
) -> None:
    async with small_world(postgres, template_database, f"tales_{first}") as world:
        told = [await one(world, seed) for seed in range(first, min(first + BATCH, SEQUENCES + 1))]
        wrong = [each for each in told if each] or await audited(world)
        if wrong:
            pytest.fail("\n".join(wrong), pytrace=False)
