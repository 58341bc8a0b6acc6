"""Money that must still move when nothing more will ship: moved one by one, until none is due."""

from collections.abc import Callable

from domain.timings import Timings
from workflows.desk import RETRY_OR_SKIP, Desk
from workflows.steps import money, placing

# The subjects of the dues that a person left as they are.
Skipped = frozenset[str]


async def settle_all(
    order_id: str,
    dues: tuple[money.Due, ...],
    desk: Desk,
    timings: Timings,
    is_moot: Callable[[], bool] = lambda: False,
) -> Skipped:
    """Make each movement; return those that a person skipped, or are moot: they stay due."""
    skipped: set[str] = set()
    for due in dues:

        async def move(due: money.Due = due) -> bool:
            await money.settle(order_id, due, timings)
            return True

        if not await desk.attempt(f"{due.operation} payment", move, RETRY_OR_SKIP, is_moot):
            skipped.add(due.subject)
    return frozenset(skipped)


async def give_back_money(
    order_id: str, desk: Desk, timings: Timings, tender_no: int | None = None
) -> Skipped:
    """Settle until nothing is due, of one tender if it is given, or a person skipped something."""
    while dues := await _due(order_id, tender_no):
        if skipped := await settle_all(order_id, dues, desk, timings):
            return skipped
    return frozenset()


async def _due(order_id: str, tender_no: int | None) -> tuple[money.Due, ...]:
    dues = (await money.money_due(order_id)).dues
    return tuple(due for due in dues if tender_no in (None, due.tender_no))


async def close(
    order_id: str, outcome: str, reason: str | None, desk: Desk, timings: Timings, skipped: Skipped
) -> None:
    """Close the order, after all that is due but what a person skipped."""
    while dues := (await placing.close_order(order_id, outcome, reason, skipped)).dues:
        skipped |= await settle_all(order_id, dues, desk, timings)
