"""The audit on a real stack: silent about what is right, precise about each thing that is not."""

import asyncio

import pytest
from temporalio.client import Client

from activities.connectors.carrier.port import CreateShipment, Parcel
from activities.connectors.payment.port import AuthorizeCommand
from db.engine import run
from domain.address import Address
from tests.workers.conftest import Books
from workers.auditing import run_audit
from workers.errors import UserError
from workers.wiring import open_gateways
from workflows.messages import CORE_QUEUE, AftermathInput, OrderInput


async def test_nothing_is_found_where_nothing_is_wrong(books: Books) -> None:
    assert await books.audit.look() == []
    assert await run_audit(books.settings) == []


async def test_the_audit_cannot_write(books: Books) -> None:
    from db.queries import audit  # noqa: PLC0415

    async with audit.snapshot(books.world.engine) as tx:
        with pytest.raises(Exception, match="read-only"):
            await run(tx, "DELETE FROM inbox")


async def test_money_held_twice_at_the_vendor_is_found(books: Books) -> None:
    """The same act under a second key: the vendor takes it for another one."""
    order_id = books.orders["open"]
    card = AuthorizeCommand(
        f"{order_id}:t1:authorize:1-again", 1_500, "USD", "pm_card_visa", order_id, "twice"
    )
    async with open_gateways(books.settings) as gateways:
        stray = await gateways.payment.authorize(card)
        try:
            assert await books.found() == {("vendor_payments_are_ours", stray.vendor_ref)}
        finally:
            await gateways.payment.void("undo", stray.vendor_ref)
    assert await books.found() == set()


async def test_a_refund_made_by_hand_at_the_vendor_is_found(books: Books) -> None:
    refunded = await books.world.row(
        "SELECT * FROM authorizations WHERE order_id = :o AND vendor = 'stripe' ORDER BY 1 LIMIT 1",
        o=books.orders["delivered"],
    )
    async with open_gateways(books.settings) as gateways:
        await gateways.payment.refund("by hand", refunded.vendor_ref, 1)
    name = ("vendor_sums_equal_ours", f"{refunded.authorization_key}/refunded")
    assert await books.found() == {name}
    books.stays.add(name)


async def test_a_second_label_bought_for_a_parcel_is_found(books: Books) -> None:
    place = await books.world.row("SELECT address FROM locations LIMIT 1")
    order = await books.world.row("SELECT ship_to FROM orders WHERE address_verified LIMIT 1")
    wanted = CreateShipment(
        f"{books.orders['delivered']}:f1:label:1",
        Address(**place.address),
        Address(**order.ship_to),
        Parcel(500, 200, 150, 50),
    )
    async with open_gateways(books.settings) as gateways:
        created = await gateways.carrier.create_shipment(wanted)
        assert await books.found() == set(), "asking for rates costs nothing"
        await gateways.carrier.buy_label(created.vendor_shipment_id, created.rates[0].rate_id)
    name = ("vendor_labels_are_ours", created.vendor_shipment_id)
    assert await books.found() == {name}
    books.stays.add(name)


async def test_a_run_that_no_open_order_wants_is_found(books: Books) -> None:
    client, order_id = books.world.temporal, books.orders["cancelled"]
    for name in (order_id, "shop-nobody"):
        handle = await client.start_workflow(
            "OrderWorkflow", OrderInput(name, 0, "shop"), id=f"order-{name}", task_queue="nobody"
        )
        try:
            assert await found_soon(books) == {("running_workflow_has_an_open_order", name)}
        finally:
            await handle.terminate()


async def found_soon(books: Books) -> set[tuple[str, str]]:
    """Temporal's list of runs may lag a moment behind its runs."""
    async with asyncio.timeout(20):
        while not (found := await books.found()):
            pass
    return found


async def test_a_document_that_waits_may_have_its_run_before_it_is_an_order(books: Books) -> None:
    document = books.world.document(("nothing", 1))
    handle = await books.world.place(document)
    try:
        assert await books.found() == set()
    finally:
        await handle.terminate()
        async with books.world.engine.begin() as tx:
            await run(tx, "DELETE FROM inbox WHERE external_id = :x", x=document["external_id"])


async def test_a_late_payment_on_its_way_back_is_no_violation_while_its_run_lives(
    books: Books,
) -> None:
    order_id = books.orders["delivered"]
    async with books.world.engine.begin() as tx:
        await run(
            tx, "UPDATE fulfillments SET share_minor = share_minor + 1 WHERE order_id = :o",
            o=order_id,
        )  # fmt: skip
    closing = ("closed_order_keeps_what_it_shipped", order_id)
    assert closing in await books.found()
    handle = await books.world.temporal.start_workflow(
        "LatePaymentWorkflow", AftermathInput(order_id, 1), id=f"late-{order_id}-t1",
        task_queue="nobody",
    )  # fmt: skip
    async with asyncio.timeout(20):
        while closing in await books.found():
            pass
    await handle.terminate()
    async with books.world.engine.begin() as tx:
        await run(
            tx, "UPDATE fulfillments SET share_minor = share_minor - 1 WHERE order_id = :o",
            o=order_id,
        )  # fmt: skip


async def test_an_exception_that_nobody_can_resolve_is_found(books: Books) -> None:
    waiting = await books.world.row("SELECT * FROM exceptions WHERE state = 'open'")
    assert waiting, "one order's exception is open, and the audit is silent about it"
    change = "UPDATE exceptions SET exception_id = :new WHERE exception_id = :old"
    stale = f"{waiting.fulfillment_id}-x1-1"
    async with books.world.engine.begin() as tx:
        await run(tx, change, new=stale, old=waiting.exception_id)
    try:
        assert await books.found() == {("open_exception_can_be_resolved", stale)}
    finally:
        async with books.world.engine.begin() as tx:
            await run(tx, change, new=waiting.exception_id, old=stale)


async def test_a_failed_run_is_found(books: Books) -> None:
    handle = await books.world.temporal.start_workflow(
        "OrderWorkflow", OrderInput("shop-failed", 0, "shop"), id="order-shop-failed",
        task_queue=f"{CORE_QUEUE}-failing",
    )  # fmt: skip
    await fail(books.world.temporal, f"{CORE_QUEUE}-failing")
    async with asyncio.timeout(20):
        while (name := ("no_run_failed", handle.id)) not in await books.found():
            pass
    books.stays.add(name)


async def fail(client: Client, queue: str) -> None:
    """Answer one workflow task as a worker with a bug would: the run failed."""
    from temporalio.api.command.v1 import (  # noqa: PLC0415
        Command,
        FailWorkflowExecutionCommandAttributes,
    )
    from temporalio.api.enums.v1 import CommandType  # noqa: PLC0415
    from temporalio.api.failure.v1 import Failure  # noqa: PLC0415
    from temporalio.api.taskqueue.v1 import TaskQueue  # noqa: PLC0415
    from temporalio.api.workflowservice.v1 import (  # noqa: PLC0415
        PollWorkflowTaskQueueRequest,
        RespondWorkflowTaskCompletedRequest,
    )

    service = client.workflow_service
    task = await service.poll_workflow_task_queue(
        PollWorkflowTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), identity="test"
        )
    )
    command = Command(
        command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
        fail_workflow_execution_command_attributes=FailWorkflowExecutionCommandAttributes(
            failure=Failure(message="a bug")
        ),
    )
    await service.respond_workflow_task_completed(
        RespondWorkflowTaskCompletedRequest(
            namespace=client.namespace, task_token=task.task_token, commands=[command]
        )
    )


async def test_a_sandbox_that_is_away_is_said_in_one_line(books: Books) -> None:
    away = books.settings.model_copy(update={"stripe_url": "http://127.0.0.1:9/stripe"})
    with pytest.raises(UserError, match="ledger"):
        await run_audit(away)
