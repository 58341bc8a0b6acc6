"""Webhooks go to public addresses that were looked at, and nowhere else; nobody reads answers."""

import asyncio

import httpx
import pytest

from activities import merchant_news
from activities.addresses import Addresses, Forbidden
from activities.merchant_news import MerchantNews
from tests.activities.merchants import (
    Call,
    Merchants,
    Receiver,
    answers,
    deliver,
    hang,
    receiving,
)


async def test_a_redirect_is_not_followed(merchants: Merchants, receiver: Receiver) -> None:
    async with receiving() as elsewhere:
        receiver.answer = answers(302, Location=elsewhere.url)
        await merchants.subscribe(receiver.url)
        await merchants.tell(await merchants.order(), "Picked")
        await deliver(merchants.delivery())
    assert elsewhere.calls == []
    assert (await merchants.waiting())[0].last_error == "the answer is 302"


async def test_an_endless_answer_is_not_read(merchants: Merchants, receiver: Receiver) -> None:
    receiver.answer = answers(200, **{"Content-Length": "1000000000"})
    await merchants.subscribe(receiver.url)
    await merchants.tell(await merchants.order(), "Picked")
    async with asyncio.timeout(5):
        assert await deliver(merchants.delivery()) == 1
    assert await merchants.waiting() == []


async def test_who_does_not_answer_in_time_has_not_heard(
    merchants: Merchants, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merchant_news, "TIMEOUT_S", 0.2)
    receiver.answer = hang
    subscription_id, _ = await merchants.subscribe(receiver.url)
    await merchants.tell(await merchants.order(), "Picked")
    turn = await merchants.delivery().deliver(f"webhook:{subscription_id}")
    assert (turn.count, turn.hung) == (1, True)


async def test_once_the_setting_is_gone_loopback_is_refused_at_delivery(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    await merchants.tell(await merchants.order(), "Picked")
    merchants.addresses.allow_private = False
    await deliver(merchants.delivery())
    assert receiver.calls == []
    assert (await merchants.waiting())[0].last_error == "the URL must begin with https://"


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = [(0, 0, 0, "", (address, 0)) for address in addresses]
    monkeypatch.setattr("activities.addresses.socket.getaddrinfo", lambda *_: found)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "100.100.100.200", "::1", "fe80::1%lo"]
)
async def test_a_name_that_leads_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    resolves_to(monkeypatch, "93.184.215.14", address)
    with pytest.raises(Forbidden):
        await Addresses(allow_private=False).of("merchant.example")


async def test_a_name_nobody_knows_is_refused() -> None:
    for name in ("nobody.invalid", "a" * 64 + ".example"):
        with pytest.raises(Forbidden, match="not found"):
            await Addresses(allow_private=False).of(name)


async def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A second look-up could answer otherwise; the certificate is checked for the name."""
    resolves_to(monkeypatch, "93.184.215.14", "93.184.215.15")
    asked: list[httpx.Request] = []

    def refuse_the_first(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.host.endswith("14"):
            raise httpx.ConnectError("refused")
        return httpx.Response(200)

    http = httpx.AsyncClient(transport=httpx.MockTransport(refuse_the_first))
    news = MerchantNews(Addresses(allow_private=False), http)
    assert await news._post(httpx.URL("https://merchant.example:8443/a?b=c"), {}, b"x") == 200
    assert [str(request.url) for request in asked] == [
        "https://93.184.215.14:8443/a?b=c",
        "https://93.184.215.15:8443/a?b=c",
    ]
    assert {request.headers["host"] for request in asked} == {"merchant.example:8443"}
    assert {request.extensions["sni_hostname"] for request in asked} == {"merchant.example"}


async def test_a_name_of_other_letters_is_called_as_it_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Such names need not be what the standard of today allows: name servers know them."""
    found: list[str] = []

    def look_up(host: str, *_: object) -> list[object]:
        found.append(host)
        return [(0, 0, 0, "", ("93.184.215.14", 0))]

    monkeypatch.setattr("activities.addresses.socket.getaddrinfo", look_up)
    asked: list[httpx.Request] = []

    def thank(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(204)

    http = httpx.AsyncClient(transport=httpx.MockTransport(thank))
    news = MerchantNews(Addresses(allow_private=False), http)
    for host in ("xn--ls8h.la", "xn--a.example", "xn--fiqs8s.example"):
        assert await news._post(httpx.URL(f"https://{host}/a"), {}, b"x") == 204
        assert (found.pop(), asked[-1].headers["host"]) == (host, host)
        assert asked[-1].extensions["sni_hostname"] == host


async def test_what_nobody_foresaw_is_a_failure_of_that_message_alone(
    merchants: Merchants, receiver: Receiver
) -> None:
    """The client looks at where a redirect leads, though it does not go there."""
    orders = [await merchants.order() for _ in range(2)]

    async def answer(call: Call) -> tuple[int, dict[str, str]]:
        if call.told["order_id"] == orders[0]:
            return 302, {"Location": "https://xn--ls8h.la/"}
        return 204, {}

    receiver.answer = answer
    await merchants.subscribe(receiver.url)
    for order_id in orders:
        await merchants.tell(order_id, "Picked")
    assert await deliver(merchants.delivery()) == 2
    (waiting,) = await merchants.waiting()
    assert (waiting.order_id, waiting.attempts) == (orders[0], 1)
    assert waiting.last_error.startswith("the event cannot be told: ")


def test_two_hosts_at_one_address_share_no_connection() -> None:
    """Connections are found again by address; a certificate was checked for another name."""
    transport = merchant_news.open_merchant_http()._transport
    assert transport._pool._max_keepalive_connections == 0  # type: ignore[attr-defined]
