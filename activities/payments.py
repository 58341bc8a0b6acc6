"""Payment: each act is an intent first, then one call under its key, then its record."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.errors import OutcomeUnknown, Rejected
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentGateway,
    PaymentState,
    PaymentStatus,
    SlipCommand,
)
from activities.mail import post_mail
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
            tender = await _tender(tx, want.order_id, want.tender_no)
            intent = await payments.begin(tx, await _intent(tx, want, tender))
            if intent.state != "begun" or tender.kind in INTERNAL:
                return await self._known(tx, intent, tender)
        try:
            answer = await self._ask(intent, tender, want)
        except Rejected as refusal:
            return await self._declined(intent.key, refusal.code)
        return await self._record(intent.key, answer, want)

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
        await payments.end(tx, intent.key, "done")
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

    async def _declined(self, key: str, code: str) -> Taken:
        async with self._engine.begin() as tx:
            intent = await payments.intent_row(tx, key)
            return await _decline(tx, intent, code)

    async def _record(self, key: str, answer: PaymentState, want: Take) -> Taken:
        states: dict[PaymentStatus, tuple[str, OrderEvent]] = {
            PaymentStatus.AUTHORIZED: ("held", "PaymentAuthorized"),
            PaymentStatus.CAPTURED: ("taken", "PaymentCaptured"),
            PaymentStatus.PENDING: ("pending", "SlipIssued"),
        }
        if answer.status is PaymentStatus.UNKNOWN:
            # Not guessed: money may be held. A person looks when it stays so.
            raise OutcomeUnknown(self._gateway.vendor, f"{answer.vendor_ref} is in no known state")
        if answer.status not in states:
            return await self._declined(key, f"payment_{answer.status}")
        state, event = states[answer.status]
        async with self._engine.begin() as tx:
            intent = await payments.intent_row(tx, key)
            assert intent is not None
            if await payments.end(tx, key, "done"):
                taken = answer.received_minor if state == "taken" else 0
                record = Authorized(
                    vendor=self._gateway.vendor,
                    vendor_ref=answer.vendor_ref,
                    captured_minor=taken,
                    state=state,
                    expires_at=answer.expires_at,
                    voucher_url=answer.voucher_url,
                )
                await payments.authorized(tx, intent, record)
                await _tell(tx, intent, event)
                if state == "pending":
                    await _ask_for_payment(tx, intent, answer, want)
            return Taken(state)

    @activity.defn
    async def settle_slip(self, news: SlipState) -> bool:
        """Record that a slip was paid or expired; true when that was news."""
        async with self._engine.begin() as tx:
            key = f"{news.order_id}:t{news.tender_no}:slip:1"
            if not await payments.settle_slip(tx, key, paid=news.paid):
                return False
            event: OrderEvent = "SlipPaid" if news.paid else "SlipExpired"
            await orders.tell(tx, news.order_id, event, data={"tender_no": news.tender_no})
            return True

    @activity.defn
    async def slip_is_paid(self, slip_ref: SlipRef) -> bool:
        """Ask the vendor, when its webhook may have been lost."""
        key = f"{slip_ref.order_id}:t{slip_ref.tender_no}:slip:1"
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
            part = await row(
                tx,
                """
                SELECT s.amount_minor, a.authorization_key, a.vendor_ref, a.currency
                FROM fulfillment_shares s JOIN authorizations a USING (authorization_key)
                WHERE s.fulfillment_id = :fulfillment_id AND s.tender_no = :tender_no
                """,
                fulfillment_id=share.fulfillment_id,
                tender_no=share.tender_no,
            )
            assert part is not None, "a share is authorized before it is captured"
            intent = await payments.begin(
                tx,
                Intent(
                    key=f"{share.order_id}:f{share.number}.t{share.tender_no}:capture:1",
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
        await self._capture_once(intent, part.vendor_ref)
        async with self._engine.begin() as tx:
            if await payments.end(tx, intent.key, "done"):
                await payments.captured(tx, intent)
                await _tell(tx, intent, "PaymentCaptured")

    async def _capture_once(self, intent: Any, vendor_ref: str) -> None:
        """Past the key's window the vendor may say "already": then it happened, if the sum fits."""
        try:
            await self._gateway.capture(intent.key, vendor_ref, intent.amount_minor)
        except Rejected as refusal:
            if refusal.code != "already_captured":
                raise
            state = await self._gateway.retrieve(vendor_ref)
            if state.received_minor != intent.amount_minor:
                raise


async def _ask_for_payment(
    tx: AsyncConnection, intent: Any, answer: PaymentState, want: Take
) -> None:
    await orders.next_step(tx, want.order_id, "bank slip payment", want.slip_within_s)
    order = await orders.head(tx, want.order_id)
    facts = {"voucher": answer.voucher_url or ""}
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
        assert share is not None
        amount = share.amount_minor
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
