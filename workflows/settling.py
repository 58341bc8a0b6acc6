"""Money that must still move when nothing more will ship: moved one by one, until none is due."""

from domain.timings import Timings
from workflows.desk import RETRY_OR_SKIP, Desk
from workflows.steps import money, placing


async def settle_all(
    order_id: str, dues: tuple[money.Due, ...], desk: Desk, timings: Timings
) -> bool:
    """Make each movement; false when a person skipped one, which then stays due."""
    skipped = False
    for due in dues:

        async def move(due: money.Due = due) -> bool:
            await money.settle(order_id, due, timings)
            return True

        done = await desk.attempt(f"{due.operation} payment", move, RETRY_OR_SKIP)
        skipped = skipped or not done
    return not skipped


async def give_back_money(order_id: str, desk: Desk, timings: Timings) -> None:
    while dues := (await money.money_due(order_id)).dues:
        if not await settle_all(order_id, dues, desk, timings):
            return


async def close(
    order_id: str, outcome: str, reason: str | None, desk: Desk, timings: Timings
) -> None:
    """Close the order, after all that is due."""
    while dues := (await placing.close_order(order_id, outcome, reason)).dues:
        await settle_all(order_id, dues, desk, timings)
