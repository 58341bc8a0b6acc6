"""Stripe's PaymentIntents as a payment gateway: one method a verb."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import httpx

from activities.connectors.errors import Rejected
from activities.connectors.http import VendorClient, open_http
from activities.connectors.payment.port import (
    AuthorizeCommand,
    Capability,
    ChargeCommand,
    PaymentPage,
    PaymentState,
    PaymentStatus,
    RefundState,
    SlipCommand,
)
from activities.connectors.payment.stripe import translate
from activities.connectors.payment.stripe.wire import API_VERSION, IntentList, PaymentIntent, Refund
from activities.connectors.port import UnknownRule

INTENTS: Final = "/v1/payment_intents"
# The most that one list may show. Source: https://docs.stripe.com/api/payment_intents/list
PAGE: Final = 100
# Stripe remembers a key for at least 24 hours, also a key whose first request it failed with 500.
# Source: https://docs.stripe.com/api/idempotent_requests
KEY_WINDOW_S: Final = 24 * 3600
UNKNOWN_RULES: Final[Mapping[str, UnknownRule]] = MappingProxyType(
    {
        "authorize": UnknownRule.SAME_KEY,
        "charge": UnknownRule.SAME_KEY,
        "begin_slip": UnknownRule.SAME_KEY,
        "capture": UnknownRule.SAME_KEY,
        "void": UnknownRule.SAME_KEY,
        "refund": UnknownRule.SAME_KEY,
        "retrieve": UnknownRule.NONE,
        "list_payments": UnknownRule.NONE,
    }
)


def stripe_client(
    base_url: str, secret_key: str, *, transport: httpx.AsyncBaseTransport | None = None
) -> VendorClient:
    """`base_url` without the version: https://api.stripe.com, or the sandbox's."""
    headers = {"Authorization": f"Bearer {secret_key}", "Stripe-Version": API_VERSION}
    http = open_http(base_url, headers=headers, transport=transport)
    return VendorClient(translate.VENDOR, http, refusal=translate.refusal, secrets=(secret_key,))


class StripeGateway:
    """A PaymentGateway. Cards and debit by card, slips by boleto."""

    vendor: str = translate.VENDOR
    supports: frozenset[Capability] = frozenset({Capability.BANK_SLIP})
    unknown_rules: Mapping[str, UnknownRule] = UNKNOWN_RULES

    def __init__(self, client: VendorClient) -> None:
        self._client = client

    async def authorize(self, command: AuthorizeCommand) -> PaymentState:
        return await self._intent(INTENTS, command.key, translate.authorize_to_wire(command))

    async def charge(self, command: ChargeCommand) -> PaymentState:
        return await self._intent(INTENTS, command.key, translate.charge_to_wire(command))

    async def begin_slip(self, command: SlipCommand) -> PaymentState:
        return await self._intent(INTENTS, command.key, translate.slip_to_wire(command))

    async def capture(self, key: str, vendor_ref: str, amount_minor: int) -> PaymentState:
        form = translate.capture_to_wire(amount_minor)
        return await self._intent(f"{_path(vendor_ref)}/capture", key, form)

    async def void(self, key: str, vendor_ref: str) -> PaymentState:
        try:
            return await self._intent(f"{_path(vendor_ref)}/cancel", key, {})
        except Rejected as rejected:
            if rejected.code != "expired_authorization":
                raise
            state = await self.retrieve(vendor_ref)  # lapsed or cancelled before: what we wanted
            if state.status is not PaymentStatus.VOIDED:
                raise
            return state

    async def refund(self, key: str, vendor_ref: str, amount_minor: int) -> RefundState:
        form = translate.refund_to_wire(key, vendor_ref, amount_minor)
        data = await self._post("/v1/refunds", key, form)
        return translate.refund_from_wire(self._client.parse(Refund, data), vendor_ref)

    async def retrieve(self, vendor_ref: str) -> PaymentState:
        data = await self._client.get(_path(vendor_ref))
        return translate.state_from_wire(self._client.parse(PaymentIntent, data, mutating=False))

    async def list_payments(self, since: datetime, cursor: str | None) -> PaymentPage:
        params = {
            "created[gte]": str(int(since.timestamp())),
            "limit": str(PAGE),
            "expand[]": "data.latest_charge",
        }
        if cursor is not None:
            params["starting_after"] = cursor
        data = await self._client.get(INTENTS, params)
        found = self._client.parse(IntentList, data, mutating=False)
        payments = tuple(translate.record_from_wire(intent) for intent in found.data)
        more = found.has_more and payments
        return PaymentPage(payments, payments[-1].vendor_ref if more else None)

    async def _intent(self, path: str, key: str, form: translate.Form) -> PaymentState:
        data = await self._post(path, key, form)
        return translate.state_from_wire(self._client.parse(PaymentIntent, data))

    async def _post(self, path: str, key: str, form: translate.Form) -> Any:
        return await self._client.send("POST", path, data=form, headers={"Idempotency-Key": key})


def _path(vendor_ref: str) -> str:
    return f"{INTENTS}/{quote(vendor_ref, safe='')}"
