"""EasyPost as a carrier gateway: one method a verb."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import httpx

from activities.connectors.answers import as_asked
from activities.connectors.carrier.easypost import translate
from activities.connectors.carrier.easypost.wire import (
    ShipmentList,
    WireAddress,
    WireShipment,
    WireTracker,
)
from activities.connectors.carrier.port import (
    CreatedShipment,
    CreateShipment,
    Label,
    LabelPage,
    Tracking,
)
from activities.connectors.errors import NotSent, OutcomeUnknown, Rejected
from activities.connectors.http import VendorClient, open_http
from activities.connectors.port import UnknownRule
from domain.address import Address

# EasyPost knows no idempotency keys: what costs money is looked up by the shipment's saved id.
UNKNOWN_RULES: Final[Mapping[str, UnknownRule]] = MappingProxyType(
    {
        "verify_address": UnknownRule.NONE,
        "create_shipment": UnknownRule.NONE,  # an unbought shipment costs nothing
        "buy_label": UnknownRule.LOOKUP,
        "find_label": UnknownRule.NONE,
        "void_label": UnknownRule.LOOKUP,
        "track": UnknownRule.NONE,
        "list_labels": UnknownRule.NONE,
    }
)


# The most that one list may show. Source: https://docs.easypost.com/docs/pagination
PAGE: Final = 100


def easypost_client(
    base_url: str, api_key: str, *, transport: httpx.AsyncBaseTransport | None = None
) -> VendorClient:
    """`base_url` without the version: https://api.easypost.com, or the sandbox's."""
    http = open_http(base_url, auth=(api_key, ""), transport=transport)
    return VendorClient(translate.VENDOR, http, refusal=translate.refusal, secrets=(api_key,))


class EasyPostGateway:
    """A CarrierGateway over many carriers."""

    vendor: str = translate.VENDOR
    unknown_rules: Mapping[str, UnknownRule] = UNKNOWN_RULES

    def __init__(self, client: VendorClient) -> None:
        self._client = client

    async def verify_address(self, address: Address) -> Address:
        body = {"address": translate.address_to_wire(address), "verify_strict": True}
        # Makes an address object at the vendor's, which nobody counts: as good as a read.
        data = await self._client.send("POST", "/v2/addresses", json=body, mutating=False)
        wire = self._client.parse(WireAddress, data, mutating=False)
        return translate.address_from_wire(wire, address)

    async def create_shipment(self, command: CreateShipment) -> CreatedShipment:
        body = translate.shipment_to_wire(command)
        data = await self._client.send("POST", "/v2/shipments", json=body)
        wire = self._client.parse(WireShipment, data)
        if wire.reference is not None:
            as_asked(self.vendor, wire, reference=command.reference)
        try:
            return translate.shipment_from_wire(wire)
        except ValueError as error:
            raise OutcomeUnknown(self.vendor, self._client.redact(str(error))) from error

    async def buy_label(self, vendor_shipment_id: str, rate_id: str) -> Label:
        body = {"rate": {"id": rate_id}}
        path = f"{_shipment(vendor_shipment_id)}/buy"
        try:
            data = await self._client.send("POST", path, json=body)
        except Rejected as rejected:
            if rejected.code != translate.POSTAGE_EXISTS:
                raise
            label = await self.find_label(vendor_shipment_id)
        else:
            label = self._label(data, vendor_shipment_id, mutating=True)
        if label is None:
            raise OutcomeUnknown(self.vendor, "bought, but the answer shows no label")
        return label

    async def find_label(self, vendor_shipment_id: str) -> Label | None:
        data = await self._client.get(_shipment(vendor_shipment_id))
        return self._label(data, vendor_shipment_id, mutating=False)

    async def void_label(self, vendor_shipment_id: str) -> None:
        try:
            data = await self._client.send("POST", f"{_shipment(vendor_shipment_id)}/refund")
        except Rejected:
            label = await self.find_label(vendor_shipment_id)
            if label is None or not label.voided:
                raise
        else:
            self._label(data, vendor_shipment_id, mutating=True)

    async def track(self, tracker_id: str) -> Tracking:
        data = await self._client.get(f"/v2/trackers/{quote(tracker_id, safe='')}")
        wire = self._client.parse(WireTracker, data, mutating=False)
        return translate.tracking_from_wire(wire)

    async def list_labels(self, since: datetime, cursor: str | None) -> LabelPage:
        params = {
            "page_size": str(PAGE),
            "purchased": "true",
            "start_datetime": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if cursor is not None:
            params["before_id"] = cursor
        data = await self._client.get("/v2/shipments", params)
        found = self._client.parse(ShipmentList, data, mutating=False)
        records = (translate.record_from_wire(each) for each in found.shipments)
        more = found.has_more and found.shipments
        return LabelPage(
            labels=tuple(record for record in records if record is not None),
            next_cursor=found.shipments[-1].id if more else None,
        )

    def _label(self, data: Any, vendor_shipment_id: str, *, mutating: bool) -> Label | None:
        kind = OutcomeUnknown if mutating else NotSent
        wire = self._client.parse(WireShipment, data, mutating=mutating)
        if wire.id != vendor_shipment_id:
            raise kind(self.vendor, "the answer is about another shipment than was asked")
        try:
            return translate.label_from_wire(wire)
        except ValueError as error:
            raise kind(self.vendor, self._client.redact(str(error))) from error


def _shipment(vendor_shipment_id: str) -> str:
    return f"/v2/shipments/{quote(vendor_shipment_id, safe='')}"
