"""Orders are placed, called off, picked, packed and followed over HTTP; what fails is repeated."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests.workers.local.demo.test_demo_judgement import PLAN
from workers.errors import UserError
from workers.local.demo import client, driver, warehouse
from workers.local.demo.client import ApiClient
from workers.local.demo.course import Course
from workers.local.demo.driver import Driver
from workers.local.demo.plan import Plan, PlannedOrder
from workers.local.demo.vendors import Vendors
from workers.local.demo.warehouse import Warehouse


class MadeUpApi:
    """Admits what it is sent; an order is delivered once its parcel is packed."""

    def __init__(self) -> None:
        self.orders: dict[str, str | None] = {}
        self.parcels: dict[str, str] = {}
        self.calls: Counter[str] = Counter()
        self.failing: list[int] = []  # statuses answered before anything is done
        self.refused: dict[str, dict[str, Any]] = {}  # answers to certain orders
        self.unknown_for = 0  # so many cancellations come too early

    async def answer(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.strip("/").split("/")
        self.calls[f"{request.method} {parts[0]}"] += 1
        if self.failing:
            return httpx.Response(self.failing.pop(0))
        assert request.headers["authorization"] == "Bearer key"
        if request.method == "GET":
            items = self._orders(request) if parts[0] == "orders" else self._tasks(request)
            return httpx.Response(200, json={"items": items, "next_cursor": None})
        assert request.headers["idempotency-key"]
        if parts == ["orders"]:
            return self._place(json.loads(request.content))
        return self._act(*parts[1:])

    def _place(self, document: dict[str, Any]) -> httpx.Response:
        order_id = f"{document['channel']}-{document['external_id']}"
        if order_id in self.refused:
            answer = self.refused[order_id]
            return httpx.Response(answer["status"], json=answer)
        self.orders.setdefault(order_id, None)
        self.parcels.setdefault(f"{order_id}-f1", "open")
        return httpx.Response(201, json={"order_id": order_id, "status": "admitted"})

    def _act(self, name: str, verb: str) -> httpx.Response:
        if verb == "cancel":
            self.unknown_for -= 1
            if self.unknown_for >= 0:
                return httpx.Response(404, json={})
            self.orders[name] = "cancelled"
            self.parcels.pop(f"{name}-f1", None)
        else:
            assert self.parcels[name] == {"picked": "open", "packed": "picked"}[verb]
            self.parcels[name] = verb
            if verb == "packed":
                self.orders[name.removesuffix("-f1")] = "delivered"
        return httpx.Response(200, json={"result": "ok"})

    def _orders(self, request: httpx.Request) -> list[dict[str, Any]]:
        wanted = request.url.params
        axes = {"payment": "authorized", "fulfillment": "in_progress"}
        return [
            {"order_id": order_id, "outcome": outcome, "axes": axes}
            for order_id, outcome in self.orders.items()
            if (outcome is None if "q" not in wanted else order_id.endswith(f"-{wanted['q']}"))
        ]

    def _tasks(self, request: httpx.Request) -> list[dict[str, Any]]:
        return [
            {
                "fulfillment_id": name,
                "order_id": name.removesuffix("-f1"),
                "state": state,
                "lines": [{"line_no": 1, "sku": "a", "quantity": 1}],
            }
            for name, state in self.parcels.items()
            if state == request.url.params["state"]
        ]


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_S", 0.001)
    monkeypatch.setattr(driver, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(driver, "CANCEL_AGAIN_S", 0.01)
    monkeypatch.setattr(warehouse, "LOOK_EVERY_S", 0.01)


@pytest.fixture
def made_up() -> MadeUpApi:
    return MadeUpApi()


@pytest.fixture
async def api(made_up: MadeUpApi) -> AsyncIterator[ApiClient]:
    async with ApiClient("http://api", "key", httpx.MockTransport(made_up.answer)) as found:
        yield found


async def _run(api: ApiClient, plan: Plan = PLAN, *, with_warehouse: bool = True) -> Course:
    course = Course(plan)
    left_alone = {order.order_id for order in plan.orders if order.to_be_cancelled}
    hands = Warehouse(api, left_alone)
    working = asyncio.create_task(hands.work())
    if not with_warehouse:
        working.cancel()
    async with Vendors("http://sandbox") as vendors:
        await Driver(course, api, vendors, stalled_s=0.3).run()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    return course


async def test_every_order_is_followed_to_its_end(api: ApiClient) -> None:
    course = await _run(api)
    assert course.ends == {
        "shop-1": "delivered",
        "shop-2": "delivered",
        "shop-3": "cancelled",
    }
    assert course.unexpected() == []
    assert course.notes == []
    assert len(course.place_s) == 3


async def test_what_is_not_answered_is_sent_again(api: ApiClient, made_up: MadeUpApi) -> None:
    made_up.failing = [503, 429, 500]
    assert (await _run(api)).unexpected() == []


async def test_a_cancellation_waits_until_the_order_is_known(
    api: ApiClient, made_up: MadeUpApi
) -> None:
    made_up.unknown_for = 3
    assert (await _run(api)).ends["shop-3"] == "cancelled"


async def test_a_refusal_is_an_end_and_anything_else_is_noted(
    api: ApiClient, made_up: MadeUpApi
) -> None:
    made_up.refused = {
        "shop-1": {"status": 402, "outcome": "refused_payment"},
        "shop-2": {"status": 422, "title": "no lines"},
    }
    course = await _run(api)
    assert course.ends == {
        "shop-1": "refused_payment",
        "shop-2": "rejected_input",
        "shop-3": "cancelled",
    }
    assert len(course.unexpected()) == 2


async def test_a_run_that_stands_still_is_given_up(api: ApiClient) -> None:
    course = await _run(api, with_warehouse=False)
    assert course.ends == {"shop-3": "cancelled"}
    assert "nothing moved" in course.notes[0]


async def test_an_order_on_a_path_is_called_off_by_its_people_and_not_by_the_driver(
    api: ApiClient,
) -> None:
    orders = tuple(replace(order, path="cancel_after_label") for order in PLAN.orders)
    course = await _run(api, replace(PLAN, orders=orders), with_warehouse=False)
    assert "shop-3" not in course.ends


async def test_a_picked_parcel_of_an_earlier_shift_is_only_packed(
    api: ApiClient, made_up: MadeUpApi
) -> None:
    made_up.orders["shop-9"] = None
    made_up.parcels["shop-9-f1"] = "picked"
    await _run(api)
    assert made_up.parcels["shop-9-f1"] == "packed"


async def test_a_refused_key_is_one_clear_line(made_up: MadeUpApi) -> None:
    made_up.failing = [401]
    transport = httpx.MockTransport(made_up.answer)
    async with ApiClient("http://api", "key", transport) as api:
        with pytest.raises(UserError, match="the key is refused"):
            await api.find_order("shop", "1")


async def test_silence_is_one_clear_line(made_up: MadeUpApi) -> None:
    made_up.failing = [503] * client.ATTEMPTS
    transport = httpx.MockTransport(made_up.answer)
    async with ApiClient("http://api", "key", transport) as api:
        with pytest.raises(UserError, match="was not answered: 503"):
            await api.find_order("shop", "1")


async def test_a_proxy_of_the_machine_is_not_asked_for_its_own_addresses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        writer.close()

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with ApiClient(url, "key") as api, Vendors(url) as vendors:
            assert (await api.send("GET", "/orders")).body == {}
            assert await vendors.ledger() == {}


async def test_every_sixth_sale_of_the_shop_is_left_to_the_sync(
    api: ApiClient, made_up: MadeUpApi
) -> None:
    told: list[bool] = []

    def shop(request: httpx.Request) -> httpx.Response:
        order_id = f"shopify-{json.loads(request.content)['id']}"
        made_up.orders[order_id] = "delivered"
        told.append(request.url.params.get("webhook") != "false")
        return httpx.Response(201, json={})

    def sale(number: int) -> PlannedOrder:
        name = f"shopify-{number}"
        return PlannedOrder(
            name, "shopify", str(number), "shopify", {"id": number}, "USD", 0, {},
            frozenset({"delivered"}),
        )  # fmt: skip

    course = Course(Plan(PLAN.setup, tuple(sale(number) for number in range(12))))
    async with Vendors("http://sandbox", httpx.MockTransport(shop)) as vendors:
        await Driver(course, api, vendors).run()
    assert course.unexpected() == []
    assert Counter(told) == {True: 10, False: 2}
