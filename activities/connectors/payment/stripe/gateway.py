"""Stripe's PaymentIntents as a payment gateway: one method a verb."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import httpx

from activities.connectors.answers import as_asked
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
from activities.connectors.payment.stripe.wire import (
    API_VERSION,
    IntentList,
    PaymentIntent,
    PaymentIntents,
    Refund,
    RefundList,
)
from activities.connectors.port import UnknownRule

INTENTS: Final = "/v1/payment_intents"
REFUNDS: Final = "/v1/refunds"
# The most that one list may show. Source: https://docs.stripe.com/api/payment_intents/list
PAGE: Final = 100
# Stripe remembers a key for at least 24 hours, also a key whose first request it failed with 500.
# An hour less, for the call itself and for clocks that differ.
# Source: https://docs.stripe.com/api/idempotent_requests
KEY_WINDOW_S: Final = 23 * 3600.0
CLOCKS_DIFFER: Final = timedelta(minutes=5)
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
        "find_payment": UnknownRule.NONE,
        "find_refund": UnknownRule.NONE,
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
    key_window_s: float = KEY_WINDOW_S

    def __init__(self, client: VendorClient) -> None:
        self._client = client

    async def authorize(self, command: AuthorizeCommand) -> PaymentState:
        return await self._begin(command, translate.authorize_to_wire(command))

    async def charge(self, command: ChargeCommand) -> PaymentState:
        return await self._begin(command, translate.charge_to_wire(command))

    async def begin_slip(self, command: SlipCommand) -> PaymentState:
        return await self._begin(command, translate.slip_to_wire(command))

    async def capture(self, key: str, vendor_ref: str, amount_minor: int) -> PaymentState:
        form = translate.capture_to_wire(amount_minor)
        state = await self._intent(f"{_path(vendor_ref)}/capture", key, form)
        asked = {"vendor_ref": vendor_ref, "received_minor": amount_minor}
        return as_asked(self.vendor, state, status=PaymentStatus.CAPTURED, **asked)

    async def void(self, key: str, vendor_ref: str) -> PaymentState:
        try:
            state = await self._intent(f"{_path(vendor_ref)}/cancel", key, {})
        except Rejected as rejected:
            if rejected.code != "expired_authorization":
                raise
            state = await self.retrieve(vendor_ref)  # lapsed or cancelled before: what we wanted
        return as_asked(self.vendor, state, vendor_ref=vendor_ref, status=PaymentStatus.VOIDED)

    async def refund(self, key: str, vendor_ref: str, amount_minor: int) -> RefundState:
        form = translate.refund_to_wire(key, vendor_ref, amount_minor)
        data = await self._post(REFUNDS, key, form)
        state = translate.refund_from_wire(self._client.parse(Refund, data), vendor_ref)
        return as_asked(self.vendor, state, payment_ref=vendor_ref, amount_minor=amount_minor)

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

    async def find_payment(self, key: str, begun_at: datetime) -> PaymentState | None:
        since = int((begun_at - CLOCKS_DIFFER).timestamp())
        async for intent in self._listed(PaymentIntents, INTENTS, {"created[gte]": str(since)}):
            if intent.metadata.get("key") == key:
                return translate.state_from_wire(intent)
        return None

    async def find_refund(self, key: str, vendor_ref: str) -> RefundState | None:
        async for refund in self._listed(RefundList, REFUNDS, {"payment_intent": vendor_ref}):
            if refund.metadata.get("key") == key:
                return translate.refund_from_wire(refund, vendor_ref)
        return None

    async def _listed(
        self, model: type[PaymentIntents | RefundList], path: str, params: Mapping[str, str]
    ) -> AsyncIterator[Any]:
        """Page by page, newest first: a list is consistent, unlike Stripe's search."""
        asked = {**params, "limit": str(PAGE)}
        while True:
            answer = await self._client.get(path, asked)
            page = self._client.parse(model, answer, mutating=False)
            for each in page.data:
                yield each
            if not page.data or not page.has_more:
                return
            asked["starting_after"] = page.data[-1].id

    async def _begin(
        self, command: AuthorizeCommand | ChargeCommand | SlipCommand, form: translate.Form
    ) -> PaymentState:
        state = await self._intent(INTENTS, command.key, form)
        asked = {"amount_minor": command.amount_minor, "currency": command.currency}
        if state.status is PaymentStatus.CAPTURED:
            asked["received_minor"] = command.amount_minor
        return as_asked(self.vendor, state, **asked)

    async def _intent(self, path: str, key: str, form: translate.Form) -> PaymentState:
        data = await self._post(path, key, form)
        return translate.state_from_wire(self._client.parse(PaymentIntent, data))

    async def _post(self, path: str, key: str, form: translate.Form) -> Any:
        return await self._client.send("POST", path, data=form, headers={"Idempotency-Key": key})


def _path(vendor_ref: str) -> str:
    return f"{INTENTS}/{quote(vendor_ref, safe='')}"
