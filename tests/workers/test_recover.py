"""Temporal's store is lost with orders open: each goes on from the database, and nothing twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from db.engine import run
from db.inbox.asked import Asked, keep
from db.inbox.orders import commit_order
from tests.workers.conftest import Books, books_kept, tell, working
from workers.audit.vendors import ledger_of
from workers.auditing import Audit
from workers.local.postgres import PostgresServer
from workers.local.temporal import TemporalServer
from workers.recovering import run_recovery
from workers.schedules import register_search_attributes
from workers.settings import Settings
from workers.temporal import connect
from workers.wiring import open_gateways
from workflows.messages import order_workflow_id
from workflows.order import OrderWorkflow

OPEN = ("open", "picked", "late")


@pytest.fixture
async def lost(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> AsyncIterator[Books]:
    """A stack with three orders open, and one document that was never started."""
    async with books_kept(postgres, template_database, tmp_path / "first") as books:
        async with working(books.settings, books.world.temporal):
            await tell(books)
        document = books.world.document((await books.world.sku(west=1), 1))
        async with books.world.engine.begin() as tx:
            await commit_order(
                tx,
                document,
                channel="shop",
                external_id=document["external_id"],
                deferred=True,
            )
        books.orders["waiting"] = f"shop-{document['external_id']}"
        yield books


async def test_every_open_order_goes_on_after_temporals_store_was_lost(
    lost: Books, tmp_path: Path
) -> None:
    async with TemporalServer(tmp_path / "second", durable=False, headless=True) as server:
        settings = lost.settings.model_copy(update={"temporal_address": server.address})
        books = await moved(lost, settings)
        still_open = {books.orders[name] for name in OPEN}
        missing = {
            subject
            for rule, subject in await books.found()
            if rule == "open_order_has_a_running_workflow"
        }
        assert missing == still_open

        expected = still_open | {books.orders["waiting"]}
        dry = await run_recovery(settings, dry_run=True)
        assert set(dry.started) == expected
        assert set((await run_recovery(settings, dry_run=True)).started) == expected, "dry"

        done = await run_recovery(settings, dry_run=False, reason="the store was lost")
        assert (set(done.started), done.running) == (expected, 0)
        audited = await books.world.rows(
            "SELECT subject, reason FROM audit_log WHERE action = 'OrderRunStarted'"
        )
        assert {tuple(row) for row in audited} == {
            (order_id, "the store was lost") for order_id in expected
        }
        again = await run_recovery(settings, dry_run=False)
        assert (again.started, again.running) == ((), len(expected))

        async with working(settings, books.world.temporal):
            await finish(books)
        async with open_gateways(settings) as gateways:
            books.audit = Audit(
                books.world.engine, books.world.temporal, ledger_of(settings, gateways), "shopify"
            )
            assert await books.found() == set()
        await one_of_each(books)


async def moved(lost: Books, settings: Settings) -> Books:
    """The same database and vendors, another Temporal."""
    client = await connect(settings)
    await register_search_attributes(client)
    world = replace(lost.world, temporal=client)
    audit = Audit(world.engine, client, lost.audit._ledger, settings.shopify_channel)
    return Books(world, settings, audit, lost.orders)


async def finish(books: Books) -> None:
    """Pick and pack what is not yet, and wait for the end of every order."""
    for name in (*OPEN, "waiting"):
        order_id = books.orders[name]
        document = {"channel": "shop", "external_id": order_id.removeprefix("shop-")}
        await books.world.work(document)
        handle = books.world.temporal.get_workflow_handle_for(
            OrderWorkflow.run, order_workflow_id(order_id)
        )
        assert (await handle.result()).outcome == "delivered"


async def one_of_each(books: Books) -> None:
    """Nothing was paid, labelled or told a second time."""
    payments: list[Any] = (await books.world.sandbox.get("/_/ledger")).json()["payments"]
    for name in OPEN:
        mine = [line for line in payments if line["order"] == books.orders[name]]
        assert [line["captured_minor"] for line in mine] == [1_500]
    twice = await books.world.rows(
        "SELECT order_id FROM order_events WHERE event IN ('OrderPlaced', 'OrderConfirmed', "
        "'OrderClosed') GROUP BY order_id, event HAVING count(*) > 1"
    )
    assert list(twice) == []
    # The run that is started anew may ask at once what is late, until the warehouse reports.
    asked = [
        tuple(row)
        for row in await books.world.rows(
            "SELECT resolution, resolved_by FROM exceptions WHERE state = 'resolved'"
        )
    ]
    assert asked.count(("moot", "oms recover")) == 1
    assert {*asked} <= {("moot", "oms recover"), ("moot", "system")}


async def test_an_order_waits_for_the_parcel_that_outlived_its_run(lost: Books) -> None:
    order_id = lost.orders["picked"]
    await lost.world.temporal.get_workflow_handle(order_workflow_id(order_id)).terminate()
    done = await run_recovery(lost.settings, dry_run=False)
    assert done.held_back == (order_id,)
    assert done.started == (lost.orders["waiting"],)
    async with working(lost.settings, lost.world.temporal):
        # Its run was terminated, so Temporal asked the parcel to be cancelled.
        await lost.world.until(
            lambda: lost.world.rows(
                "SELECT 1 FROM fulfillments WHERE order_id = :o AND state = 'cancelled'",
                o=order_id,
            )
        )
        parcel = lost.world.temporal.get_workflow_handle(f"{order_workflow_id(order_id)}/f/1")
        with pytest.raises(WorkflowFailureError):
            await parcel.result()
        assert (await run_recovery(lost.settings, dry_run=False)).started == (order_id,)
        handle = lost.world.temporal.get_workflow_handle(order_workflow_id(order_id))
        await handle.result()
    order = await lost.world.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert order.outcome == "cancelled"
    assert await lost.found() == set()


async def test_what_a_lost_run_was_to_cancel_ends_cancelled(lost: Books, tmp_path: Path) -> None:
    """Stopped in the database before another run begins: a parcel may be ready to leave."""
    order_id = lost.orders["picked"]
    asked = Asked(order_id, "key:1", "told-to-the-lost-run")
    async with lost.world.engine.begin() as tx:
        await keep(tx, asked)
        # Told often before, it waits for long.
        statement = """
            UPDATE inbox SET attempts = 20, next_attempt_at = now() + interval '10 minutes'
            WHERE external_id = :name
        """
        await run(tx, statement, name=asked.name)
    async with TemporalServer(tmp_path / "second", durable=False, headless=True) as server:
        settings = lost.settings.model_copy(update={"temporal_address": server.address})
        books = await moved(lost, settings)
        await run_recovery(settings, dry_run=False)
        stopped = await books.world.rows("SELECT order_id FROM fulfillments WHERE cancel_requested")
        assert order_id in {part.order_id for part in stopped}
        async with working(settings, books.world.temporal):
            handle = books.world.temporal.get_workflow_handle_for(
                OrderWorkflow.run, order_workflow_id(order_id)
            )
            assert (await handle.result()).outcome == "cancelled"

            async def is_handled() -> bool:
                kept = await books.world.row(
                    "SELECT state FROM inbox WHERE external_id = :name", name=asked.name
                )
                return bool(kept.state == "handled")

            await books.world.until(is_handled)
        still_open = await books.world.rows("SELECT order_id FROM orders WHERE outcome IS NULL")
        assert {books.orders["open"], books.orders["late"]} <= {row.order_id for row in still_open}
