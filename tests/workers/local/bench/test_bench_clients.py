"""The benchmark's clients come back when they are told to, and only then."""

import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workers.local.bench.clients import LOST_AGAIN_S, offer
from workers.local.bench.shop import plain_order


class Shop:
    """Answers one after the other what it was told to; remembers the keys it was shown."""

    def __init__(self, *answers: Response) -> None:
        self._answers = list(answers)
        self.keys: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    async def _post(self, request: Request) -> Response:
        self.keys.append(request.headers["Idempotency-Key"])
        self.bodies.append(json.loads(await request.body()))
        return self._answers.pop(0)

    def client(self) -> httpx.AsyncClient:
        app = Starlette(routes=[Route("/orders", self._post, methods=["POST"])])
        return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")


def busy(status: int, retry_after: str | None = None) -> Response:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Response(status_code=status, headers=headers)


async def offered(shop: Shop) -> tuple[int, int, list[float]]:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    async with shop.client() as http:
        status, tries = await offer(http, plain_order("a", 1), pause=pause)
    return status, tries, pauses


@pytest.mark.parametrize("status", [429, 503])
async def test_who_is_sent_away_comes_when_told_under_the_same_key(status: int) -> None:
    shop = Shop(busy(status, "7"), busy(status, "2"), JSONResponse({}, 201))
    assert await offered(shop) == (201, 3, [7.0, 2.0])
    assert shop.keys == ["bench-a"] * 3
    assert shop.bodies[0] == shop.bodies[2] == plain_order("a", 1)


async def test_any_answer_that_names_a_moment_says_not_now() -> None:
    assert await offered(Shop(busy(409, "1"), JSONResponse({}, 202))) == (202, 2, [1.0])


async def test_a_refusal_is_final() -> None:
    assert await offered(Shop(JSONResponse({}, 422))) == (422, 1, [])


async def test_a_date_or_nothing_for_a_moment_is_a_second() -> None:
    late = busy(503, "Wed, 21 Oct 2026 07:28:00 GMT")
    assert await offered(Shop(late, busy(429), JSONResponse({}, 201))) == (201, 3, [1.0, 1.0])


async def test_a_lost_connection_is_tried_again() -> None:
    lost = iter([httpx.ConnectError("refused"), httpx.Response(201)])

    def answer(_: httpx.Request) -> httpx.Response:
        found = next(lost)
        if isinstance(found, Exception):
            raise found
        return found

    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    transport = httpx.MockTransport(answer)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        assert await offer(http, plain_order("a", 1), pause=pause) == (201, 2)
    assert pauses == [LOST_AGAIN_S]


def test_orders_differ_in_article_and_customer() -> None:
    one, two = plain_order("a", 1), plain_order("b", 2)
    assert one["lines"] != two["lines"]
    assert one["customer"]["email"] != two["customer"]["email"]
