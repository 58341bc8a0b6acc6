"""Vendors in memory that do each act once a key, and fail on demand before or after doing it."""

from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from activities.connectors.carrier.port import (
    CreatedShipment,
    CreateShipment,
    Label,
    Rate,
    Tracking,
)
from activities.connectors.errors import ConnectorError, OutcomeUnknown
from activities.connectors.payment.fake import FakePayments
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentState,
    PaymentStatus,
    RefundState,
    RefundStatus,
    SlipCommand,
)
from activities.connectors.port import UnknownRule
from domain.address import Address
from domain.tracking import TrackingEvent, TrackingStatus, fold

AnswerT = TypeVar("AnswerT")
StateT = TypeVar("StateT", PaymentState, RefundState)


@dataclass
class Faults:
    """What the next call meets: an error instead of the act, or silence after it."""

    before: list[ConnectorError] = field(default_factory=list)
    silent: int = 0  # so many acts are done, and their answers lost

    def meet(self, act: Callable[[], Any]) -> Any:
        if self.before:
            raise self.before.pop(0)
        return self.after(act())

    def after(self, answer: AnswerT) -> AnswerT:
        if self.silent:
            self.silent -= 1
            raise OutcomeUnknown("double", "the answer was lost")
        return answer


class Bank(FakePayments):
    """The fake vendor, which also fails before or after any act, and remembers who asked."""

    vendor = "bank"
    key_window_s = 3_600.0

    def __init__(self) -> None:
        super().__init__()
        self.faults = Faults()
        self.keys: list[str] = []  # of every call, repeats too
        self.status = PaymentStatus.AUTHORIZED  # of the next authorization
        self.refund_status = RefundStatus.SUCCEEDED  # of the next refund

    @property
    def refunded(self) -> dict[str, int]:
        """What was given back of each payment."""
        given: Counter[str] = Counter()
        for refund in self.refunds.values():
            given[refund.payment_ref] += refund.amount_minor
        return dict(given)

    def calls(self, verb: str) -> list[str]:
        return [key for key in self.keys if f":{verb}:" in key]

    async def authorize(self, command: AuthorizeCommand) -> PaymentState:
        state = await self._met(command.key, super().authorize(command))
        return replace(state, status=self.status)

    async def charge(self, command: ChargeCommand) -> PaymentState:
        return await self._met(command.key, super().charge(command))

    async def begin_slip(self, command: SlipCommand) -> PaymentState:
        return await self._met(command.key, super().begin_slip(command))

    async def capture(self, key: str, vendor_ref: str, amount_minor: int) -> PaymentState:
        return await self._met(key, super().capture(key, vendor_ref, amount_minor))

    async def void(self, key: str, vendor_ref: str) -> PaymentState:
        return await self._met(key, super().void(key, vendor_ref))

    async def refund(self, key: str, vendor_ref: str, amount_minor: int) -> RefundState:
        if self.refund_status is RefundStatus.FAILED:
            self.keys.append(key)
            return RefundState(key, vendor_ref, self.refund_status, amount_minor, "USD")
        state = await self._met(key, super().refund(key, vendor_ref, amount_minor))
        return replace(state, status=self.refund_status)

    async def _met(self, key: str, act: Coroutine[Any, Any, StateT]) -> StateT:
        self.keys.append(key)
        if self.faults.before:
            act.close()
            raise self.faults.before.pop(0)
        state = await act
        return self.faults.after(state)


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
        return Tracking(fold(TrackingStatus.PENDING, self.events), self.events, None)
