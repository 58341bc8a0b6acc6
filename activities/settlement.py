"""Settlement: giving back money that is held or taken for units that will never leave."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.errors import Rejected
from activities.connectors.payment.port import PaymentGateway
from activities.payments import INTERNAL
from db.engine import row
from db.stores import orders, payments
from db.stores.payments import Intent
from domain.events import OrderEvent


@dataclass(frozen=True)
class Due:
    """One money movement still to be made; `subject` is the authorization's (or intent's) key."""

    operation: str  # finish, void or refund
    subject: str
    tender_no: int
    amount_minor: int
    fulfillment_number: int | None = None


class SettlementActivities:
    def __init__(self, engine: AsyncEngine, gateway: PaymentGateway) -> None:
        self._engine = engine
        self._gateway = gateway

    @activity.defn
    async def give_back(self, due: Due) -> None:
        """Void or refund what one authorization holds too much; at most one vendor call."""
        async with self._engine.begin() as tx:
            held = await payments.authorization(tx, due.subject)
            assert held is not None
            amount_minor = await _still_due(tx, held, due)
            if amount_minor is None:
                return
            intent = await payments.begin(tx, await _intent(tx, held, due, amount_minor))
            if held.vendor in INTERNAL:
                await self._record(tx, intent, held)
                return
        try:
            await self._ask(intent, held)
        except Rejected as refusal:
            # Past the key's window the vendor says "already": then it happened.
            if refusal.code != "already_refunded":
                raise
        async with self._engine.begin() as tx:
            await payments.authorization(tx, due.subject)
            await self._record(tx, intent, held)

    async def _ask(self, intent: Any, held: Any) -> None:
        if intent.verb == "void":
            await self._gateway.void(intent.key, held.vendor_ref)
        else:
            await self._gateway.refund(intent.key, held.vendor_ref, intent.amount_minor)

    async def _record(self, tx: AsyncConnection, intent: Any, held: Any) -> None:
        if not await payments.end(tx, intent.key, "done"):
            return
        if intent.verb == "void":
            await payments.voided(tx, intent)
        else:
            await payments.refunded(tx, intent)
            if held.vendor == "store_credit":
                await _put_back(tx, held, intent.amount_minor)
        event: OrderEvent = "PaymentVoided" if intent.verb == "void" else "PaymentRefunded"
        data = {
            "tender_no": intent.tender_no,
            "amount_minor": intent.amount_minor,
            "currency": intent.currency,
        }
        await orders.tell(tx, intent.order_id, event, data=data)


async def _still_due(tx: AsyncConnection, held: Any, due: Due) -> int | None:
    """Return what is due of this authorization now: of what was made before, nothing is.

    Asked anew under the authorization's lock, because a retry may come after its own record.
    """
    for open_due in await payments.due(tx, held.order_id):
        if (open_due.operation, open_due.subject) == (due.operation, due.subject):
            return int(open_due.amount_minor)
    return None


async def _intent(tx: AsyncConnection, held: Any, due: Due, amount_minor: int) -> Intent:
    """Number a refund by those already made of the same authorization: a retry meets its own."""
    done = await row(
        tx,
        """
        SELECT count(*) AS n FROM payment_intents
        WHERE authorization_key = :key AND verb = :verb AND state = 'done'
        """,
        key=due.subject,
        verb=due.operation,
    )
    part = due.subject.removeprefix(f"{held.order_id}:").split(":")[0]
    return Intent(
        key=f"{held.order_id}:{part}:{due.operation}:{(done.n if done else 0) + 1}",
        order_id=held.order_id,
        tender_no=held.tender_no,
        verb=due.operation,
        amount_minor=amount_minor,
        currency=held.currency,
        authorization_key=due.subject,
    )


async def _put_back(tx: AsyncConnection, held: Any, amount_minor: int) -> None:
    tender = await row(
        tx,
        "SELECT reference FROM tenders WHERE order_id = :order_id AND tender_no = :tender_no",
        order_id=held.order_id,
        tender_no=held.tender_no,
    )
    assert tender is not None
    await payments.redeem_credit(tx, tender.reference, -amount_minor, held.currency)
