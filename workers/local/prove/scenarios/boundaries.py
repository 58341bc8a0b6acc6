"""Every boundary of every activity is struck once; what happens seldom is made to happen."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

from temporalio.client import ScheduleOverlapPolicy

from workers.errors import UserError
from workers.local.demo.plan import CANCELLED, PlannedOrder
from workers.local.demo.shipped_set import plan_shipped
from workers.local.prove import boundaries, failpoints
from workers.local.prove.orders import EAST, NEVER_SCANNED, SLIP, a_mix, an_order
from workers.local.prove.scenarios.changes import asked_back, changed_order
from workers.local.prove.scenarios.holds import holds_orders
from workers.local.prove.scenarios.parcels import parcels_orders
from workers.local.prove.scenarios.pickup import pickup_orders
from workers.local.prove.scenarios.returns import refund_given_up, return_orders
from workers.local.prove.stage import Outcome, Stage

# Longer than the first poll of a parcel and the grace of a slip take, also when workers are killed.
WEBHOOKS_LATE_S: Final = 40.0
LATE_WEBHOOKS: Final = {
    "payment_intent.succeeded": 6,
    "payment_intent.payment_failed": 2,
    "tracker.": 10_000,  # of a whole round: the carrier is asked about each parcel
}
ROUNDS: Final = 2
AGAIN: Final = 24
STRUCK_WITHIN_S: Final = 45.0
# Longer than a cancellation takes, shorter than an attempt may.
SLOW_LABEL_S: Final = 6.0


async def every_boundary(stage: Stage) -> Outcome:
    """A second round is for what chance kept the first from reaching."""
    outcome, missing = Outcome(), set[str]()
    for number in range(1, ROUNDS + 1):
        for topic, times in LATE_WEBHOOKS.items():
            about = {"path_prefix": topic, "seconds": WEBHOOKS_LATE_S, "times": times}
            await stage.fault("webhook_delay", **about)
        await _play_round(stage, number, outcome)
        await stage.clear_faults()
        await _run_schedules(stage)
        if not (missing := await _unreached(stage)):
            break
    outcome.violations += [f"the boundary {each} was not reached" for each in sorted(missing)]
    outcome.faults = len(failpoints.struck(stage.points))
    return outcome


async def _play_round(stage: Stage, number: int, outcome: Outcome) -> None:
    late = _not_picked_for_long(number)
    orders = _of_all_kinds(stage) if number == 1 else a_mix("round", AGAIN, stage.dice)
    with stage.kept_aside(late):
        await stage.place(late)
        driving = asyncio.create_task(stage.drive(orders))
        try:
            with stage.kept_aside(*orders):
                special = await _by_themselves(stage, number)
            back, others = await asyncio.gather(
                return_orders(stage, f"back-{number}"), _side_by_side(stage, number)
            )
            violations = [*back.violations, *await driving]
        finally:
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)
        await _is_renewed(stage, late)
    special += [late, *others]
    outcome.violations += [*violations, *await stage.follow(special)]
    outcome.violations += await refund_given_up(stage, back.last)
    outcome.orders += len(orders) + len(special) + back.orders


async def _side_by_side(stage: Stage, number: int) -> list[PlannedOrder]:
    alone, together = await asyncio.gather(
        asyncio.gather(
            changed_order(stage, number),
            asked_back(stage, number),
            _picked_and_forgotten(stage, number),
        ),
        asyncio.gather(
            holds_orders(stage, number), parcels_orders(stage, number), pickup_orders(stage, number)
        ),
    )
    return [*alone, *(order for orders in together for order in orders)]


async def _by_themselves(stage: Stage, number: int) -> list[PlannedOrder]:
    """What is done to them must meet no other parcel: before any warehouse works for the rest."""
    special = [await _hold_that_runs_out(stage, number)]
    if number == 1:
        special.append(await _label_to_be_voided(stage))
        await stage.end_of(special[-1])
    return [*special, await _asked_for_help(stage, number)]


def _of_all_kinds(stage: Stage) -> list[PlannedOrder]:
    return [order.delayed() for order in plan_shipped(stage.size.shipped).orders]


def _not_picked_for_long(number: int) -> PlannedOrder:
    """Nobody picks it until its card's authorization has to be made anew."""
    return an_order(f"prove-late-{number}", [(EAST, 1)])


async def _is_renewed(stage: Stage, order: PlannedOrder) -> None:
    async def renewed() -> bool:
        found = await stage.rows(
            "SELECT 1 FROM authorizations WHERE order_id = :o", o=order.order_id
        )
        return len(found) > 1

    await stage.until(renewed)


async def _label_to_be_voided(stage: Stage) -> PlannedOrder:
    """A cancellation overtakes the purchase of a label, which the carrier takes its time for."""
    order = an_order("prove-void", [(EAST, 1)], expected=CANCELLED, street=NEVER_SCANNED)
    await stage.place(order)
    await stage.fault(
        "delay", vendor="easypost", method="POST", path_prefix="/v2/shipments/",
        seconds=SLOW_LABEL_S, times=1,
    )  # fmt: skip
    await stage.work(order, "picked", "packed")

    async def being_bought() -> Sequence[Any]:
        return await stage.rows(
            "SELECT 1 FROM labels JOIN fulfillments USING (fulfillment_id)"
            " WHERE order_id = :o AND labels.state IN ('buying', 'bought')",
            o=order.order_id,
        )

    async def called_off() -> Sequence[Any]:
        await stage.api.cancel(order.order_id)
        return await stage.rows(
            "SELECT 1 FROM fulfillments WHERE order_id = :o AND cancel_requested", o=order.order_id
        )

    await stage.until(being_bought)
    await stage.until(called_off)
    return order


async def _picked_and_forgotten(stage: Stage, number: int) -> PlannedOrder:
    """A crash left the record of the picking and not its message: the run asks the database."""
    order = an_order(f"prove-forgotten-{number}", [(EAST, 1)])
    with stage.kept_aside(order):
        await stage.place(order)
        await stage.parts(order)
        await stage.execute(
            "UPDATE fulfillments SET state = 'picked', picked_at = now() WHERE order_id = :o",
            o=order.order_id,
        )
    return order


async def _asked_for_help(stage: Stage, number: int) -> PlannedOrder:
    """A vendor refuses our credentials: a person is asked and decides that the order goes on."""
    order = an_order(f"prove-help-{number}", [(EAST, 1)])
    await stage.place(order)
    await stage.fault(
        "http_401", vendor="easypost", method="POST", path_prefix="/v2/shipments", times=1
    )
    await stage.work(order, "picked", "packed")
    await stage.resolve(order, {"resolution": "retry", "note": "mended"})
    return order


async def _hold_that_runs_out(stage: Stage, number: int) -> PlannedOrder:
    """The hold of an order that waits for its slip expires: it is made anew once it is paid."""
    order = an_order(f"prove-hold-{number}", [(EAST, 1)], pay=SLIP)
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


async def _unreached(stage: Stage) -> set[str]:
    """Wait for what the schedules do; a boundary that nothing reaches is no proof."""
    known = {str(each) for each in await boundaries.boundaries()}

    async def all_struck() -> bool:
        return known == failpoints.struck(stage.points)

    with contextlib.suppress(UserError):
        await stage.until(all_struck, STRUCK_WITHIN_S)
    return known - failpoints.struck(stage.points)
