"""Every boundary of every activity is struck once; what happens seldom is made to happen."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final

from temporalio.client import ScheduleOverlapPolicy

from workers.errors import UserError
from workers.local.demo.plan import CANCELLED, PlannedOrder
from workers.local.demo.shipped_set import plan_shipped
from workers.local.prove import boundaries, failpoints
from workers.local.prove.orders import EAST, SLIP, an_order
from workers.local.prove.stage import Outcome, Stage

# Longer than the first poll of a parcel and the grace of a slip, at the harness's time factor.
WEBHOOKS_LATE_S: Final = 30.0
LATE_WEBHOOKS: Final = {"payment_intent.": 6, "tracker.": 40}
# The sandbox's carrier does what the street says.
NEVER_SCANNED: Final = "1 Never Scanned Street"
STRUCK_WITHIN_S: Final = 90.0


async def every_boundary(stage: Stage) -> Outcome:
    outcome = Outcome()
    for topic, times in LATE_WEBHOOKS.items():
        await stage.fault("webhook_delay", path_prefix=topic, seconds=WEBHOOKS_LATE_S, times=times)
    special = [await _hold_that_runs_out(stage), await _label_to_be_voided(stage)]
    special.append(await _asked_for_help(stage))
    orders = [order.delayed() for order in plan_shipped(stage.size.shipped).orders]
    outcome.violations += await stage.drive(orders)
    outcome.violations += await stage.follow(special)
    await _run_schedules(stage)
    outcome.violations += await _unreached(stage)
    outcome.orders = len(orders) + 3
    outcome.faults = len(failpoints.struck(stage.points))
    return outcome


async def _label_to_be_voided(stage: Stage) -> PlannedOrder:
    """A cancellation overtakes the purchase of the first label, whose attempts all break off."""
    order = an_order("prove-void", [(EAST, 1)], expected=CANCELLED, street=NEVER_SCANNED)
    await stage.place(order)
    await stage.work(order, "picked", "packed")

    async def being_bought() -> Sequence[Any]:
        return await stage.rows(
            "SELECT 1 FROM labels JOIN fulfillments USING (fulfillment_id)"
            " WHERE order_id = :o AND labels.state IN ('buying', 'bought')",
            o=order.order_id,
        )

    await stage.until(being_bought)
    await stage.api.cancel(order.order_id)
    return order


async def _asked_for_help(stage: Stage) -> PlannedOrder:
    """A vendor refuses our credentials: a person is asked and decides that the order goes on."""
    order = an_order("prove-help", [(EAST, 1)])
    await stage.place(order)
    await stage.fault(
        "http_401", vendor="easypost", method="POST", path_prefix="/v2/shipments", times=1
    )
    await stage.work(order, "picked", "packed")

    exception_id = await stage.exception_of(order)
    await stage.api.send(
        "POST", f"/exceptions/{exception_id}/resolve", {"resolution": "retry", "note": "mended"}
    )
    return order


async def _hold_that_runs_out(stage: Stage) -> PlannedOrder:
    """The hold of an order that waits for its slip expires: it is made anew once it is paid."""
    order = an_order("prove-hold", [(EAST, 1)], pay=SLIP)
    await stage.place(order)

    async def is_overdue() -> int:
        return await stage.execute(
            "UPDATE reservations SET expires_at = now() WHERE order_id = :o AND state = 'held'",
            o=order.order_id,
        )

    await stage.until(is_overdue)
    # One that runs just now may have looked a moment too early.
    expire = stage.temporal.get_schedule_handle("expire-reservations")
    await expire.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
    return order


async def _run_schedules(stage: Stage) -> None:
    async for schedule in await stage.temporal.list_schedules():
        await stage.temporal.get_schedule_handle(schedule.id).trigger()


async def _unreached(stage: Stage) -> list[str]:
    """Wait for what the schedules do; a boundary that nothing reaches is no proof."""
    known = {str(each) for each in await boundaries.boundaries()}

    async def all_struck() -> bool:
        return known == failpoints.struck(stage.points)

    with contextlib.suppress(UserError):
        await stage.until(all_struck, STRUCK_WITHIN_S)
    missing = known - failpoints.struck(stage.points)
    return [f"the boundary {each} was not reached" for each in sorted(missing)]
