"""Payment: each act is an intent first, then one call under its key, then its record."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.answers import as_asked
from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentGateway,
    PaymentState,
    PaymentStatus,
    SlipCommand,
)
from activities.mail import post_mail, written_amount
from activities.repeating import once
from db.engine import row
from db.stores import orders, payments
from db.stores.payments import Authorized, Intent
from domain.events import OrderEvent

VERBS = {"card": "authorize", "debit": "charge", "bank_slip": "slip"}
# Store credit is our own ledger; a manual tender was paid elsewhere and is only written down.
INTERNAL = frozenset({"store_credit", "manual"})


@dataclass(frozen=True)
class Take:
    """Take one tender; with `fulfillment_number`, the share of one fulfillment order only.

    `attempt` rises only when a person has a refused tender tried anew.
    """

    order_id: str
    tender_no: int
    slip_days: int = 3
    slip_within_s: float = 0.0
    fulfillment_number: int | None = None
    attempt: int = 1


@dataclass(frozen=True)
class Taken:
    state: str  # held, taken, pending, declined, expired; voided or given_back: undone before
    code: str | None = None


@dataclass(frozen=True)
class CaptureShare:
    order_id: str
    fulfillment_id: str
    number: int
    tender_no: int


@dataclass(frozen=True)
class SlipRef:
    order_id: str
    tender_no: int


@dataclass(frozen=True)
class SlipState:
    order_id: str
    tender_no: int
    paid: bool


class PaymentActivities:
    def __init__(self, engine: AsyncEngine, gateway: PaymentGateway) -> None:
        self._engine = engine
        self._gateway = gateway

    @activity.defn
    async def take(self, want: Take) -> Taken:
        """Authorize a card, charge a debit, issue a slip, redeem credit; repeated, the same answer.

        A refusal by the vendor is an answer (`declined`), not an error.
        """
        async with self._engine.begin() as tx:
            order = await orders.head(tx, want.order_id, lock=True)
            assert order is not None
            tender = await _tender(tx, want.order_id, want.tender_no)
            wanted = await _intent(tx, want, tender)
            is_over = order.outcome and not await payments.pays_open_return(tx, tender.rma)
            if (is_over or not wanted.amount_minor) and not await payments.intent_row(
                tx, wanted.key
            ):
                # An attempt given up for lost that wakes after the end takes nothing any more, and
                # nobody takes what a parcel need not pay for since its units went elsewhere.
                return Taken("voided")
            intent = await payments.begin(tx, wanted)
            if intent.state != "begun" or tender.kind in INTERNAL:
                return await self._known(tx, intent, tender)
        try:
            answer = await once(
                intent,
                self._gateway.key_window_s,
                look=lambda: self._gateway.find_payment(intent.key, intent.begun_at),
                act=lambda: self._ask(intent, tender, want),
            )
        except Rejected as refusal:
            return await self._declined(intent, refusal.code)
        as_asked(
            self._gateway.vendor,
            answer,
            amount_minor=intent.amount_minor,
            currency=intent.currency,
        )
        return await self._record(intent, answer, want)

    async def _known(self, tx: AsyncConnection, intent: Any, tender: Any) -> Taken:
        """Answer from our records, or from our own ledger when that is all it takes."""
        if intent.state == "refused":
            return Taken("declined", intent.code)
        if intent.state == "done":
            held = await payments.authorization(tx, intent.key, lock=False)
            assert held is not None
            # Begun again after a cancellation broke off: what was given back pays for nothing.
            return Taken("given_back" if held.refunded_minor else held.state)
        if tender.kind == "store_credit" and not await payments.redeem_credit(
            tx, tender.reference, intent.amount_minor, intent.currency
        ):
            return await _decline(tx, intent, "insufficient_credit")
        answer = Authorized(tender.kind, intent.key, intent.amount_minor, "taken")
        await payments.authorized(tx, intent, answer)
        await _tell(tx, intent, "PaymentCaptured")
        return Taken("taken")

    async def _ask(self, intent: Any, tender: Any, want: Take) -> PaymentState:
        about = {
            "key": intent.key,
            "amount_minor": intent.amount_minor,
            "currency": intent.currency,
            "method": tender.reference,
            "order_id": intent.order_id,
            "description": f"Order {intent.order_id}",
        }
        if intent.verb == "authorize":
            return await self._gateway.authorize(AuthorizeCommand(**about))
        if intent.verb == "charge":
            return await self._gateway.charge(ChargeCommand(**about))
        command = SlipCommand(**about, expires_after_days=want.slip_days)
        return await self._gateway.begin_slip(command)

    async def _declined(self, intent: Any, code: str) -> Taken:
        async with self._engine.begin() as tx:
            await orders.head(tx, intent.order_id, lock=True)
            now = await payments.intent_row(tx, intent.key)
            assert now is not None
            if now.state == "done":  # by an attempt that overlapped this one
                return await self._known(tx, now, None)
            return await _decline(tx, now, code)

    async def _record(self, intent: Any, answer: PaymentState, want: Take) -> Taken:
        states: dict[PaymentStatus, tuple[str, OrderEvent]] = {
            PaymentStatus.AUTHORIZED: ("held", "PaymentAuthorized"),
            PaymentStatus.CAPTURED: ("taken", "PaymentCaptured"),
            PaymentStatus.PENDING: ("pending", "SlipIssued"),
        }
        if answer.status is PaymentStatus.UNKNOWN:
            # Not guessed: money may be held. A person looks when it stays so.
            raise OutcomeUnknown(self._gateway.vendor, f"{answer.vendor_ref} is in no known state")
        if answer.status not in states:
            return await self._declined(intent, f"payment_{answer.status}")
        state, event = states[answer.status]
        async with self._engine.begin() as tx:
            await orders.head(tx, intent.order_id, lock=True)
            record = Authorized(
                vendor=self._gateway.vendor,
                vendor_ref=answer.vendor_ref,
                captured_minor=answer.received_minor if state == "taken" else 0,
                state=state,
                expires_at=answer.expires_at,
                voucher_url=answer.voucher_url,
            )
            if await payments.authorized(tx, intent, record):
                await _tell(tx, intent, event)
                if state == "pending":
                    await _ask_for_payment(tx, intent, answer, want)
            return Taken(state)

    @activity.defn
    async def settle_slip(self, news: SlipState) -> bool:
        """Record that a slip was paid or expired; true when that was news.

        Money that comes when the order has closed goes back, and the customer is told so here: a
        step of its own might be lost between the two.
        """
        async with self._engine.begin() as tx:
            await orders.head(tx, news.order_id, lock=True)
            return await record_slip(tx, news)

    @activity.defn
    async def slip_is_paid(self, slip_ref: SlipRef) -> bool:
        """Ask the vendor, when its webhook may have been lost."""
        key = slip_key(slip_ref.order_id, slip_ref.tender_no)
        async with self._engine.connect() as tx:
            slip = await payments.authorization(tx, key, lock=False)
        assert slip is not None
        if slip.state != "pending":
            return bool(slip.state == "taken")
        state = await self._gateway.retrieve(slip.vendor_ref)
        return state.status is PaymentStatus.CAPTURED

    @activity.defn
    async def capture(self, share: CaptureShare) -> None:
        """Capture a card for what one location hands over.

        Raises: Rejected, when the vendor refuses; a person decides then.
        """
        async with self._engine.begin() as tx:
            await orders.head(tx, share.order_id, lock=True)
            part = await row(
                tx,
                """
                SELECT s.amount_minor, a.authorization_key, a.vendor_ref, a.currency,
                    (SELECT count(*) FROM payment_intents i
                        WHERE i.authorization_key = a.authorization_key
                            AND i.verb = 'capture' AND i.state = 'refused') AS refused
                FROM fulfillment_shares s JOIN authorizations a USING (authorization_key)
                WHERE s.fulfillment_id = :fulfillment_id AND s.tender_no = :tender_no
                """,
                fulfillment_id=share.fulfillment_id,
                tender_no=share.tender_no,
            )
            assert part is not None, "a share is authorized before it is captured"
            act = f"f{share.number}.t{share.tender_no}:capture:{part.refused + 1}"
            intent = await payments.begin(
                tx,
                Intent(
                    key=f"{share.order_id}:{act}",
                    order_id=share.order_id,
                    tender_no=share.tender_no,
                    verb="capture",
                    amount_minor=part.amount_minor,
                    currency=part.currency,
                    authorization_key=part.authorization_key,
                    fulfillment_id=share.fulfillment_id,
                ),
            )
        if intent.state == "done":
            return
        try:
            await once(
                intent,
                self._gateway.key_window_s,
                look=lambda: self._captured(intent, part.vendor_ref),
                act=lambda: self._capture(intent, part.vendor_ref),
            )
        except Rejected as refusal:
            await record_refusal(self._engine, intent, refusal.code)
            raise
        async with self._engine.begin() as tx:
            await orders.head(tx, share.order_id, lock=True)
            await record_capture(tx, intent)

    async def _captured(self, intent: Any, vendor_ref: str) -> PaymentState | None:
        """The payment, when it was captured for just this sum."""
        state = await self._gateway.retrieve(vendor_ref)
        done = state.status is PaymentStatus.CAPTURED
        return state if done and state.received_minor == intent.amount_minor else None

    async def _capture(self, intent: Any, vendor_ref: str) -> PaymentState:
        """The vendor may say "already", to an overlapping attempt or past the key's window."""
        try:
            return await self._gateway.capture(intent.key, vendor_ref, intent.amount_minor)
        except Rejected as refusal:
            if refusal.code != "already_captured":
                raise
            state = await self._captured(intent, vendor_ref)
            if state is None:
                raise
            return state


def slip_key(order_id: str, tender_no: int) -> str:
    return f"{order_id}:t{tender_no}:slip:1"


async def record_slip(tx: AsyncConnection, news: SlipState) -> bool:
    """Record what became of a slip; true when that was news. The order's row is locked before.

    Money that comes when the order has closed goes back, and the customer is told so here: a step
    of its own might be lost between the two.
    """
    key = slip_key(news.order_id, news.tender_no)
    if not await payments.settle_slip(tx, key, paid=news.paid):
        return False
    event: OrderEvent = "SlipPaid" if news.paid else "SlipExpired"
    await orders.tell(tx, news.order_id, event, data={"tender_no": news.tender_no})
    order = await orders.head(tx, news.order_id)
    assert order is not None
    if news.paid and order.outcome is not None:
        await post_mail(tx, order, "late_payment_refunded")
    return True


async def record_refusal(engine: AsyncEngine, intent: Any, code: str) -> None:
    """End what the vendor refused: its key would bring the same answer for as long as it is kept.

    When a person has it tried anew, the act has a key of its own.
    """
    async with engine.begin() as tx:
        await orders.head(tx, intent.order_id, lock=True)
        if await payments.end(tx, intent.key, "refused", code):
            await payments.note(tx, intent, "declined", intent.amount_minor)


async def record_capture(tx: AsyncConnection, intent: Any) -> None:
    """Record a capture once. The order's row is locked before."""
    await payments.authorization(tx, intent.authorization_key)
    if await payments.captured(tx, intent):
        await _tell(tx, intent, "PaymentCaptured")


async def _ask_for_payment(
    tx: AsyncConnection, intent: Any, answer: PaymentState, want: Take
) -> None:
    await orders.next_step(tx, want.order_id, "bank slip payment", want.slip_within_s)
    order = await orders.head(tx, want.order_id)
    assert order is not None
    facts = {
        "voucher": answer.voucher_url or "",
        "amount": written_amount(intent.amount_minor, intent.currency),
        "due": order.next_deadline.date().isoformat(),
    }
    await post_mail(tx, order, "slip_issued", facts, part=f"t{intent.tender_no}")


async def _tender(tx: AsyncConnection, order_id: str, tender_no: int) -> Any:
    found = await row(
        tx,
        "SELECT * FROM tenders WHERE order_id = :order_id AND tender_no = :tender_no",
        order_id=order_id,
        tender_no=tender_no,
    )
    assert found is not None
    return found


async def _intent(tx: AsyncConnection, want: Take, tender: Any) -> Intent:
    verb = VERBS.get(tender.kind, "charge")
    part, fulfillment_id, amount = f"t{want.tender_no}", None, tender.amount_minor
    if want.fulfillment_number is not None:
        fulfillment_id = f"{want.order_id}-f{want.fulfillment_number}"
        part = f"f{want.fulfillment_number}.{part}"
        share = await row(
            tx,
            """
            SELECT amount_minor FROM fulfillment_shares
            WHERE fulfillment_id = :fulfillment_id AND tender_no = :tender_no
            """,
            fulfillment_id=fulfillment_id,
            tender_no=want.tender_no,
        )
        amount = share.amount_minor if share else 0
    return Intent(
        key=f"{want.order_id}:{part}:{verb}:{want.attempt}",
        order_id=want.order_id,
        tender_no=want.tender_no,
        verb=verb,
        amount_minor=amount,
        currency=tender.currency,
        fulfillment_id=fulfillment_id,
    )


async def _decline(tx: AsyncConnection, intent: Any, code: str) -> Taken:
    if await payments.end(tx, intent.key, "refused", code):
        await payments.note(tx, intent, "declined", intent.amount_minor)
        await _tell(tx, intent, "PaymentDeclined", code)
    return Taken("declined", code)


async def _tell(
    tx: AsyncConnection, intent: Any, event: OrderEvent, code: str | None = None
) -> None:
    data = {
        "tender_no": intent.tender_no,
        "amount_minor": intent.amount_minor,
        "currency": intent.currency,
    }
    if code:
        data["code"] = code
    await orders.tell(tx, intent.order_id, event, fulfillment_id=intent.fulfillment_id, data=data)
