"""A payment vendor in memory, for tests and for people who build a connector.

The payment method carries the instruction of every verb about the payment: `fake:capture:cut`
authorizes well and loses the answer of the first capture. The table of instructions is in
`activities/connectors/instructions.py`. `declined` is "payment_declined", and for capture, void
and refund "other".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeVar

from activities.connectors.errors import Misconfigured, Rejected
from activities.connectors.instructions import VENDOR, Obedience
from activities.connectors.payment.port import (
    AuthorizeCommand,
    Capability,
    ChargeCommand,
    PaymentPage,
    PaymentRecord,
    PaymentState,
    PaymentStatus,
    RefundState,
    RefundStatus,
    SlipCommand,
)
from activities.connectors.port import UnknownRule

UNKNOWN_RULES: Final[Mapping[str, UnknownRule]] = MappingProxyType(
    {
        "authorize": UnknownRule.SAME_KEY,
        "charge": UnknownRule.SAME_KEY,
        "begin_slip": UnknownRule.SAME_KEY,
        "capture": UnknownRule.SAME_KEY,
        "void": UnknownRule.SAME_KEY,
        "refund": UnknownRule.SAME_KEY,
        "retrieve": UnknownRule.NONE,
        "find_payment": UnknownRule.NONE,
        "find_refund": UnknownRule.NONE,
        "list_payments": UnknownRule.NONE,
    }
)
DECLINED: Final = dict.fromkeys(("authorize", "charge", "begin_slip"), "payment_declined")
KEY_WINDOW_S: Final = 23 * 3600.0

AnswerT = TypeVar("AnswerT", PaymentState, RefundState)
Command = AuthorizeCommand | ChargeCommand | SlipCommand


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the vendor's own ledger."""

    verb: str
    order_id: str
    amount_minor: int


class FakePayments:
    """A PaymentGateway. `ledger` says what was really done, `payments` how it stands."""

    vendor: str = VENDOR
    supports: frozenset[Capability] = frozenset({Capability.BANK_SLIP})
    unknown_rules: Mapping[str, UnknownRule] = UNKNOWN_RULES
    key_window_s: float = KEY_WINDOW_S

    def __init__(self) -> None:
        self.ledger: list[Effect] = []
        self._obedience = Obedience(DECLINED)
        self._begun: dict[str, Command] = {}  # by payment
        self.payments: dict[str, PaymentState] = {}
        self.refunds: dict[str, RefundState] = {}  # by key
        self._answers: dict[str, tuple[str, PaymentState | RefundState]] = {}  # by key

    def forget_keys(self) -> None:
        """As a vendor does with keys older than its window."""
        self._answers.clear()

    def pay_slip(self, vendor_ref: str) -> None:
        """The customer pays."""
        amount = self.payments[vendor_ref].amount_minor
        self._change(vendor_ref, status=PaymentStatus.CAPTURED, received_minor=amount)

    async def authorize(self, command: AuthorizeCommand) -> PaymentState:
        return self._begin("authorize", command, PaymentStatus.AUTHORIZED)

    async def charge(self, command: ChargeCommand) -> PaymentState:
        return self._begin("charge", command, PaymentStatus.CAPTURED)

    async def begin_slip(self, command: SlipCommand) -> PaymentState:
        return self._begin("begin_slip", command, PaymentStatus.PENDING)

    async def capture(self, key: str, vendor_ref: str, amount_minor: int) -> PaymentState:
        def act() -> PaymentState:
            self._expect(vendor_ref, PaymentStatus.AUTHORIZED)
            return self._change(
                vendor_ref,
                status=PaymentStatus.CAPTURED,
                received_minor=amount_minor,
                capturable_minor=0,
            )

        return self._once("capture", key, vendor_ref, amount_minor, act)

    async def void(self, key: str, vendor_ref: str) -> PaymentState:
        def act() -> PaymentState:
            if self.payments[vendor_ref].status is PaymentStatus.CAPTURED:
                raise Rejected(VENDOR, "it was captured", "already_captured")
            return self._change(vendor_ref, status=PaymentStatus.VOIDED, capturable_minor=0)

        return self._once("void", key, vendor_ref, 0, act)

    async def refund(self, key: str, vendor_ref: str, amount_minor: int) -> RefundState:
        def act() -> RefundState:
            payment = self.payments[vendor_ref]
            given = [r.amount_minor for r in self.refunds.values() if r.payment_ref == vendor_ref]
            if sum(given) + amount_minor > payment.received_minor:
                raise Rejected(VENDOR, "more than is left", "already_refunded")
            self.refunds[key] = RefundState(
                f"refund-{len(self.refunds) + 1}",
                vendor_ref,
                RefundStatus.SUCCEEDED,
                amount_minor,
                payment.currency,
            )
            return self.refunds[key]

        return self._once("refund", key, vendor_ref, amount_minor, act)

    async def retrieve(self, vendor_ref: str) -> PaymentState:
        return self.payments[vendor_ref]

    async def find_payment(self, key: str, begun_at: datetime) -> PaymentState | None:
        del begun_at  # nothing here is old
        refs = [ref for ref, command in self._begun.items() if command.key == key]
        return self.payments[refs[-1]] if refs else None

    async def find_refund(self, key: str, vendor_ref: str) -> RefundState | None:
        found = self.refunds.get(key)
        return found if found and found.payment_ref == vendor_ref else None

    async def list_payments(self, since: datetime, cursor: str | None) -> PaymentPage:
        """All on one page: nothing here is old."""
        del since, cursor
        return PaymentPage(tuple(map(self._record, self.payments.values())), None)

    def _record(self, payment: PaymentState) -> PaymentRecord:
        given = [r for r in self.refunds.values() if r.payment_ref == payment.vendor_ref]
        return PaymentRecord(
            vendor_ref=payment.vendor_ref,
            status=payment.status,
            amount_minor=payment.amount_minor,
            received_minor=payment.received_minor,
            refunded_minor=sum(refund.amount_minor for refund in given),
            currency=payment.currency,
            key=self._begun[payment.vendor_ref].key,
        )

    def _begin(self, verb: str, command: Command, status: PaymentStatus) -> PaymentState:
        ref = f"pay_{command.key}"
        if ref in self.payments:  # its key was forgotten
            ref += f"_{len(self.payments) + 1}"

        def act() -> PaymentState:
            self._begun[ref] = command
            self.payments[ref] = PaymentState(
                vendor_ref=ref,
                status=status,
                amount_minor=command.amount_minor,
                capturable_minor=_if(status is PaymentStatus.AUTHORIZED, command),
                received_minor=_if(status is PaymentStatus.CAPTURED, command),
                currency=command.currency,
                voucher_url=_voucher(ref) if status is PaymentStatus.PENDING else None,
            )
            self.ledger.append(Effect(verb, command.order_id, command.amount_minor))
            return self.payments[ref]

        body = repr(command)
        return self._obedience.do(
            verb, command.key, command.method, lambda: self._known(command.key, body, act)
        )

    def _once(
        self, verb: str, key: str, ref: str, amount: int, act: Callable[[], AnswerT]
    ) -> AnswerT:
        command = self._begun[ref]

        def noted() -> AnswerT:
            answer = act()
            self.ledger.append(Effect(verb, command.order_id, amount))
            return answer

        body = f"{verb} {ref} {amount}"
        return self._obedience.do(verb, key, command.method, lambda: self._known(key, body, noted))

    def _known(self, key: str, body: str, act: Callable[[], AnswerT]) -> AnswerT:
        """The first answer under a key, again and again."""
        if key not in self._answers:
            self._answers[key] = (body, act())
        before, answer = self._answers[key]
        if before != body:
            raise Misconfigured(VENDOR, "a key was used again with another body")
        return answer  # type: ignore[return-value]  # the body names the verb

    def _expect(self, ref: str, status: PaymentStatus) -> None:
        if self.payments[ref].status is PaymentStatus.CAPTURED:
            raise Rejected(VENDOR, "it was captured", "already_captured")
        if self.payments[ref].status is not status:
            raise Rejected(VENDOR, "it is not held", "expired_authorization")

    def _change(self, ref: str, **changes: PaymentStatus | int) -> PaymentState:
        self.payments[ref] = replace(self.payments[ref], **changes)  # type: ignore[arg-type]  # by name
        return self.payments[ref]


def _voucher(ref: str) -> str:
    return f"https://fake.invalid/{ref}"


def _if(is_so: bool, command: Command) -> int:  # noqa: FBT001 - a condition, not an option
    return command.amount_minor if is_so else 0
