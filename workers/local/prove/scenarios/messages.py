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
# Repeated after 1, 2, 4 s: longer than it takes the harness's bank to be paid.
LOST_ANSWERS: Final = 3
A_DAY_S: Final = 86_400
# What orders' stories and money are made of: nothing of it may grow by a repeat. Mails to our own
# people are about other things.
TRACES: Final = """
    SELECT (SELECT count(*) FROM order_events) AS events,
        (SELECT count(*) FROM payment_events) AS payments,
        (SELECT count(*) FROM stock_movements) AS movements,
        (SELECT count(*) FROM outbox WHERE order_id IS NOT NULL) AS messages
"""


async def unruly_messages(stage: Stage) -> Outcome:
    outcome = Outcome()
    await stage.fault("webhook_duplicate", times=MANY)
    await stage.fault("webhook_delay", times=stage.size.mix // 2, seconds=LATE_S, skip=1)
    orders = a_mix("message", stage.size.mix, stage.dice)
    outcome.violations += await stage.drive(orders)
    outcome.faults = MANY + stage.size.mix // 2 - await stage.open_faults()
    await stage.clear_faults()
    early = an_order("message-early", [(EAST, 1)], pay=SLIP)
    outcome.violations += await _before_its_subject(stage, early)
    outcome.faults += LOST_ANSWERS
    outcome.faults += await _after_the_end(stage, orders, outcome.violations)
    outcome.orders = len(orders) + 1
    return outcome


async def _before_its_subject(stage: Stage, order: PlannedOrder) -> list[str]:
    """The bank says paid while the answer that the slip was issued is lost again and again."""
    await stage.fault(
        "cut_after_effect", vendor="stripe", method="POST", path_prefix="/v1/payment_intents",
        times=LOST_ANSWERS,
    )  # fmt: skip
    await stage.place(order)
    return await stage.follow([order])


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
    status = await _deliver(stage, _old_event(yesterday), yesterday)
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


def _old_event(signed_at: int) -> dict[str, Any]:
    intent = {"id": "pi_old", "object": "payment_intent", "amount": 1, "currency": "usd",
              "status": "succeeded", "amount_received": 1}  # fmt: skip
    return {
        "id": "evt_old",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": signed_at,
        "data": {"object": intent},
    }


async def _deliver(stage: Stage, event: dict[str, Any], signed_at: int) -> int:
    body = json.dumps(event).encode()
    secret = stage.stack.folder.webhook_secrets()["stripe"].encode()
    signature = hmac.new(secret, b"%d." % signed_at + body, hashlib.sha256).hexdigest()
    headers = {"Stripe-Signature": f"t={signed_at},v1={signature}"}
    async with httpx.AsyncClient(base_url=stage.stack.api_url) as http:
        return (await http.post("/webhooks/stripe", content=body, headers=headers)).status_code
