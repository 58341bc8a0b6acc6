"""Each side is broken on purpose on a real stack: exactly that task comes, once, and goes again."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.client import (
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleOverlapPolicy,
    ScheduleSpec,
    WorkflowFailureError,
)

from activities.connectors.carrier.port import CreateShipment, Parcel
from activities.setting_up import upsert_catalog
from db.engine import rows, run
from db.inbox import reconciliation as inbox
from domain.address import Address
from tests.sandbox.shopify.orders import order as shop_order
from tests.workers.conftest import Books, books_kept, tell, working
from tests.workers.test_audit import fail
from workers.environ import machine_environment
from workers.local.postgres import PostgresServer
from workers.reconciling import open_tasks, reconcile, run_reconciliation
from workers.recovering import run_recovery
from workers.wiring import open_gateways
from workflows.housekeeping import ChannelSyncWorkflow
from workflows.messages import CORE_QUEUE, AftermathInput, Reconcile
from workflows.order import OrderWorkflow

PAUSE_S = 0.3
# Waits for people last a minute here, and are asked about at once when they end.
GRACE_S = 30.0
SHOP = {"channel": "shopify", "name": "Shop", "kind": "shopify", "pool": "main",
        "currencies": ["USD"]}  # fmt: skip


@pytest.fixture(scope="module")
async def books(
    postgres: PostgresServer, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Books]:
    """Some orders' stories, with a shop beside them, and workers that go on working."""
    folder = tmp_path_factory.mktemp("reconciled")
    async with books_kept(postgres, template_database, folder) as kept:
        sandbox = str(kept.world.sandbox.base_url).rstrip("/")
        shop = {"shopify_url": f"{sandbox}/shopify", "shopify_token": SecretStr("shpat_sandbox")}
        kept.settings = kept.settings.model_copy(update=shop)
        async with kept.world.engine.begin() as tx:
            await upsert_catalog(tx, {"channels": [SHOP]})
        async with working(kept.settings, kept.world.temporal):
            await tell(kept)
            yield kept


async def tasks_after(books: Books, *scopes: str, grace_s: float = GRACE_S) -> list[dict[str, Any]]:
    """Run the reconciliations once and return what is open."""
    await reconcile(books.world.temporal, [Reconcile(scope, PAUSE_S, grace_s) for scope in scopes])
    async with books.world.engine.connect() as tx:
        return await open_tasks(tx)


async def sql(books: Books, statement: str, **values: Any) -> None:
    async with books.world.engine.begin() as tx:
        await run(tx, statement, **values)


async def resolution(books: Books, task: dict[str, Any]) -> tuple[str, str]:
    found = await books.world.row(
        "SELECT resolution, resolved_by FROM reconciliation_tasks WHERE task_id = :id",
        id=task["task_id"],
    )
    return tuple(found)


async def test_no_task_comes_where_nothing_differs(books: Books) -> None:
    assert await tasks_after(books, "payments", "labels", "runs", "orders:shopify") == []
    left = await books.world.rows("SELECT * FROM reconciliation_lines")
    assert left == [], "what was read is dropped once it is compared"


async def test_a_payment_whose_record_is_lost_is_one_task_until_it_is_back(books: Books) -> None:
    held = await books.world.row(
        "SELECT to_jsonb(a) AS doc, a.* FROM authorizations a WHERE order_id = :o",
        o=books.orders["open"],
    )
    share = "UPDATE fulfillment_shares SET authorization_key = :key WHERE fulfillment_id = :f"
    parcel = f"{books.orders['open']}-f1"
    await sql(books, share, key=None, f=parcel)
    await sql(books, "DELETE FROM authorizations WHERE vendor_ref = :ref", ref=held.vendor_ref)

    (task,) = await tasks_after(books, "payments")
    assert (task["kind"], task["subject"]) == ("vendor_payments_are_ours", held.vendor_ref)
    assert task["ours"]["key"] == task["theirs"]["key"] == held.authorization_key
    assert task["theirs"]["status"] == "held"
    (again,) = await tasks_after(books, "payments")
    assert again["task_id"] == task["task_id"]
    assert again["last_seen"] > task["last_seen"]

    await sql(
        books,
        "INSERT INTO authorizations SELECT * FROM jsonb_populate_record("
        "CAST(NULL AS authorizations), CAST(:doc AS jsonb))",
        doc=json.dumps(held.doc),
    )
    await sql(books, share, key=held.authorization_key, f=parcel)
    assert await tasks_after(books, "payments") == []
    assert await resolution(books, task) == ("vanished", "reconciliation")


async def test_a_label_bought_behind_our_back_is_one_task_until_it_is_known(books: Books) -> None:
    ours = await books.world.row(
        "SELECT * FROM labels WHERE fulfillment_id = :f", f=f"{books.orders['delivered']}-f1"
    )
    place = await books.world.row("SELECT address FROM locations LIMIT 1")
    order = await books.world.row("SELECT ship_to FROM orders WHERE address_verified LIMIT 1")
    wanted = CreateShipment(
        ours.label_key, Address(**place.address), Address(**order.ship_to), Parcel(500, 90, 90, 90)
    )
    async with open_gateways(books.settings) as gateways:
        created = await gateways.carrier.create_shipment(wanted)
        assert await tasks_after(books, "labels") == [], "asking for rates costs nothing"
        await gateways.carrier.buy_label(created.vendor_shipment_id, created.rates[0].rate_id)
        (task,) = await tasks_after(books, "labels")
        assert (task["kind"], task["subject"]) == (
            "vendor_labels_are_ours",
            created.vendor_shipment_id,
        )
        assert task["ours"]["vendor_shipment_id"] == ours.vendor_shipment_id
        assert task["theirs"]["shipment"] == created.vendor_shipment_id
        assert [each["task_id"] for each in await tasks_after(books, "labels")] == [task["task_id"]]
    await sql(
        books,
        "INSERT INTO labels (label_key, fulfillment_id, vendor, state, vendor_shipment_id, "
        "tracking_number) VALUES ('mended', :f, 'easypost', 'bought', :shipment, :number)",
        f=f"{books.orders['picked']}-f1",
        shipment=created.vendor_shipment_id,
        number=task["theirs"]["tracking_number"],
    )
    assert await tasks_after(books, "labels") == []
    assert await resolution(books, task) == ("vanished", "reconciliation")


async def sell_in_the_shop(books: Books, number: int, **changes: Any) -> str:
    """Place an order in the shop, of which nobody tells us."""
    order = shop_order(number, **changes) | {"financial_status": "paid"}
    made = await books.world.sandbox.post("/_/shopify/orders?webhook=false", json=order)
    return str(made.raise_for_status().json()["id"])


async def pull(books: Books) -> None:
    await books.world.temporal.execute_workflow(
        ChannelSyncWorkflow.run, "shopify", id="pull", task_queue=CORE_QUEUE
    )


async def test_an_order_of_the_shop_that_never_came_is_one_task_until_it_comes(
    books: Books,
) -> None:
    external_id = await sell_in_the_shop(books, 450_001)
    assert await tasks_after(books, "orders:shopify") == [], "it may still be on its way"
    (task,) = await tasks_after(books, "orders:shopify", grace_s=0)
    assert (task["kind"], task["subject"]) == ("channel_orders_are_ours", external_id)
    assert (task["ours"], task["theirs"]["external_id"]) == (None, external_id)
    await pull(books)
    assert await tasks_after(books, "orders:shopify", grace_s=0) == []
    assert await resolution(books, task) == ("vanished", "reconciliation")


async def test_a_parcel_the_shop_was_not_told_of_is_one_task_until_it_is(books: Books) -> None:
    external_id = await sell_in_the_shop(books, 450_002)
    await pull(books)
    news = {"channel": "shopify", "external_id": external_id, "tracking_number": "EZ-LOST"}
    await sql(
        books,
        "INSERT INTO outbox (key, kind, payload, delivered_at) VALUES ('shopify-x:f1:tracking', "
        "'channel_fulfillment', CAST(:news AS jsonb), now())",
        news=json.dumps(news),
    )
    (task,) = await tasks_after(books, "orders:shopify")
    assert (task["kind"], task["subject"]) == ("channel_is_told_once", "shopify-x:f1:tracking")
    assert (task["ours"]["tracking_number"], task["theirs"]) == ("EZ-LOST", {"told": 0})
    async with open_gateways(books.settings) as gateways:
        shop = gateways.channels["shopify"]
        await shop.push_fulfillment(external_id, "EZ-LOST", "USPS", None)
    assert await tasks_after(books, "orders:shopify") == []
    assert await resolution(books, task) == ("vanished", "reconciliation")


async def test_an_order_cancelled_in_the_shop_is_one_task_until_it_is_cancelled_here(
    books: Books,
) -> None:
    sku = await books.world.sku(west=5)
    lines = [{"id": 4_500_041, "sku": sku, "quantity": 2, "price": "10.00"}]
    external_id = await sell_in_the_shop(books, 450_004, line_items=lines)
    order_id = f"shopify-{external_id}"
    await pull(books)
    await books.world.parts(order_id)
    cancel = f"/_/shopify/orders/{external_id}/cancel"
    (await books.world.sandbox.post(cancel)).raise_for_status()
    assert await tasks_after(books, "orders:shopify") == [], "we may still hear of it"
    (task,) = await tasks_after(books, "orders:shopify", grace_s=0)
    assert (task["kind"], task["subject"]) == ("channel_cancellations_are_followed", order_id)
    assert task["ours"] == {"order_id": order_id, "outcome": None}
    assert (task["theirs"]["external_id"], "cancelled_at" in task["theirs"]) == (external_id, True)
    for _ in range(2):
        await pull(books)
        await books.world.until(lambda: cancelled(books, order_id))
    level = await books.world.row("SELECT * FROM pool_levels WHERE sku = :sku", sku=sku)
    assert (level.on_hand, level.reserved, level.open_demand) == (5, 0, 0)
    assert await tasks_after(books, "orders:shopify", grace_s=0) == []
    assert await resolution(books, task) == ("vanished", "reconciliation")


async def cancelled(books: Books, order_id: str) -> bool:
    """Whether the order is, and nothing is left to be said about it."""
    found = await books.world.rows(
        """
        SELECT (SELECT outcome FROM orders WHERE order_id = :o) AS outcome, i.state
        FROM inbox i WHERE i.external_id = 'cancelled:' || :o
        """,
        o=order_id,
    )
    return [tuple(each) for each in found] == [("cancelled", "handled")]


async def test_a_terminated_run_is_one_task_until_the_order_runs_again(books: Books) -> None:
    document = books.world.document((await books.world.sku(east=3), 1))
    handle = await books.world.place(document)
    await handle.execute_update(OrderWorkflow.admission)
    (part,) = await books.world.parts(order_id := f"shop-{document['external_id']}")
    await handle.terminate("a mistake")
    # Its parcel is cancelled with it.
    child = books.world.temporal.get_workflow_handle(f"order-{order_id}/f/{part.number}")
    with pytest.raises(WorkflowFailureError):
        await child.result()
    (task,) = await tasks_after(books, "runs")
    assert (task["kind"], task["subject"]) == ("open_order_has_a_running_workflow", order_id)
    assert task["ours"] == {"order_id": order_id, "next_step": "deliver"}
    assert task["theirs"] == {"workflow_id": handle.id, "status": "terminated"}
    assert [each["task_id"] for each in await tasks_after(books, "runs")] == [task["task_id"]]
    await run_recovery(books.settings, dry_run=False)
    assert await tasks_after(books, "runs") == []
    assert await resolution(books, task) == ("vanished", "reconciliation")


async def test_a_missed_deadline_is_a_task_unless_a_person_was_asked(books: Books) -> None:
    order_id = books.orders["open"]
    move = "UPDATE orders SET next_deadline = next_deadline + make_interval(days => :days)"
    await sql(books, f"{move} WHERE outcome IS NULL", days=-60)
    tasks = await tasks_after(books, "runs")
    late = {task["subject"]: task for task in tasks}
    assert {task["kind"] for task in tasks} == {"next_step_is_in_time"}
    assert order_id in late
    assert books.orders["late"] not in late, "an exception waits for a person already"
    assert late[order_id]["ours"]["next_step"] == "deliver"
    assert late[order_id]["theirs"] == {"workflow_id": f"order-{order_id}", "status": "running"}
    await sql(books, f"{move} WHERE outcome IS NULL", days=60)
    assert await tasks_after(books, "runs") == []


async def test_a_failed_run_is_a_task_that_a_person_may_settle_for_good(books: Books) -> None:
    handle = await books.world.temporal.start_workflow(
        "LatePaymentWorkflow", AftermathInput(books.orders["delivered"], 9), id="late-x-t9",
        task_queue="failing",
    )  # fmt: skip
    await fail(books.world.temporal, "failing")
    async with asyncio.timeout(30):
        while not (tasks := await tasks_after(books, "runs")):
            pass
    (task,) = tasks
    assert (task["kind"], task["subject"]) == ("no_run_failed", "late-x-t9")
    assert task["theirs"]["run_id"] == handle.first_execution_run_id
    async with books.world.engine.begin() as tx:
        assert await inbox.settle(tx, task["task_id"], "key:test", "the bug is mended")
    assert await tasks_after(books, "runs") == []


async def test_a_schedule_whose_runs_all_end_badly_is_a_task(books: Books) -> None:
    action = ScheduleActionStartWorkflow(
        "ChannelSyncWorkflow", "shopify", id="sync-broken", task_queue="nobody",
        execution_timeout=timedelta(seconds=1),
    )  # fmt: skip
    schedule = await books.world.temporal.create_schedule(
        "sync-broken", Schedule(action=action, spec=ScheduleSpec())
    )
    for number in (1, 2, 3):
        await schedule.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
        await books.world.until(lambda number=number: timed_out(books, number))
    async with asyncio.timeout(60):
        while not (tasks := await tasks_after(books, "runs")):
            pass
    (task,) = tasks
    assert (task["kind"], task["subject"]) == ("schedule_succeeds", "sync-broken")
    assert task["theirs"] == {"last_runs": ["timed_out"] * 3}
    await schedule.delete()
    async with asyncio.timeout(30):
        while await tasks_after(books, "runs"):
            pass


async def timed_out(books: Books, runs: int) -> bool:
    query = "TemporalScheduledById = 'sync-broken' AND ExecutionStatus = 'TimedOut'"
    return (await books.world.temporal.count_workflows(query)).count == runs


async def test_the_command_reconciles_once_and_prints_both_sides(books: Books) -> None:
    status, said = await oms_reconcile(books)
    assert (status, said) == (0, "0 open tasks")
    news = {"channel": "shopify", "external_id": "450003", "tracking_number": "EZ-GONE"}
    await sql(
        books,
        "INSERT INTO outbox (key, kind, payload, delivered_at) VALUES ('shopify-y:f1:tracking', "
        "'channel_fulfillment', CAST(:news AS jsonb), now())",
        news=json.dumps(news),
    )
    status, said = await oms_reconcile(books)
    assert status == 1
    assert "channel_is_told_once: shopify-y:f1:tracking" in said
    assert 'theirs: {"told": 0}' in said
    assert said.endswith("1 open tasks")
    await sql(books, "DELETE FROM outbox WHERE key = 'shopify-y:f1:tracking'")
    assert await run_reconciliation(books.settings) == []


async def oms_reconcile(books: Books) -> tuple[int, str]:
    """Run the command as a process of its own."""
    given = books.settings
    env = {
        "OMS_DATABASE_URL": given.require_database_url(),
        "OMS_TEMPORAL_ADDRESS": given.temporal_address or "",
        "OMS_SHOPIFY_URL": given.shopify_url or "",
        "OMS_TIME_FACTOR": str(given.time_factor),
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", "reconcile", env=machine_environment() | env,
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    said, _ = await child.communicate()
    return child.returncode or 0, said.decode().strip()


async def test_nothing_personal_is_in_any_task(books: Books) -> None:
    async with books.world.engine.connect() as tx:
        kept = await rows(tx, "SELECT CAST(to_jsonb(t) AS text) FROM reconciliation_tasks t")
    assert kept
    assert not any("Ada" in text or "@" in text or "Montgomery" in text for (text,) in kept)
