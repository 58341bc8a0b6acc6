"""Our connectors and the sandbox, two readings of the same vendors, agree; effects happen once."""

import asyncio
import contextlib
import copy
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from activities.connectors.carrier.easypost import webhook as easypost_webhook
from activities.connectors.carrier.easypost.gateway import EasyPostGateway, easypost_client
from activities.connectors.carrier.port import CreateShipment, Parcel
from activities.connectors.channel.shopify import webhook as shopify_webhook
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client
from activities.connectors.errors import Misconfigured, Rejected
from activities.connectors.payment.port import (
    AuthorizeCommand,
    ChargeCommand,
    PaymentStatus,
    RefundStatus,
    SlipCommand,
)
from activities.connectors.payment.stripe import webhook as stripe_webhook
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client
from domain.address import Address
from domain.tracking import TrackingStatus, fold
from tests.sandbox.shopify.orders import order as shop_order

READY_WITHIN_S = 20
TOLD_WITHIN_S = 20
# A day of the outside world in a third of a second.
TIME_FACTOR = 250_000
STRIPE_SECRET, EASYPOST_SECRET, SHOPIFY_SECRET = "whsec_t", "ez-t", "shpss_t"


class Receiver:
    """Takes webhooks as our API would: raw bytes and headers, by path."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (line.split(": ", 1) for line in head[1:] if line)
                headers = {name.lower(): value for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.got.append((head[0].split(" ")[1], headers, body))
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        writer.close()

    async def until(self, path: str, found: Any) -> Any:
        """The first result of `found(headers, body)` that is not None."""
        deadline = time.monotonic() + TOLD_WITHIN_S
        while time.monotonic() < deadline:
            for at, headers, body in self.got:
                result = found(headers, body) if at == path else None
                if result is not None:
                    return result
            await asyncio.sleep(0.05)
        raise AssertionError(f"nothing such came to {path}: {[each[0] for each in self.got]}")


@pytest.fixture(scope="module")
async def receiver() -> AsyncIterator[Receiver]:
    taken = Receiver()
    server = await asyncio.start_server(taken.handle, "127.0.0.1", 0)
    taken.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield taken
    server.close()


@pytest.fixture(scope="module")
def sandbox(receiver, tmp_path_factory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("sandbox")
    arguments = [
        *("--port", str(port), "--data-dir", str(folder), "--time-factor", str(TIME_FACTOR)),
        *("--api-url", receiver.url, "--stripe-webhook-secret", STRIPE_SECRET),
        *("--easypost-webhook-secret", EASYPOST_SECRET),
        *("--shopify-webhook-secret", SHOPIFY_SECRET),
    ]
    process = subprocess.Popen([sys.executable, "-m", "sandbox", *arguments])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the sandbox ended"
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/_/health", trust_env=False).is_success:
                return
        time.sleep(0.1)
    raise AssertionError("the sandbox did not become ready")


@pytest.fixture
async def control(sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=sandbox, trust_env=False) as client:
        yield client
        await client.delete("/_/faults")


@pytest.fixture
def stripe(sandbox) -> StripeGateway:
    return StripeGateway(stripe_client(f"{sandbox}/stripe", "sk_sandbox"))


@pytest.fixture
def easypost(sandbox) -> EasyPostGateway:
    return EasyPostGateway(easypost_client(f"{sandbox}/easypost", "EZSANDBOX"))


@pytest.fixture
def shopify(sandbox) -> ShopifyGateway:
    return ShopifyGateway(shopify_client(f"{sandbox}/shopify", "shpat_sandbox"))


def details(order_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "key": f"{order_id}:t1:authorize:1",
        "amount_minor": 2500,
        "currency": "USD",
        "method": "pm_card_visa",
        "order_id": order_id,
        "description": "An order",
    } | changes


async def payments(control: httpx.AsyncClient, order_id: str) -> list[dict[str, Any]]:
    ledger = (await control.get("/_/ledger")).json()
    return [each for each in ledger["payments"] if each["order"] == order_id]


async def test_a_hold_is_captured_once_and_refunded(stripe, control):
    held = await stripe.authorize(AuthorizeCommand(**details("t-1")))
    assert (held.status, held.capturable_minor) == (PaymentStatus.AUTHORIZED, 2500)
    taken = await stripe.capture("t-1:f1:capture:1", held.vendor_ref, 1800)
    assert (taken.status, taken.received_minor) == (PaymentStatus.CAPTURED, 1800)
    with pytest.raises(Rejected) as caught:
        await stripe.capture("t-1:f2:capture:1", held.vendor_ref, 700)
    assert caught.value.code == "already_captured"
    back = await stripe.refund("t-1:t1:refund:1", held.vendor_ref, 500)
    assert (back.status, back.amount_minor) == (RefundStatus.SUCCEEDED, 500)
    with pytest.raises(Rejected) as caught:
        await stripe.refund("t-1:t1:refund:2", held.vendor_ref, 1301)
    assert caught.value.code in ("amount_invalid", "already_refunded")
    (entry,) = await payments(control, "t-1")
    assert (entry["captured_minor"], entry["refunded_minor"], entry["captures"]) == (1800, 500, 1)


async def test_a_hold_is_voided_and_stays_void(stripe):
    held = await stripe.authorize(AuthorizeCommand(**details("t-2")))
    for n in (1, 2):
        state = await stripe.void(f"t-2:t1:void:{n}", held.vendor_ref)
        assert state.status is PaymentStatus.VOIDED
    with pytest.raises(Rejected) as caught:
        await stripe.capture("t-2:f1:capture:1", held.vendor_ref, 2500)
    assert caught.value.code == "expired_authorization"


@pytest.mark.parametrize(
    "method", ["pm_card_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds"]
)
async def test_a_declined_card_is_declined_again_with_the_same_key(stripe, method):
    command = AuthorizeCommand(**details(f"t-3-{method[-5:]}", method=method))
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            await stripe.authorize(command)
        assert caught.value.code == "payment_declined"


async def test_an_unknown_method_is_invalid(stripe):
    with pytest.raises(Rejected) as caught:
        await stripe.authorize(AuthorizeCommand(**details("t-4", method="pm_nobody")))
    assert caught.value.code == "method_invalid"


async def test_a_debit_is_taken_at_once(stripe):
    state = await stripe.charge(ChargeCommand(**details("t-5", method="pm_card_debit")))
    assert (state.status, state.received_minor) == (PaymentStatus.CAPTURED, 2500)


@pytest.mark.parametrize("method", ["pm_boleto_paid", "pm_boleto_never", "pm_boleto_late"])
async def test_a_slip_tells_how_it_ends(stripe, receiver, method):
    order_id = f"t-6-{method}"
    given = details(order_id, currency="BRL", method=method)
    state = await stripe.begin_slip(SlipCommand(**given, expires_after_days=3))
    assert state.status is PaymentStatus.PENDING
    assert state.voucher_url
    assert state.expires_at is not None

    def told(kind: str) -> Any:
        def look(headers: dict[str, str], body: bytes) -> Any:
            stripe_webhook.verify(
                body, headers["stripe-signature"], [STRIPE_SECRET], int(time.time())
            )
            notice = stripe_webhook.parse(body)
            mine = notice.kind == kind and notice.order_id == order_id
            return notice if mine else None

        return look

    ends = {
        "pm_boleto_paid": ["paid"],
        "pm_boleto_never": ["failed"],
        "pm_boleto_late": ["failed", "paid"],
    }
    for kind in ends[method]:
        notice = await receiver.until("/webhooks/stripe", told(kind))
        assert (notice.vendor_ref, notice.amount_minor) == (state.vendor_ref, 2500)
        assert notice.key == given["key"]


async def test_wrong_credentials_wake_a_person(sandbox):
    wrong = [
        StripeGateway(stripe_client(f"{sandbox}/stripe", "sk_wrong")).retrieve("pi_1"),
        EasyPostGateway(easypost_client(f"{sandbox}/easypost", "EZWRONG")).track("trk_1"),
        ShopifyGateway(shopify_client(f"{sandbox}/shopify", "shpat_wrong")).find_fulfillment(
            "1", "EZ1"
        ),
    ]
    for call in wrong:
        with pytest.raises(Misconfigured):
            await call


BUYER = Address(
    name="Ann Lee",
    line1="179 N Harbor Dr",
    line2=None,
    city="Redondo Beach",
    region="CA",
    postal_code="90277",
    country="US",
    phone="8573875756",
)


def parcel_of(reference: str) -> CreateShipment:
    return CreateShipment(reference, BUYER, BUYER, Parcel(500, 200, 150, 100))


async def test_an_address_is_verified(easypost):
    assert (await easypost.verify_address(BUYER)).country == "US"


async def test_a_label_is_voided_once(easypost):
    created = await easypost.create_shipment(parcel_of("t-11-f1"))
    assert await easypost.find_label(created.vendor_shipment_id) is None
    await easypost.buy_label(created.vendor_shipment_id, created.rates[0].rate_id)
    for _ in range(2):
        await easypost.void_label(created.vendor_shipment_id)
    label = await easypost.find_label(created.vendor_shipment_id)
    assert label is not None
    assert label.voided


async def test_a_parcel_is_followed_to_its_delivery(easypost, receiver):
    created = await easypost.create_shipment(parcel_of("t-12-f1"))
    label = await easypost.buy_label(created.vendor_shipment_id, created.rates[0].rate_id)

    def delivered(headers: dict[str, str], body: bytes) -> Any:
        easypost_webhook.verify(body, headers["x-hmac-signature"], [EASYPOST_SECRET])
        notice = easypost_webhook.parse(body)
        if notice is None or notice.tracker_id != label.tracker_id:
            return None
        return notice if notice.status is TrackingStatus.DELIVERED else None

    notice = await receiver.until("/webhooks/easypost", delivered)
    assert notice.tracking_number == label.tracking_number
    assert fold(TrackingStatus.PENDING, notice.events) is TrackingStatus.DELIVERED
    polled = await easypost.track(label.tracker_id)
    assert polled.status is TrackingStatus.DELIVERED
    # A webhook and a poll name the same scan the same.
    assert {event.event_id for event in notice.events} <= {
        event.event_id for event in polled.events
    }


async def test_an_order_told_and_an_order_fetched_are_one_document(
    shopify, receiver, control, spec_json
):
    sample = spec_json("shopify/webhooks_2026-07/samples/orders/create.json")["response"]
    order = copy.deepcopy(sample) | {"financial_status": "paid", "cancelled_at": None}
    gid = "gid://shopify/Order/450789469"
    order |= {"id": 450789469, "admin_graphql_api_id": gid}
    answer = await control.post("/_/shopify/orders", json=order)
    assert answer.is_success, answer.text

    def told(headers: dict[str, str], body: bytes) -> Any:
        shopify_webhook.verify(body, headers["x-shopify-hmac-sha256"], [SHOPIFY_SECRET])
        notice = shopify_webhook.parse(headers["x-shopify-topic"], body)
        return notice if notice.external_id == "450789469" else None

    notice = await receiver.until("/webhooks/shopify", told)
    page = await shopify.fetch_orders(None, None, 10)
    assert page.rejects == ()
    assert notice.document in page.documents
    one = notice.document["lines"][0]["external_line_id"]
    assert await shopify.find_fulfillment("450789469", "EZ77") is None
    pushed = await shopify.push_fulfillment("450789469", "EZ77", "USPS", ((one, 1),))
    assert await shopify.find_fulfillment("450789469", "EZ77") == pushed
    assert await shopify.push_fulfillment("450789469", "EZ77", "USPS", ((one, 1),)) == pushed
    told_once = (await control.get("/_/ledger")).json()["fulfillments"]
    assert [each["tracking_number"] for each in told_once] == ["EZ77"]


async def test_a_cancellation_is_the_same_told_fetched_and_listed(shopify, receiver, control):
    number = 450789470
    made = await control.post("/_/shopify/orders?webhook=false", json=shop_order(number))
    assert made.is_success, made.text
    (await control.post(f"/_/shopify/orders/{number}/cancel")).raise_for_status()

    def told(headers: dict[str, str], body: bytes) -> Any:
        shopify_webhook.verify(body, headers["x-shopify-hmac-sha256"], [SHOPIFY_SECRET])
        notice = shopify_webhook.parse(headers["x-shopify-topic"], body)
        return notice if notice.kind == "cancelled" else None

    notice = await receiver.until("/webhooks/shopify", told)
    assert notice.external_id == str(number)
    assert (await shopify.fetch_orders(None, None, 10)).cancelled == (str(number),)
    listed = (await shopify.list_orders(datetime(2020, 1, 1, tzinfo=UTC), None)).orders
    assert [each.external_id for each in listed if each.cancelled_at] == [str(number)]
