"""Settlement: giving back money that is held or taken for units that will never leave."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.answers import as_asked
from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.connectors.payment.port import PaymentGateway, RefundState, RefundStatus
from activities.mail import post_mail, written_amount
from activities.payments import INTERNAL, record_capture, record_refusal
from activities.repeating import once
from db.engine import row
from db.stores import documents, orders, payments
from db.stores.payments import Intent
from domain.events import OrderEvent


@dataclass(frozen=True)
class Due:
    """One money movement still to be made; `subject` is the authorization's (or intent's) key.

    With `fulfillment_number` it is of a hold that was made anew.
    """

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
        """Void or refund what one authorization holds too much."""
        async with self._engine.begin() as tx:
            held = await _locked(tx, due)
            amount_minor = await _still_due(tx, held, due)
            if amount_minor is None:
                return
            intent = await payments.begin(tx, await _intent(tx, held, due, amount_minor))
            if held.vendor in INTERNAL:
                await self._record(tx, intent, held)
                return
        act = self._void if due.operation == "void" else self._refund
        try:
            await act(intent, held, due)
        except Rejected as refusal:
            await record_refusal(self._engine, intent, refusal.code)
            raise

    async def _void(self, intent: Any, held: Any, due: Due) -> None:
        """Void, unless a capture that we were never answered about came first."""
        try:
            await self._gateway.void(intent.key, held.vendor_ref)
        except Rejected as refusal:
            if refusal.code != "already_captured":
                raise
            await self._adopt_capture(held, due, refusal)
            await record_refusal(self._engine, intent, refusal.code)
            return
        async with self._engine.begin() as tx:
            await _locked(tx, due)
            await self._record(tx, intent, held)

    async def _adopt_capture(self, held: Any, due: Due, refusal: Rejected) -> None:
        """Write the capture down; what of it must go back is due from then on.

        Raises: `refusal`, when the money was taken by nobody of us.
        """
        state = await self._gateway.retrieve(held.vendor_ref)
        async with self._engine.begin() as tx:
            await _locked(tx, due)
            asked = await payments.begun_capture(tx, due.subject)
            if asked is None or asked.amount_minor != state.received_minor:
                raise refusal
            await record_capture(tx, asked)

    async def _refund(self, intent: Any, held: Any, due: Due) -> None:
        state = await once(
            intent,
            self._gateway.key_window_s,
            look=lambda: self._gateway.find_refund(intent.key, held.vendor_ref),
            act=lambda: self._ask_refund(intent, held),
        )
        as_asked(held.vendor, state, amount_minor=intent.amount_minor, currency=held.currency)
        if state.status is RefundStatus.UNKNOWN:
            raise OutcomeUnknown(held.vendor, f"{state.vendor_ref} is in no known state")
        if state.status is RefundStatus.FAILED:
            raise Rejected(held.vendor, f"{state.vendor_ref} failed", "refund_failed")
        async with self._engine.begin() as tx:
            await _locked(tx, due)
            await self._record(tx, intent, held)

    async def _ask_refund(self, intent: Any, held: Any) -> RefundState:
        """A vendor that says "already" gave it all back: by us or in its own dashboard."""
        try:
            return await self._gateway.refund(intent.key, held.vendor_ref, intent.amount_minor)
        except Rejected as refusal:
            if refusal.code != "already_refunded":
                raise
        return RefundState(
            intent.key, held.vendor_ref, RefundStatus.SUCCEEDED, intent.amount_minor, held.currency
        )

    async def _record(self, tx: AsyncConnection, intent: Any, held: Any) -> None:
        if not await payments.end(tx, intent.key, "done"):
            return
        if intent.verb == "void":
            await payments.voided(tx, intent)
            await _end_begun_capture(tx, held)
        else:
            await payments.refunded(tx, intent)
            await self._refunded(tx, intent)
            if held.vendor == "store_credit":
                await _put_back(tx, held, intent.amount_minor)
        event: OrderEvent = "PaymentVoided" if intent.verb == "void" else "PaymentRefunded"
        data = {
            "tender_no": intent.tender_no,
            "amount_minor": intent.amount_minor,
            "currency": intent.currency,
        }
        await orders.tell(tx, intent.order_id, event, data=data)

    async def _refunded(self, tx: AsyncConnection, intent: Any) -> None:
        """Of what an order itself refunds, only lost parcels were invoiced."""
        await documents.credit_lost(tx, intent)
        await _tell_customer(tx, intent)


async def _tell_customer(tx: AsyncConnection, intent: Any) -> None:
    order = await orders.head(tx, intent.order_id)
    assert order is not None
    facts = {"amount": written_amount(intent.amount_minor, intent.currency)}
    part = intent.key.removeprefix(f"{intent.order_id}:")
    await post_mail(tx, order, "refund_issued", facts, part=part)


async def _locked(tx: AsyncConnection, due: Due) -> Any:
    """Return the authorization, locked after its order."""
    order_id = due.subject.partition(":")[0]
    await orders.head(tx, order_id, lock=True)
    held = await payments.authorization(tx, due.subject)
    assert held is not None
    return held


async def _still_due(tx: AsyncConnection, held: Any, due: Due) -> int | None:
    """Return what is due of this authorization now: of what was made before, nothing is.

    Asked anew under the authorization's lock, because a retry may come after its own record, and a
    hold that was to be made anew may be another parcel's since: the warehouse rejected the first.
    """
    if due.fulfillment_number is not None and await payments.is_relied_on(tx, due.subject):
        return None
    rma = await payments.pays_for(tx, held.order_id, held.tender_no)
    for open_due in await payments.due(tx, held.order_id, rma):
        if (open_due.operation, open_due.subject) == (due.operation, due.subject):
            return int(open_due.amount_minor)
    return None


async def _intent(tx: AsyncConnection, held: Any, due: Due, amount_minor: int) -> Intent:
    """Number a refund by those ended before of the same authorization: a retry meets its own."""
    series = f"{held.order_id}:{_taken_as(due.subject)}:{due.operation}:"
    ended = await payments.count_ended(
        tx, due.subject, due.operation, "done", "refused", prefix=series
    )
    return Intent(
        key=f"{series}{ended + 1}",
        order_id=held.order_id,
        tender_no=held.tender_no,
        verb=due.operation,
        amount_minor=amount_minor,
        currency=held.currency,
        authorization_key=due.subject,
    )


def _taken_as(authorization_key: str) -> str:
    """Name an authorization within its order; each that was made anew has undoings of its own."""
    _, part, _, attempt = authorization_key.rsplit(":", 3)
    return part if attempt == "1" else f"{part}.{attempt}"


async def _end_begun_capture(tx: AsyncConnection, held: Any) -> None:
    """What is void was not captured, and never will be: nobody need ask what became of it."""
    asked = await payments.begun_capture(tx, held.authorization_key)
    if asked is not None and await payments.end(tx, asked.key, "refused", "voided"):
        await payments.note(tx, asked, "declined", asked.amount_minor)


async def _put_back(tx: AsyncConnection, held: Any, amount_minor: int) -> None:
    tender = await row(
        tx,
        "SELECT reference FROM tenders WHERE order_id = :order_id AND tender_no = :tender_no",
        order_id=held.order_id,
        tender_no=held.tender_no,
    )
    assert tender is not None
    await payments.redeem_credit(tx, tender.reference, -amount_minor, held.currency)
