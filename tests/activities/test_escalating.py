"""What waits too long is written to its owner: once a period, whoever sweeps, nothing personal."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.composing import Manner, compose
from activities.escalation import Addressees, EscalationActivities
from activities.setting_up import upsert_catalog
from db.engine import make_engine, rows, run
from db.stores import reconciliation
from db.stores.reconciliation import Found, Look
from domain.brand import Brand
from tests.activities.shop import SETUP, Shop

DAY_S = 86_400.0
SENT_AT = datetime(2026, 1, 2, tzinfo=UTC)
NO_BRAND = Manner(Brand("Shop"), "en")
OPS = Addressees("http://oms.example", "ops@shop.example", {"finance": "money@shop.example"})


async def an_order(engine: AsyncEngine) -> str:
    async with engine.begin() as tx:
        await upsert_catalog(tx, SETUP)
    shop = Shop(engine)
    return await shop.admitted((await shop.sku(east=1), 1))


async def wait_at_the_desk(
    engine: AsyncEngine, order_id: str, name: str, *, late: bool = True, owner: str = "operations"
) -> None:
    async with engine.begin() as tx:
        await run(
            tx,
            """
            INSERT INTO exceptions (exception_id, workflow_id, order_id, step, reason, detail,
                owner, deadline, resolutions, state)
            VALUES (:name, 'w', :order_id, 'pick', 'pick_overdue', 'Ada Buyer is angry', :owner,
                now() + make_interval(hours => :hours), '{retry,compensate}', 'open')
            """,
            name=name, order_id=order_id, owner=owner, hours=-1 if late else 1,
        )  # fmt: skip


async def mails(engine: AsyncEngine) -> list[Any]:
    async with engine.connect() as tx:
        return list(await rows(tx, "SELECT * FROM outbox WHERE kind = 'email' ORDER BY outbox_id"))


async def a_period_passes(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        for table in ("exceptions", "reconciliation_tasks"):
            await run(tx, f"UPDATE {table} SET escalated_at = escalated_at - interval '1 day'")


async def test_an_overdue_exception_is_written_to_its_owner_with_a_link(
    fresh_engine: AsyncEngine,
) -> None:
    order_id = await an_order(fresh_engine)
    await wait_at_the_desk(fresh_engine, order_id, "x-late")
    await wait_at_the_desk(fresh_engine, order_id, "x-money", owner="finance")
    await wait_at_the_desk(fresh_engine, order_id, "x-in-time", late=False)
    assert await EscalationActivities(fresh_engine, OPS).escalate(DAY_S) == 2
    sent = {mail.key: mail.payload["to"] for mail in await mails(fresh_engine)}
    assert sent == {
        "x-late:overdue:1": "ops@shop.example", "x-money:overdue:1": "money@shop.example",
    }  # fmt: skip
    first = (await mails(fresh_engine))[0]
    message = compose(first.key, first.payload, "Shop <shop@shop.example>", SENT_AT, NO_BRAND)
    text = f"{message['Subject']}\n{message.get_content()}"
    assert f"http://oms.example/exceptions/{first.payload['facts']['exception']}" in text
    assert order_id in text
    assert "retry, compensate" in text
    assert "Ada" not in text, "nothing about the buyer, nor what a vendor said"


async def test_it_is_written_once_a_period_while_it_stays_open(fresh_engine: AsyncEngine) -> None:
    await wait_at_the_desk(fresh_engine, await an_order(fresh_engine), "x-1")
    escalation = EscalationActivities(fresh_engine, OPS)
    assert [await escalation.escalate(DAY_S) for _ in range(3)] == [1, 0, 0]
    await a_period_passes(fresh_engine)
    assert [await escalation.escalate(DAY_S) for _ in range(2)] == [1, 0]
    async with fresh_engine.begin() as tx:
        await run(
            tx,
            "UPDATE exceptions SET state = 'resolved', resolution = 'retry', resolved_at = now()",
        )
    await a_period_passes(fresh_engine)
    assert await escalation.escalate(DAY_S) == 0
    keys = [mail.key for mail in await mails(fresh_engine)]
    assert keys == ["x-1:overdue:1", "x-1:overdue:2"]


async def test_two_workers_write_no_more_than_one(
    fresh_engine: AsyncEngine, fresh_database_url: str
) -> None:
    order_id = await an_order(fresh_engine)
    names = [f"x-{number}" for number in range(30)]
    for name in names:
        await wait_at_the_desk(fresh_engine, order_id, name)
    other = make_engine(fresh_database_url)
    try:
        for _ in range(2):
            done = await asyncio.gather(
                *(
                    EscalationActivities(engine, OPS).escalate(DAY_S)
                    for engine in (fresh_engine, other) * 4
                )
            )
            # Whoever meets another's locked rows leaves them to him.
            assert sum(done) == len(names)
            await a_period_passes(fresh_engine)
    finally:
        await other.dispose()
    keys = sorted(mail.key for mail in await mails(fresh_engine))
    assert keys == sorted(f"{name}:overdue:{n}" for name in names for n in (1, 2))


async def test_open_tasks_are_written_about_in_one_message(fresh_engine: AsyncEngine) -> None:
    found = [Found("no_run_failed", f"order-{n}", "r", None, {}) for n in range(30)]
    for number in (1, 2):
        async with fresh_engine.begin() as tx:
            await reconciliation.record(tx, Look("r", "runs", number), found)
    escalation = EscalationActivities(fresh_engine, OPS)
    assert [await escalation.escalate(DAY_S) for _ in range(2)] == [30, 0]
    (mail,) = await mails(fresh_engine)
    message = compose(mail.key, mail.payload, "Shop <shop@shop.example>", SENT_AT, NO_BRAND)
    assert message["Subject"] == "30 reconciliation tasks are open"
    assert message.get_content().count("no_run_failed: order-") == 20
    assert "http://oms.example/reconciliation-tasks?state=open" in message.get_content()
    await a_period_passes(fresh_engine)
    assert await escalation.escalate(DAY_S) == 30


async def test_what_is_only_suspected_is_nobodys_news(fresh_engine: AsyncEngine) -> None:
    async with fresh_engine.begin() as tx:
        once = Found("no_run_failed", "order-1", "r", None, {})
        await reconciliation.record(tx, Look("r", "runs", 1), [once])
    assert await EscalationActivities(fresh_engine, OPS).escalate(DAY_S) == 0


async def test_without_an_address_nothing_is_marked_so_that_it_is_told_later(
    fresh_engine: AsyncEngine,
) -> None:
    await wait_at_the_desk(fresh_engine, await an_order(fresh_engine), "x-1")
    for addressees in (Addressees(), Addressees(by_owner={"finance": "money@shop.example"})):
        assert await EscalationActivities(fresh_engine, addressees).escalate(DAY_S) == 0
    assert await EscalationActivities(fresh_engine, OPS).escalate(DAY_S) == 1
