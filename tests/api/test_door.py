"""The door: what is sold out is refused before a run, and a crowd waits outside of Temporal."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from temporalio.service import RPCError

from api.app import create_app
from api.door import Shelf
from db.inbox.keys import create_key
from tests.api.world import Api, caller

# The shop's buffer is two, one of the two is reserved: none of these may be sold.
SOLD_OUT = [{"sku": "B/2", "quantity": 1, "unit_price_minor": 2_000}]


LEVEL = "UPDATE pool_levels SET on_hand = on_hand + :more WHERE pool = 'main' AND sku = 'B/2'"


@asynccontextmanager
async def restocked(api: Api, more: int = 5) -> AsyncIterator[None]:
    await api.sql(LEVEL, more=more)
    try:
        yield
    finally:
        await api.sql(LEVEL, more=-more)


async def runs(api: Api, document: dict[str, Any]) -> bool:
    try:
        await api.temporal.get_workflow_handle(f"order-shop-{document['external_id']}").describe()
    except RPCError:
        return False
    return True


async def test_what_is_sold_out_is_refused_without_a_run(api: Api) -> None:
    document = api.document(lines=SOLD_OUT)
    answer = await api.place(document, key="sold-out")
    assert (answer.status_code, answer.json()["outcome"]) == (409, "refused_stock")
    assert "B/2" in answer.json()["detail"]
    assert not await runs(api, document)
    [kept] = await api.sql(
        "SELECT state, note FROM inbox WHERE external_id = :e", e=document["external_id"]
    )
    assert tuple(kept) == ("rejected", "not enough of B/2")
    repeat = await api.place(document, key="sold-out")
    assert (repeat.status_code, repeat.headers["idempotency-replayed"]) == (409, "true")


async def test_who_is_sent_away_costs_few_statements(api: Api) -> None:
    """Hundreds are, when the last unit is sold: each waits for all before."""
    said: list[str] = []

    def note(*args: Any) -> None:
        said.append(args[2])

    sa.event.listen(api.engine.sync_engine, "before_cursor_execute", note)
    try:
        answer = await api.place(api.document(lines=SOLD_OUT), key="few")
    finally:
        sa.event.remove(api.engine.sync_engine, "before_cursor_execute", note)
    assert answer.status_code == 409
    # Claim the key, look, keep, store the answer; and once a second, count the backlog.
    assert len(said) <= 4 + 1


async def test_who_comes_again_when_there_is_stock_is_served(api: Api) -> None:
    document = api.document(lines=SOLD_OUT)
    assert (await api.place(document)).status_code == 409
    async with restocked(api):
        assert (await api.place(document)).status_code == 201
    assert await runs(api, document)


async def test_who_comes_again_for_later_is_kept_for_a_run(api: Api) -> None:
    document = api.document(lines=SOLD_OUT)
    assert (await api.place(document)).status_code == 409
    assert (await api.place(document, Prefer="respond-async")).status_code == 202
    state = "SELECT state FROM inbox WHERE external_id = :e"
    [kept] = await api.sql(state, e=document["external_id"])
    assert kept.state == "new", "the inbox loop will start it"


async def test_who_comes_again_too_early_is_sent_away_at_the_door_again(api: Api) -> None:
    document = api.document(lines=SOLD_OUT)
    for _ in range(2):
        answer = await api.place(document)
        assert (answer.status_code, answer.json()["outcome"]) == (409, "refused_stock")
    assert not await runs(api, document)


async def test_another_content_never_takes_the_place_of_an_order(api: Api) -> None:
    document = api.document(lines=SOLD_OUT)
    assert (await api.place(document)).status_code == 409
    async with restocked(api):
        assert (await api.place(document)).status_code == 201
    other = {**document, "customer": {**document["customer"], "name": "Somebody Else"}}
    answer = await api.place(other)
    assert (answer.status_code, answer.json()["code"]) == (409, "content_differs")


async def test_an_order_taken_for_later_is_not_looked_at(api: Api) -> None:
    answer = await api.place(api.document(lines=SOLD_OUT), Prefer="respond-async")
    assert answer.status_code == 202


async def test_what_is_sold_while_one_waits_is_refused_without_a_run(api: Api) -> None:
    config = replace(api.app.state.context.config, placements_at_once=1, admission_wait_s=3.0)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "waiting", ["orders:write"])
    app = create_app(engine=api.engine, temporal=api.temporal, config=config)
    inside, outside = api.document("mute"), api.document(lines=SOLD_OUT)
    await api.sql(LEVEL, more=5)
    async with caller(app, key.secret) as client:
        crowd = replace(api, client=client)
        first = asyncio.create_task(crowd.place(inside))
        async with asyncio.timeout(20):
            while not await runs(api, inside):  # noqa: ASYNC110 - Temporal tells nobody
                await asyncio.sleep(0.02)
        waiting = asyncio.create_task(crowd.place(outside))
        await client.get("/health")  # the other request, sent before, has come as well
        await api.sql(LEVEL, more=-5)
        answer = await waiting
        assert (answer.status_code, answer.json()["outcome"]) == (409, "refused_stock")
        assert not await runs(api, outside)
        await first


async def test_who_waits_too_long_is_told_that_the_order_is_safe(api: Api) -> None:
    config = replace(
        api.app.state.context.config, placements_at_once=1, admission_wait_s=3.0, door_wait_s=0.2
    )
    async with api.engine.begin() as tx:
        key = await create_key(tx, "crowd", ["orders:write"])
    app = create_app(engine=api.engine, temporal=api.temporal, config=config)
    inside, outside = api.document("mute"), api.document()
    async with caller(app, key.secret) as client:
        crowd = replace(api, client=client)
        first = asyncio.create_task(crowd.place(inside))
        async with asyncio.timeout(20):
            while not await runs(api, inside):  # noqa: ASYNC110 - Temporal tells nobody
                await asyncio.sleep(0.02)
        answer = await crowd.place(outside)
        assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
        assert not first.done()
        assert not await runs(api, outside)
        await first


async def test_hardly_more_start_their_runs_than_there_are_units(api: Api) -> None:
    config = replace(api.app.state.context.config, admission_wait_s=3.0, door_wait_s=1.0)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "few-units", ["orders:write"])
    app = create_app(engine=api.engine, temporal=api.temporal, config=config)
    documents = [api.document("mute", lines=SOLD_OUT) for _ in range(6)]
    async with restocked(api, more=2), caller(app, key.secret) as client:  # one is free
        crowd = replace(api, client=client)
        answers = await asyncio.gather(*(crowd.place(each) for each in documents))
    assert {answer.status_code for answer in answers} == {202}
    assert sum([await runs(api, each) for each in documents]) == 2


# -- the shelf


class Crowd:
    """Buyers of one unit each, who stay inside until they are told to go."""

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.inside: list[int] = []

    def come(self, *names: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._enter(name)) for name in names]

    async def _enter(self, name: int) -> None:
        await self.shelf.enter(1)
        self.inside.append(name)


async def a_moment() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_looks_and_the_others_wait_for_what_was_seen() -> None:
    crowd = Crowd()
    crowd.come(*range(8))
    await a_moment()
    assert crowd.inside == [0]
    crowd.shelf.saw(3)
    await a_moment()
    assert crowd.inside == [0, 1, 2, 3]  # one more than there are: they find out that it is gone
    crowd.shelf.leave(1)
    await a_moment()
    assert crowd.inside == [0, 1, 2, 3, 4]
    crowd.shelf.saw(0)
    await a_moment()
    assert crowd.inside == list(range(8))


async def test_where_there_is_plenty_nobody_waits() -> None:
    crowd = Crowd()
    crowd.come(0)
    await a_moment()
    crowd.shelf.saw(1_000)
    crowd.come(*range(1, 50))
    await a_moment()
    assert crowd.inside == list(range(50))


async def test_who_goes_away_while_he_waits_takes_nobodys_turn() -> None:
    crowd = Crowd()
    _, gone, in_the_same_moment, last = crowd.come(0, 1, 2, 3)
    await a_moment()
    gone.cancel()
    await a_moment()
    crowd.shelf.leave(1)  # lets the next in, who goes before he knows
    in_the_same_moment.cancel()
    await a_moment()
    assert crowd.inside == [0, 3]
    assert last.done()
    crowd.shelf.leave(1)
    assert crowd.shelf.is_deserted()
