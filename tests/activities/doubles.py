"""Vendors in memory that do each act once a key, and fail on demand before or after doing it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from activities.connectors.carrier.port import (
    CreatedShipment,
    CreateShipment,
    Label,
    Rate,
    Tracking,
)
from activities.connectors.errors import ConnectorError, OutcomeUnknown, Rejected
from activities.connectors.payment.port import (
    AuthorizeCommand,
    Capability,
    ChargeCommand,
    PaymentState,
    PaymentStatus,
    RefundState,
    RefundStatus,
    SlipCommand,
)
from activities.connectors.port import UnknownRule
from domain.address import Address
from domain.tracking import TrackingEvent, TrackingStatus


@dataclass
class Faults:
    """What the next call meets: an error instead of the act, or silence after it."""

    before: list[ConnectorError] = field(default_factory=list)
    silent: int = 0  # so many acts are done, and their answers lost

    def meet(self, act: Callable[[], Any]) -> Any:
        if self.before:
            raise self.before.pop(0)
        answer = act()
        if self.silent:
            self.silent -= 1
            raise OutcomeUnknown("double", "the answer was lost")
        return answer


class Bank:
    """A payment vendor: a key seen before answers as it did then."""

    vendor = "bank"
    supports: frozenset[Capability] = frozenset()
    unknown_rules: Mapping[str, UnknownRule] = {}
    key_window_s = 3_600.0

    def __init__(self) -> None:
        self.faults = Faults()
        self.keys: list[str] = []  # of every call, repeats too
        self.payments: dict[str, PaymentState] = {}
        self.refunded: dict[str, int] = {}
        self.refunds: dict[str, RefundState] = {}  # by key
        self.refund_status = RefundStatus.SUCCEEDED  # of the next refund
        self.status = PaymentStatus.AUTHORIZED  # of the next authorization
        self._answers: dict[str, Any] = {}

    def calls(self, verb: str) -> list[str]:
        return [key for key in self.keys if f":{verb}:" in key]

    async def authorize(self, command: AuthorizeCommand) -> PaymentState:
        return self._once(command.key, lambda: self._begin(command, self.status))

    async def charge(self, command: ChargeCommand) -> PaymentState:
        return self._once(command.key, lambda: self._begin(command, PaymentStatus.CAPTURED))

    async def begin_slip(self, command: SlipCommand) -> PaymentState:
        return self._once(command.key, lambda: self._begin(command, PaymentStatus.PENDING))

    async def capture(self, key: str, vendor_ref: str, amount_minor: int) -> PaymentState:
        def act() -> PaymentState:
            if self.payments[vendor_ref].status is not PaymentStatus.AUTHORIZED:
                raise Rejected(self.vendor, "done before", "already_captured")
            return self._change(
                vendor_ref, status=PaymentStatus.CAPTURED, received_minor=amount_minor
            )

        return self._once(key, act)

    async def void(self, key: str, vendor_ref: str) -> PaymentState:
        def act() -> PaymentState:
            if self.payments[vendor_ref].status is PaymentStatus.CAPTURED:
                raise Rejected(self.vendor, "taken before", "already_captured")
            return self._change(vendor_ref, status=PaymentStatus.VOIDED)

        return self._once(key, act)

    async def refund(self, key: str, vendor_ref: str, amount_minor: int) -> RefundState:
        def act() -> RefundState:
            total = self.refunded.get(vendor_ref, 0) + amount_minor
            if total > self.payments[vendor_ref].received_minor:
                raise Rejected(self.vendor, "more than was taken", "already_refunded")
            status = self.refund_status
            if status is not RefundStatus.FAILED:
                self.refunded[vendor_ref] = total
            self.refunds[key] = RefundState(key, vendor_ref, status, amount_minor, "USD")
            return self.refunds[key]

        return self._once(key, act)

    async def retrieve(self, vendor_ref: str) -> PaymentState:
        return self.payments[vendor_ref]

    async def find_payment(self, key: str, begun_at: datetime) -> PaymentState | None:
        del begun_at
        return self.payments.get(f"pay_{key}")

    async def find_refund(self, key: str, vendor_ref: str) -> RefundState | None:
        del vendor_ref
        return self.refunds.get(key)

    def pay_slip(self, vendor_ref: str) -> None:
        amount = self.payments[vendor_ref].amount_minor
        self._change(vendor_ref, status=PaymentStatus.CAPTURED, received_minor=amount)

    def forget_keys(self) -> None:
        """The vendor keeps keys for a day."""
        self._answers.clear()

    def _once(self, key: str, act: Callable[[], Any]) -> Any:
        self.keys.append(key)

        def known() -> Any:
            if key not in self._answers:
                self._answers[key] = act()
            return self._answers[key]

        return self.faults.meet(known)

    def _begin(
        self, command: AuthorizeCommand | ChargeCommand | SlipCommand, status: PaymentStatus
    ) -> PaymentState:
        if command.method == "pm_declined":
            raise Rejected(self.vendor, "the bank says no", "payment_declined")
        ref = f"pay_{command.key}"
        taken = command.amount_minor if status is PaymentStatus.CAPTURED else 0
        self.payments[ref] = PaymentState(
            ref, status, command.amount_minor, command.amount_minor - taken, taken,
            command.currency, voucher_url="https://bank.example/slip",
        )  # fmt: skip
        return self.payments[ref]

    def _change(self, vendor_ref: str, **changes: Any) -> PaymentState:
        self.payments[vendor_ref] = replace(self.payments[vendor_ref], **changes)
        return self.payments[vendor_ref]


class Road:
    """A carrier vendor: buying a shipment twice would pay twice, and is counted."""

    vendor = "road"
    unknown_rules: Mapping[str, UnknownRule] = {}

    def __init__(self) -> None:
        self.faults = Faults()
        self.created: list[CreateShipment] = []
        self.bought: dict[str, Label] = {}
        self.purchases = 0
        self.lookups = 0
        self.events: tuple[TrackingEvent, ...] = ()
        self.rates = (
            Rate("slow", "road", "ground", 500, "USD", 4),
            Rate("quick", "road", "air", 900, "USD", 1),
        )
        self.normalised: Callable[[Address], Address] = lambda address: address

    async def verify_address(self, address: Address) -> Address:
        answer: Address = self.faults.meet(lambda: self.normalised(address))
        return answer

    async def create_shipment(self, command: CreateShipment) -> CreatedShipment:
        def act() -> CreatedShipment:
            self.created.append(command)
            return CreatedShipment(f"shp_{command.reference}_{len(self.created)}", self.rates)

        answer: CreatedShipment = self.faults.meet(act)
        return answer

    async def buy_label(self, vendor_shipment_id: str, rate_id: str) -> Label:
        def act() -> Label:
            self.purchases += 1
            self.bought[vendor_shipment_id] = Label(
                vendor_shipment_id, f"TRACK-{vendor_shipment_id}", "road", rate_id, 500, "USD",
                "https://road.example/label", f"trk_{vendor_shipment_id}",
            )  # fmt: skip
            return self.bought[vendor_shipment_id]

        answer: Label = self.faults.meet(act)
        return answer

    async def find_label(self, vendor_shipment_id: str) -> Label | None:
        self.lookups += 1
        return self.bought.get(vendor_shipment_id)

    async def void_label(self, vendor_shipment_id: str) -> None:
        label = self.bought[vendor_shipment_id]

        def act() -> None:
            self.bought[vendor_shipment_id] = replace(label, voided=True)

        self.faults.meet(act)

    async def track(self, tracker_id: str) -> Tracking:
        return Tracking(TrackingStatus.UNKNOWN, self.events, None)
