"""Differences become tasks when they are seen twice, once each, and close when they are gone."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import row, rows, run
from db.inbox.reconciliation import settle
from db.stores import reconciliation
from db.stores.reconciliation import Found, Look

GONE = Found("vendor_knows_the_payment", "pi_1", "not there", {"amount_minor": 5}, None)
MORE = Found("vendor_payments_are_ours", "pi_2", "unknown", None, {"ref": "pi_2"})


async def look(
    engine: AsyncEngine, number: int, *found: Found, run_id: str = "r1", scope: str = "payments"
) -> int:
    async with engine.begin() as tx:
        return await reconciliation.record(tx, Look(run_id, scope, number), found)


async def twice(engine: AsyncEngine, *found: Found, run_id: str = "r1") -> None:
    for number in (1, 2):
        await look(engine, number, *found, run_id=run_id)


async def tasks(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as tx:
        return list(await rows(tx, "SELECT * FROM reconciliation_tasks ORDER BY task_id"))


async def states(engine: AsyncEngine) -> list[tuple[str, str, str | None]]:
    return [(task.subject, task.state, task.resolution) for task in await tasks(engine)]


async def test_what_is_seen_once_is_suspected_and_what_is_seen_again_is_open(
    fresh_engine: AsyncEngine,
) -> None:
    assert await look(fresh_engine, 1, GONE, MORE) == 2
    assert await look(fresh_engine, 2, GONE) == 0
    assert await states(fresh_engine) == [("pi_1", "open", None)], "the other was between two books"


async def test_a_repeated_look_does_not_count_as_a_second_one(fresh_engine: AsyncEngine) -> None:
    await look(fresh_engine, 1, GONE)
    await look(fresh_engine, 1, GONE)
    assert await states(fresh_engine) == [("pi_1", "suspected", None)]
    await look(fresh_engine, 2, GONE, MORE)
    await look(fresh_engine, 2, GONE, MORE)
    assert await states(fresh_engine) == [("pi_1", "open", None), ("pi_2", "suspected", None)]


async def test_a_later_run_takes_a_suspicion_over_and_looks_twice_itself(
    fresh_engine: AsyncEngine,
) -> None:
    await look(fresh_engine, 1, GONE, run_id="died")
    await look(fresh_engine, 2, GONE, run_id="other")
    assert await states(fresh_engine) == [("pi_1", "suspected", None)]
    await twice(fresh_engine, GONE, run_id="r3")
    assert await states(fresh_engine) == [("pi_1", "open", None)]


async def test_a_difference_found_again_stays_one_task_and_shows_its_newest_sides(
    fresh_engine: AsyncEngine,
) -> None:
    await twice(fresh_engine, GONE)
    (before,) = await tasks(fresh_engine)
    assert await look(fresh_engine, 1, replace(GONE, ours={"amount_minor": 6}), run_id="r2") == 0
    (after,) = await tasks(fresh_engine)
    assert (after.task_id, after.ours, after.state) == (before.task_id, {"amount_minor": 6}, "open")
    assert after.last_seen > before.last_seen
    assert after.first_seen == before.first_seen


async def test_a_difference_that_is_gone_has_vanished_and_comes_back_as_another_task(
    fresh_engine: AsyncEngine,
) -> None:
    await twice(fresh_engine, GONE)
    await look(fresh_engine, 1, scope="labels")
    assert await states(fresh_engine) == [("pi_1", "open", None)], "other books say nothing of it"
    await look(fresh_engine, 1)
    await twice(fresh_engine, GONE, run_id="r2")
    assert await states(fresh_engine) == [("pi_1", "resolved", "vanished"), ("pi_1", "open", None)]


async def test_what_a_person_settled_stays_settled_until_a_side_changes(
    fresh_engine: AsyncEngine,
) -> None:
    await twice(fresh_engine, GONE)
    (task,) = await tasks(fresh_engine)
    async with fresh_engine.begin() as tx:
        assert await settle(tx, task.task_id, "key:1", "agreed")
        assert not await settle(tx, task.task_id, "key:1", "agreed")
    await twice(fresh_engine, GONE, run_id="r2")
    assert await states(fresh_engine) == [("pi_1", "resolved", "settled")]
    await twice(fresh_engine, replace(GONE, ours={"amount_minor": 6}), run_id="r3")
    assert await states(fresh_engine) == [("pi_1", "resolved", "settled"), ("pi_1", "open", None)]


async def test_runs_of_the_same_books_at_once_make_one_task(fresh_engine: AsyncEngine) -> None:
    found = [replace(GONE, subject=f"pi_{number}") for number in range(50)]
    await asyncio.gather(*(twice(fresh_engine, *found, run_id=f"r{n}") for n in range(5)))
    await twice(fresh_engine, *found, run_id="last")
    assert [task.state for task in await tasks(fresh_engine)] == ["open"] * 50


async def test_books_are_read_as_far_back_as_the_oldest_open_task_needs(
    fresh_engine: AsyncEngine,
) -> None:
    async def since() -> datetime:
        async with fresh_engine.connect() as tx:
            return (await reconciliation.began(tx, "payments", timedelta(days=30)))[0]

    assert timedelta(days=29) < datetime.now(UTC) - await since() < timedelta(days=31)
    await twice(fresh_engine, GONE)
    async with fresh_engine.begin() as tx:
        await run(
            tx, "UPDATE reconciliation_tasks SET first_seen = first_seen - interval '20 days'"
        )
    assert datetime.now(UTC) - await since() > timedelta(days=49)


async def test_lines_are_kept_once_for_each_look_and_dropped_with_their_run(
    fresh_engine: AsyncEngine,
) -> None:
    first, second = Look("r1", "payments", 1), Look("r1", "payments", 2)
    async with fresh_engine.begin() as tx:
        await reconciliation.keep_lines(tx, first, {"pi_1": {"status": "held"}})
        await reconciliation.keep_lines(tx, first, {"pi_1": {"status": "taken"}, "pi_2": {}})
        await reconciliation.keep_lines(tx, second, {})
        await reconciliation.keep_lines(tx, Look("r10", "payments", 1), {"pi_1": {}})
        assert await reconciliation.lines(tx, first) == [{"status": "taken"}, {}]
        assert await reconciliation.lines(tx, second) == []
        await reconciliation.forget_lines(tx, "r1")
        left = await row(tx, "SELECT count(*) AS n, min(look) AS look FROM reconciliation_lines")
    assert tuple(left) == (1, "r10/1")
