"""Acts out the paths beside the driver, and counts those whose end is in the ledgers."""

import asyncio
from collections.abc import Mapping

from workers.errors import UserError
from workers.local.demo.chaos.facts import Facts
from workers.local.demo.chaos.hand import LOOK_EVERY_S, Hand
from workers.local.demo.chaos.table import PATHS
from workers.local.demo.course import Course
from workers.local.demo.plan import Plan, PlannedOrder


def left_alone(plan: Plan) -> set[str]:
    """Orders that the automatic warehouse must not touch before their people let it."""
    return {order.order_id for order in plan.orders if order.path and PATHS[order.path].by_hand}


async def play(course: Course, hand: Hand) -> None:
    """Return when everybody has done what their paths ask for; who could not is noted."""
    async with asyncio.TaskGroup() as people:
        for order in course.plan.orders:
            if order.path:
                people.create_task(_act(course, hand, order))


async def _act(course: Course, hand: Hand, order: PlannedOrder) -> None:
    while order.order_id not in course.placed:
        if course.placing_is_over:
            return
        await asyncio.sleep(LOOK_EVERY_S)
    try:
        await PATHS[order.path].act(hand, order)
    except (UserError, ValueError) as error:
        course.notes.append(f"{order.order_id} ({order.path}): {error}")
    finally:
        hand.let_go(order)


def travelled(plan: Plan, facts: Mapping[str, Facts]) -> tuple[dict[str, list[str]], list[str]]:
    """By path the orders that went it to its end; and who did not, in sentences."""
    gone: dict[str, list[str]] = {key: [] for key in PATHS}
    missed = []
    for order in plan.orders:
        if not order.path:
            continue
        if PATHS[order.path].happened(facts[order.order_id]):
            gone[order.path].append(order.order_id)
        else:
            missed.append(f"{order.order_id} did not go the path {order.path} to its end")
    return gone, missed
