"""Webhooks and signals come twice, late, out of order, before their subject and after the end."""

import hashlib
import hmac
import json
import time
from typing import Any, Final

import httpx
from temporalio.service import RPCError, RPCStatusCode

from workers.local.demo.plan import PlannedOrder
from workers.local.prove.orders import EAST, SLIP, a_mix, an_order
from workers.local.prove.stage import Outcome, Stage
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import (
    SlipNotice,
    TrackingNews,
    fulfillment_workflow_id,
    order_workflow_id,
)
from workflows.order import OrderWorkflow

MANY: Final = 10_000
LATE_S: Final = 3.0
A_DAY_S: Final = 86_400
# What an order's story and money are made of: nothing of it may grow by a repeat.
TRACES: Final = """
    SELECT (SELECT count(*) FROM order_events) AS events,
        (SELECT count(*) FROM payment_events) AS payments,
        (SELECT count(*) FROM stock_movements) AS movements,
        (SELECT count(*) FROM outbox) AS messages
"""


async def unruly_messages(stage: Stage) -> Outcome:
    outcome = Outcome()
    await stage.fault("webhook_duplicate", times=MANY)
    await stage.fault("webhook_delay", times=stage.size.mix // 2, seconds=LATE_S, skip=1)
    orders = a_mix("message", stage.size.mix, stage.dice)
    outcome.violations += await stage.drive(orders)
    early = an_order("message-early", [(EAST, 1)], pay=SLIP)
    outcome.violations += await _before_its_subject(stage, early)
    outcome.faults = MANY + stage.size.mix // 2 - await stage.open_faults() + 1
    await stage.clear_faults()
    outcome.faults += await _after_the_end(stage, orders, outcome.violations)
    outcome.orders = len(orders) + 1
    return outcome


async def _before_its_subject(stage: Stage, order: PlannedOrder) -> list[str]:
    """The bank says paid before we know the order at all; it is not believed, and not lost."""
    event = _slip_paid(order)
    status = await _deliver(stage, event, int(time.time()))  # noqa: TID251 - signed now
    await stage.place(order)
    late = [] if status == httpx.codes.OK else [f"an early webhook was answered {status}"]
    return late + await stage.follow([order])


async def _after_the_end(stage: Stage, orders: list[PlannedOrder], found: list[str]) -> int:
    """Everything once more, when all orders have closed; returns how many messages that were."""
    before = (await stage.rows(TRACES))[0]
    again = (await stage.sandbox.post("/_/webhooks/replay")).json()["replayed"]

    async def all_delivered() -> bool:
        health = (await stage.sandbox.get("/_/health")).json()
        waiting = await stage.rows("SELECT 1 FROM inbox WHERE state = 'new' LIMIT 1")
        return health["webhooks_pending"] == 0 and not waiting

    await stage.until(all_delivered)
    signals = await _signals_to_closed_runs(stage, orders)
    after = (await stage.rows(TRACES))[0]
    if tuple(after) != tuple(before):
        found.append(f"a replay changed what is written: {before} became {after}")
    yesterday = int(time.time()) - A_DAY_S  # noqa: TID251 - signed then
    status = await _deliver(stage, _slip_paid(orders[0]), yesterday)
    if status != httpx.codes.UNAUTHORIZED:
        found.append(f"a webhook signed a day ago was answered {status}")
    return int(again) + signals + 1


async def _signals_to_closed_runs(stage: Stage, orders: list[PlannedOrder]) -> int:
    """A closed run takes no signal; what matters is that nothing comes of it."""
    for order in orders:
        run = stage.temporal.get_workflow_handle(order_workflow_id(order.order_id))
        part = stage.temporal.get_workflow_handle(fulfillment_workflow_id(order.order_id, 1))
        for handle, signal, notice in (
            (run, OrderWorkflow.slip_settled, SlipNotice("again", 1, paid=True)),
            (part, FulfillmentWorkflow.tracking, TrackingNews("again", "delivered")),
        ):
            await _ignored(handle, signal, notice)
    return 2 * len(orders)


async def _ignored(handle: Any, signal: Any, notice: Any) -> None:
    try:
        await handle.signal(signal, notice)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise


def _slip_paid(order: PlannedOrder) -> dict[str, Any]:
    """What Stripe would say of the order's slip."""
    [tender] = order.document["tenders"]
    intent = {
        "id": f"pi_early_{order.external_id}",
        "object": "payment_intent",
        "amount": tender["amount_minor"],
        "amount_received": tender["amount_minor"],
        "currency": order.currency.lower(),
        "status": "succeeded",
        "capture_method": "automatic",
        "metadata": {"key": f"{order.order_id}:t1:slip:1", "order": order.order_id},
    }
    return {
        "id": f"evt_early_{order.external_id}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": intent},
    }


async def _deliver(stage: Stage, event: dict[str, Any], signed_at: int) -> int:
    body = json.dumps(event).encode()
    secret = stage.stack.folder.webhook_secrets()["stripe"].encode()
    signature = hmac.new(secret, b"%d." % signed_at + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={signed_at},v1={signature}"}
    async with httpx.AsyncClient(base_url=stage.stack.api_url) as http:
        return (await http.post("/webhooks/stripe", content=body, headers=headers)).status_code
