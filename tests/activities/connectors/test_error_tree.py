"""Every failure of every vendor answers "did it happen?", over a faked and over a real wire."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from activities.connectors import http
from activities.connectors.carrier.easypost.gateway import EasyPostGateway, easypost_client
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client
from activities.connectors.errors import (
    ConnectorError,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client

SECRET = "sk_test_neverShown"


@dataclass(frozen=True)
class Subject:
    """One vendor: an act of his that changes something, and one that reads."""

    act: Callable[[Any], Awaitable[Any]]
    read: Callable[[Any], Awaitable[Any]]
    build: Callable[..., Any]


ORDER = {
    "data": {
        "order": {
            "id": "gid://shopify/Order/1",
            "fulfillments": [],
            "fulfillmentOrders": {
                "nodes": [
                    {
                        "id": "gid://shopify/FulfillmentOrder/2",
                        "status": "OPEN",
                        "lineItems": {
                            "nodes": [
                                {
                                    "id": "gid://shopify/FulfillmentOrderLineItem/3",
                                    "remainingQuantity": 1,
                                    "lineItem": {"id": "gid://shopify/LineItem/4"},
                                }
                            ]
                        },
                    }
                ]
            },
        }
    }
}


class _AfterTheRead(httpx.AsyncBaseTransport):
    """Answers Shopify's question before the mutation, so that faults hit the mutation."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if b"OrderFulfillments" in request.content and request.headers.get("x-act"):
            return httpx.Response(200, json=ORDER)
        return await self._inner.handle_async_request(request)


def stripe(url: str, transport=None) -> StripeGateway:
    return StripeGateway(stripe_client(url, SECRET, transport=transport))


def easypost(url: str, transport=None) -> EasyPostGateway:
    return EasyPostGateway(easypost_client(url, SECRET, transport=transport))


def shopify(url: str, transport=None) -> ShopifyGateway:
    client = shopify_client(
        url, SECRET, transport=_AfterTheRead(transport or httpx.AsyncHTTPTransport())
    )
    return ShopifyGateway(client)


async def push(gateway: ShopifyGateway) -> str:
    gateway._client._http.headers["x-act"] = "1"
    try:
        return await gateway.push_fulfillment("1", "EZ1", "USPS", None)
    finally:
        del gateway._client._http.headers["x-act"]


SUBJECTS = {
    "stripe": Subject(
        lambda g: g.capture("shop-1:f1:capture:1", "pi_1", 100),
        lambda g: g.retrieve("pi_1"),
        stripe,
    ),
    "easypost": Subject(
        lambda g: g.buy_label("shp_1", "rate_1"), lambda g: g.track("trk_1"), easypost
    ),
    "shopify": Subject(push, lambda g: g.find_fulfillment("1", "EZ1"), shopify),
}


@pytest.fixture(params=SUBJECTS)
def subject(request) -> Subject:
    return SUBJECTS[request.param]


NEVER_LEFT = [httpx.ConnectError("refused"), httpx.ConnectTimeout(""), httpx.PoolTimeout("")]
LEFT = [
    httpx.ReadTimeout("slow"),
    httpx.WriteTimeout(""),
    httpx.WriteError(""),
    httpx.ReadError("reset"),
    httpx.RemoteProtocolError("Server disconnected without sending a response."),
]


@pytest.mark.parametrize("error", NEVER_LEFT, ids=repr)
async def test_a_request_that_never_left_was_not_sent(subject, vendor, error):
    gateway = subject.build("http://vendor.test", vendor.fails(error).transport)
    with pytest.raises(NotSent):
        await subject.act(gateway)
    with pytest.raises(NotSent):
        await subject.read(gateway)


@pytest.mark.parametrize("error", LEFT, ids=repr)
async def test_an_act_cut_on_its_way_may_have_happened(subject, vendor, error):
    gateway = subject.build("http://vendor.test", vendor.fails(error).transport)
    with pytest.raises(OutcomeUnknown):
        await subject.act(gateway)


@pytest.mark.parametrize("error", LEFT, ids=repr)
async def test_a_question_cut_on_its_way_changed_nothing(subject, vendor, error):
    gateway = subject.build("http://vendor.test", vendor.fails(error).transport)
    with pytest.raises(NotSent):
        await subject.read(gateway)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_fault_leaves_an_act_open(subject, vendor, status):
    gateway = subject.build("http://vendor.test", vendor.answers({}, status).transport)
    with pytest.raises(OutcomeUnknown):
        await subject.act(gateway)
    with pytest.raises(NotSent):
        await subject.read(gateway)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry_After": "7"}, 7.0),
        ({}, http.DEFAULT_RETRY_AFTER_S),
        ({"Retry_After": "soon"}, http.DEFAULT_RETRY_AFTER_S),
        ({"Retry_After": "86400"}, http.MAX_RETRY_AFTER_S),
        (
            {
                "Retry_After": "Sun, 22 Nov 2026 10:00:30 GMT",
                "Date": "Sun, 22 Nov 2026 10:00:00 GMT",
            },
            30.0,
        ),
    ],
)
async def test_too_many_requests_says_when_to_ask_again(subject, vendor, headers, seconds):
    gateway = subject.build("http://vendor.test", vendor.answers({}, 429, **headers).transport)
    with pytest.raises(Throttled) as caught:
        await subject.act(gateway)
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_wake_a_person(subject, vendor, status):
    gateway = subject.build("http://vendor.test", vendor.answers({}, status).transport)
    with pytest.raises(Misconfigured):
        await subject.act(gateway)


async def test_a_redirect_is_not_followed_with_our_key(subject, vendor):
    vendor.answers({}, 302, Location="http://elsewhere.test/")
    with pytest.raises(Misconfigured):
        await subject.act(subject.build("http://vendor.test", vendor.transport))
    assert {request.url.host for request in vendor.requests} == {"vendor.test"}


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b"[]", b"null", b'{"data":{}}'])
async def test_an_answer_that_cannot_be_read_leaves_an_act_open(subject, vendor, answer):
    gateway = subject.build("http://vendor.test", vendor.answers(answer).transport)
    with pytest.raises(OutcomeUnknown):
        await subject.act(gateway)


async def test_no_error_shows_a_secret_or_an_address(subject, vendor):
    said = f"Invalid API Key {SECRET} of ann@example.com"
    body = {"error": {"message": said, "code": "x"}, "errors": said}
    gateway = subject.build("http://vendor.test", vendor.answers(body, 400).transport)
    with pytest.raises(ConnectorError) as caught:
        await subject.act(gateway)
    assert SECRET not in str(caught.value)
    assert "ann@example.com" not in str(caught.value)
    assert "Invalid API Key" in str(caught.value)


def test_a_word_that_begins_like_a_key_stays_readable():
    client = stripe("http://vendor.test")._client
    assert client.redact("skipping pk_live_abcdef at easy") == "skipping [secret] at easy"


async def test_a_refused_connection_on_a_real_wire_was_not_sent(subject, unused_tcp_port):
    gateway = subject.build(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(NotSent):
        await subject.act(gateway)


async def test_a_connection_cut_after_the_request_may_have_happened(subject):
    received = []

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OutcomeUnknown):
            await subject.act(subject.build(f"http://127.0.0.1:{port}/base/"))
    assert received[0].startswith(b"POST /base/")


async def test_an_answer_that_never_comes_may_have_happened(subject, monkeypatch):
    monkeypatch.setattr(http, "READ_TIMEOUT_S", 0.1)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client gives up
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OutcomeUnknown):
            await subject.act(subject.build(f"http://127.0.0.1:{port}"))


async def test_an_answer_that_comes_drop_by_drop_is_not_waited_for(subject, monkeypatch):
    monkeypatch.setattr(http, "CALL_TIMEOUT_S", 0.3)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\n")
            for number in itertools.count():
                writer.write(b"X-Drop-%d: 1\r\n" % number)
                await writer.drain()
                await asyncio.sleep(0.02)
                if reader.at_eof():
                    break
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        gateway = subject.build(f"http://127.0.0.1:{port}")
        with pytest.raises(OutcomeUnknown):
            await subject.act(gateway)
        with pytest.raises(NotSent):
            await subject.read(gateway)


def test_every_leaf_keeps_vendor_detail_and_code():
    rejected = Rejected("stripe", "no funds", "payment_declined")
    assert (rejected.vendor, rejected.detail, rejected.code) == (
        "stripe", "no funds", "payment_declined"
    )  # fmt: skip
