"""Closing: an order ends once nothing is owed to anybody, with its outcome and a word about it."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.mail import post_mail
from activities.settlement import Due
from db.engine import row
from db.inbox import remarks
from db.stores import orders, payments
from db.stores.collecting import was_not_collected
from domain.collection import NO_SHOW

# Why the customer is told; the mail says it in the customer's language.
REFUSALS: Final = frozenset(
    {
        "refused_address",
        "refused_stock",
        "refused_payment",
        "expired_payment",
        "rejected_input",
    }
)


@dataclass(frozen=True)
class Close:
    """`skipped`: the subjects of dues that a person left as they are."""

    order_id: str
    outcome: str
    reason: str | None = None
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True)
class Closed:
    """`dues` must be settled first; empty means the order is closed."""

    dues: tuple[Due, ...] = ()


class ClosingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def close_order(self, close: Close) -> Closed:
        """Close the order, unless money must move first; told again, nothing changes."""
        async with self._engine.begin() as tx:
            order = await orders.head(tx, close.order_id, lock=True)
            assert order is not None
            found = await payments.due(tx, close.order_id)
            dues = tuple(Due(*due) for due in found if due.subject not in close.skipped)
            if dues:
                return Closed(dues)
            reason = close.reason or await remarks.find(tx, close.order_id, close.outcome)
            if close.outcome == "cancelled" and await was_not_collected(tx, close.order_id):
                reason = NO_SHOW
            if not await orders.close(tx, close.order_id, close.outcome, reason):
                return Closed()
            data = {"outcome": close.outcome, "reason": close.reason}
            await orders.tell(tx, close.order_id, "OrderClosed", data=data)
            is_partly_cancelled = await _cancel_the_rest(tx, close.order_id)
            if close.outcome in REFUSALS:
                facts = {"outcome": close.outcome}
                await post_mail(tx, order, "order_refused", facts)
            elif close.outcome == "cancelled":
                is_put_back = reason == NO_SHOW
                await post_mail(tx, order, "not_collected" if is_put_back else "order_cancelled")
            elif is_partly_cancelled:
                await post_mail(tx, order, "partly_cancelled")
            return Closed()

    @activity.defn
    async def money_due(self, order_id: str) -> Closed:
        """Say what money must still move for an order that is closed already."""
        async with self._engine.begin() as tx:
            return Closed(tuple(Due(*due) for due in await payments.due(tx, order_id)))


async def _cancel_the_rest(tx: AsyncConnection, order_id: str) -> bool:
    """Units no parcel took are cancelled; True when there are any.

    Ordered = cancelled + shipped, from here on.
    """
    found = await row(
        tx,
        """
        WITH cancelled AS (
            UPDATE order_lines SET cancelled = quantity - shipped
            WHERE order_id = :order_id AND cancelled <> quantity - shipped
        )
        SELECT 1 FROM order_lines WHERE order_id = :order_id AND quantity > shipped LIMIT 1
        """,
        order_id=order_id,
    )
    return found is not None
