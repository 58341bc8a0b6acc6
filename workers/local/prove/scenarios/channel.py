"""After an outage the same page of a channel is delivered ten times: no order comes twice."""

from collections import Counter
from typing import Final

from workers.local.demo.plan import DELIVERED, PlannedOrder
from workers.local.demo.shipped_set import SHOPIFY_CHANNEL, plan_shipped
from workers.local.prove.stage import Outcome, Stage

TIMES: Final = 10
SYNC: Final = f"sync-{SHOPIFY_CHANNEL}"


async def same_page_again(stage: Stage) -> Outcome:
    orders = _not_yet_sold(stage)
    for order in orders:
        await stage.vendors.sell(order.document, tell=False)
    for _ in range(TIMES):
        await _pull_from_the_beginning(stage)
    stage.orders += orders
    twice = await _not_once(stage, orders)
    return Outcome(len(orders), TIMES, [*twice, *await stage.follow(orders)])


def _not_yet_sold(stage: Stage) -> list[PlannedOrder]:
    """What the boundaries left of the shipped set, which has stock for each order once."""
    rest = plan_shipped().orders[stage.size.shipped :]
    return [order for order in rest if order.way == "shopify" and order.expected == {DELIVERED}]


async def _pull_from_the_beginning(stage: Stage) -> None:
    """Forget how far the channel was read, and have it read again."""
    await stage.execute("DELETE FROM channel_cursors WHERE channel = :c", c=SHOPIFY_CHANNEL)
    schedule = stage.temporal.get_schedule_handle(SYNC)
    before = (await schedule.describe()).info.num_actions
    await schedule.trigger()

    async def pulled() -> bool:
        info = (await schedule.describe()).info
        return info.num_actions > before and not info.running_actions

    await stage.until(pulled)


async def _not_once(stage: Stage, orders: list[PlannedOrder]) -> list[str]:
    kept = await stage.rows(
        "SELECT external_id FROM inbox WHERE source = :c AND kind = 'order'", c=SHOPIFY_CHANNEL
    )
    counts = Counter(row.external_id for row in kept)
    return [
        f"{order.order_id} came {counts[order.external_id]} times"
        for order in orders
        if counts[order.external_id] != 1
    ]
