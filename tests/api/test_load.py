"""Under overload callers are sent away before anything is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api.app import ApiConfig, create_app
from api.backlog import Backlog
from api.limits import BodyLimit
from api.load import InFlight
from tests.api.conftest import ROOMY
from tests.api.world import Api, caller, is_sent_away

PATIENCE_S = 10.0


# -- requests under way


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.entered = 0
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered += 1
        if scope["path"] != "/health":
            await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def _door(slow: Slow, most: int, wait_s: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(InFlight(slow, most, wait_s)), base_url="http://api"
    )


async def _until(claim: Any) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not claim():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)


async def test_more_requests_than_places_wait_a_moment_and_are_sent_away() -> None:
    slow = Slow()
    async with _door(slow, most=2, wait_s=0.05) as client:
        inside = [asyncio.create_task(client.get("/orders")) for _ in range(2)]
        await _until(lambda: slow.entered == 2)
        assert is_sent_away(await client.get("/orders"), "overloaded")
        assert (await client.get("/health")).status_code == 200, "probes always get in"
        slow.go_on.set()
        assert {answer.status_code for answer in await asyncio.gather(*inside)} == {200}
        assert (await client.get("/orders")).status_code == 200, "the places are free again"


async def test_whoever_waits_gets_the_next_free_place() -> None:
    slow = Slow()
    async with _door(slow, most=1, wait_s=PATIENCE_S) as client:
        first = asyncio.create_task(client.get("/orders"))
        await _until(lambda: slow.entered == 1)
        second = asyncio.create_task(client.get("/orders"))
        await asyncio.sleep(0)
        slow.go_on.set()
        assert [(await task).status_code for task in (first, second)] == [200, 200]


async def test_no_more_may_wait_than_work() -> None:
    slow = Slow()
    async with _door(slow, most=1, wait_s=PATIENCE_S) as client:
        tasks = [asyncio.create_task(client.get("/orders")) for _ in range(3)]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert [is_sent_away(task.result(), "overloaded") for task in done] == [True]
        slow.go_on.set()
        assert {(await task).status_code for task in waiting} == {200}


async def test_of_a_crowd_each_order_is_kept_or_sent_away_whole(
    api: Api, config: ApiConfig
) -> None:
    app = _app_of(api, config, most_in_flight=2, in_flight_wait_s=0.02)
    documents = [api.document() for _ in range(20)]

    async def place(client: httpx.AsyncClient, document: dict[str, Any]) -> httpx.Response:
        key = {"Idempotency-Key": f"key-{document['external_id']}"}
        return await client.post("/orders", json=document, headers=key)

    async with caller(app, api.key.secret) as client:
        answers = await asyncio.gather(*(place(client, document) for document in documents))
        refused = []
        for document, answer in zip(documents, answers, strict=True):
            if answer.status_code == 201:
                assert await api.traces(document) == (1, 1, 1)
            else:
                assert is_sent_away(answer, "overloaded")
                assert await api.traces(document) == (0, 0, 0)
                refused.append(document)
        assert refused
        assert {(await place(client, document)).status_code for document in refused} == {201}


async def test_a_body_that_does_not_come_gives_its_place_back() -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    limit = BodyLimit(Slow(), most_bytes=10, within_s=0.01)
    scope = {"type": "http", "path": "/orders", "method": "POST", "headers": []}
    async with asyncio.timeout(PATIENCE_S):
        await limit(scope, never, send)
    assert said[0]["status"] == 408


# -- orders that wait for admission


def _app_of(api: Api, config: ApiConfig, **few: Any) -> FastAPI:
    limited = replace(config, limits=replace(ROOMY, **few))
    return create_app(engine=api.engine, temporal=api.temporal, config=limited)


@asynccontextmanager
async def _with_backlog(api: Api, config: ApiConfig) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of an API that is sent more orders than may wait."""
    app = _app_of(api, config, most_waiting_orders=1)
    await api.sql(
        """
        INSERT INTO inbox (source, kind, external_id, content_sha256, document, state,
          next_attempt_at)
        SELECT 'shop', 'order', 'waits-' || n, '', '{}', 'new', now() + interval '1 hour'
        FROM generate_series(1, 2) AS n
        """
    )
    try:
        async with caller(app, api.key.secret) as client:
            yield client
    finally:
        await api.sql("DELETE FROM inbox WHERE external_id LIKE 'waits-%'")


async def test_new_orders_are_sent_away_while_too_many_wait(api: Api, config: ApiConfig) -> None:
    known, new = api.document(), api.document()
    await api.place(known, key="backlog-known")
    async with _with_backlog(api, config) as client:
        refused = await client.post("/orders", json=new, headers={"Idempotency-Key": "new"})
        assert is_sent_away(refused, "overloaded")
        again = await client.post("/orders", json=known, headers={"Idempotency-Key": "other"})
        same = await client.post(
            "/orders", json=known, headers={"Idempotency-Key": "backlog-known"}
        )
        read = await client.get("/orders")
    assert (again.status_code, same.status_code, read.status_code) == (201, 201, 200)
    assert same.headers["idempotency-replayed"] == "true"
    assert await api.traces(new) == (0, 0, 0)


async def test_when_the_backlog_is_gone_the_same_request_is_taken(
    api: Api, config: ApiConfig
) -> None:
    document, headers = api.document(), {"Idempotency-Key": "after-the-backlog"}
    async with _with_backlog(api, config) as client:
        assert (await client.post("/orders", json=document, headers=headers)).status_code == 503
    roomy = _app_of(api, config)
    async with caller(roomy, api.key.secret) as client:
        assert (await client.post("/orders", json=document, headers=headers)).status_code == 201


async def test_an_order_that_is_only_kept_costs_one_transaction(api: Api) -> None:
    """Also: a process that dies right after it leaves no key claimed."""
    ended: list[str] = []

    def note(_: Any) -> None:
        ended.append("commit")

    sa.event.listen(api.engine.sync_engine, "commit", note)
    try:
        answer = await api.place(api.document(), key="kept-at-once", Prefer="respond-async")
    finally:
        sa.event.remove(api.engine.sync_engine, "commit", note)
    assert answer.status_code == 202
    assert ended == ["commit"]


async def test_the_backlog_is_counted_now_and_then_only(api: Api) -> None:
    counted: list[str] = []

    def note(*args: Any) -> None:
        counted.append(args[2])

    backlog = Backlog(most=1_000_000)
    async with api.engine.connect() as tx:
        sa.event.listen(api.engine.sync_engine, "before_cursor_execute", note)
        try:
            for _ in range(5):
                await backlog.let_in(tx, "shop", "whatever")
        finally:
            sa.event.remove(api.engine.sync_engine, "before_cursor_execute", note)
    assert len(counted) == 1
