"""A carrier vendor in memory, for tests and for people who build a connector.

The receiver's `line1` carries the instruction of every verb about the parcel: a shipment to
"1 Road fake:buy_label:cut" is created well and loses the answer of its first purchase. The table
of instructions is in `activities/connectors/instructions.py`. `declined` is
"address_undeliverable" for verify_address, "no_rates" for create_shipment, "rate_unavailable" for
buy_label and "label_not_voidable" for void_label.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from activities.connectors.carrier.port import (
    CreatedShipment,
    CreateShipment,
    Label,
    LabelPage,
    LabelRecord,
    Rate,
    Tracking,
)
from activities.connectors.errors import Rejected
from activities.connectors.instructions import VENDOR, Obedience
from activities.connectors.port import UnknownRule
from domain.address import Address
from domain.tracking import TrackingStatus

UNKNOWN_RULES: Final[Mapping[str, UnknownRule]] = MappingProxyType(
    {
        "verify_address": UnknownRule.NONE,
        "create_shipment": UnknownRule.NONE,
        "buy_label": UnknownRule.LOOKUP,
        "find_label": UnknownRule.NONE,
        "void_label": UnknownRule.LOOKUP,
        "track": UnknownRule.NONE,
        "list_labels": UnknownRule.NONE,
    }
)
DECLINED: Final = {
    "verify_address": "address_undeliverable",
    "create_shipment": "no_rates",
    "buy_label": "rate_unavailable",
    "void_label": "label_not_voidable",
}
RATES: Final = (
    Rate("fake-ground", "Fake", "Ground", 500, "USD", 4),
    Rate("fake-air", "Fake", "Air", 900, "USD", 1),
)


@dataclass(frozen=True, slots=True)
class Effect:
    """A line of the vendor's own ledger."""

    verb: str
    reference: str


class FakeCarrier:
    """A CarrierGateway. `ledger` says what was really done."""

    vendor: str = VENDOR
    unknown_rules: Mapping[str, UnknownRule] = UNKNOWN_RULES

    def __init__(self) -> None:
        self.ledger: list[Effect] = []
        self._obedience = Obedience(DECLINED)
        self._shipments: dict[str, CreateShipment] = {}
        self._labels: dict[str, Label] = {}

    async def verify_address(self, address: Address) -> Address:
        line = address.line1
        return self._obedience.do("verify_address", line, line, lambda: address)

    async def create_shipment(self, command: CreateShipment) -> CreatedShipment:
        def act() -> CreatedShipment:
            shipment = f"shipment-{len(self._shipments) + 1}"
            self._shipments[shipment] = command
            self.ledger.append(Effect("create_shipment", command.reference))
            return CreatedShipment(shipment, RATES)

        told = command.ship_to.line1
        return self._obedience.do("create_shipment", command.reference, told, act)

    async def buy_label(self, vendor_shipment_id: str, rate_id: str) -> Label:
        def act() -> None:
            if vendor_shipment_id in self._labels:
                return
            rate = next((each for each in RATES if each.rate_id == rate_id), None)
            if rate is None:
                raise Rejected(VENDOR, "no such rate", "rate_unavailable")
            self._labels[vendor_shipment_id] = Label(
                vendor_shipment_id=vendor_shipment_id,
                tracking_number=f"FAKE-{vendor_shipment_id}",
                carrier=rate.carrier,
                service=rate.service,
                amount_minor=rate.amount_minor,
                currency=rate.currency,
                label_url=f"https://fake.invalid/{vendor_shipment_id}",
                tracker_id=f"tracker-{vendor_shipment_id}",
            )
            self._note("buy_label", vendor_shipment_id)

        self._obey("buy_label", vendor_shipment_id, act)
        return self._labels[vendor_shipment_id]

    async def find_label(self, vendor_shipment_id: str) -> Label | None:
        return self._labels.get(vendor_shipment_id)

    async def void_label(self, vendor_shipment_id: str) -> None:
        def act() -> None:
            label = self._labels.get(vendor_shipment_id)
            if label is None:
                raise Rejected(VENDOR, "nothing was bought", "label_not_voidable")
            if not label.voided:
                self._labels[vendor_shipment_id] = replace(label, voided=True)
                self._note("void_label", vendor_shipment_id)

        self._obey("void_label", vendor_shipment_id, act)

    async def track(self, tracker_id: str) -> Tracking:
        del tracker_id  # nothing here is ever scanned
        return Tracking(TrackingStatus.PENDING, (), None)

    async def list_labels(self, since: datetime, cursor: str | None) -> LabelPage:
        """All on one page: nothing here is old."""
        del since, cursor
        records = (
            LabelRecord(shipment, label.tracking_number, label.voided, self._reference(shipment))
            for shipment, label in self._labels.items()
        )
        return LabelPage(tuple(records), None)

    def _reference(self, shipment: str) -> str:
        return self._shipments[shipment].reference

    def _obey(self, verb: str, shipment: str, act: Callable[[], None]) -> None:
        if shipment not in self._shipments:
            raise Rejected(VENDOR, "no such shipment", "not_found")
        self._obedience.do(verb, shipment, self._shipments[shipment].ship_to.line1, act)

    def _note(self, verb: str, shipment: str) -> None:
        self.ledger.append(Effect(verb, self._reference(shipment)))
