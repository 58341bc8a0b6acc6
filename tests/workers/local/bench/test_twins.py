"""A twin looks in Temporal as the order does that it was made from: event by event."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client

from tests.workers.local.bench.recorded import events_of, recorded
from workers.errors import UserError
from workers.local.bench.sampling import most_usual, sample
from workers.local.bench.script import read_script
from workers.local.bench.twin import step
from workers.local.bench.twins import Twins
from workers.local.bench.worker import TwinComposition
from workers.local.temporal import TemporalServer
from workers.settings import Settings
from workers.temporal import connect
from workers.worker import QUEUES, make_worker


@pytest.fixture(scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """A server of its own: on the run's, other workers may serve the same queues."""
    async with TemporalServer(tmp_path_factory.mktemp("twins")) as server:
        yield await connect(Settings(temporal_address=server.address))


@asynccontextmanager
async def playing(client: Client) -> AsyncIterator[None]:
    """The benchmark's workers, in this process and in Temporal's sandbox, without the product."""
    workers = [make_worker(client, q, [step], composition=TwinComposition()) for q in QUEUES]
    running = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        await asyncio.gather(*(worker.shutdown() for worker in workers))
        await asyncio.gather(*running)


# A plain order; and one with a patch, a timer that fires and an update after its parcel left.
@pytest.mark.parametrize("path", ["keep_it", "intercept"])
async def test_a_twin_has_the_events_of_its_order(temporal: Client, path: str) -> None:
    script, events = recorded(path)
    name = f"twin-{secrets.token_hex(4)}"
    async with playing(temporal):
        ended_at = await Twins(temporal, script, in_hand=1).run([name])
    assert len(ended_at) == 1
    played = await sample(temporal, name)
    assert played.script.kinds() == script.kinds()
    assert played.events == events


def test_a_plain_order_is_read_step_by_step() -> None:
    script, _ = recorded("keep_it")
    (parcel,) = script.children
    assert [does for does, _, _ in script.steps] == [
        "update", "local", "begin", "end", "local", "begin", "end", "local", "search", "child",
        "answer", "started", "closed", "local", "search",
    ]  # fmt: skip
    assert [what for does, what, _ in script.steps if does == "begin"] == ["carriers", "payments"]
    assert [each.kind for each in parcel.messages] == ["update", "update", "signal"]
    # None of its timers fires, so that no twin's does.
    assert {what for does, what, _ in parcel.steps if does == "timer"} == {"86400"}


def test_what_no_plain_order_has_is_refused() -> None:
    with pytest.raises(UserError, match="SIGNAL_EXTERNAL"):
        read_script(events_of("cancel_after_label", "OrderWorkflow"))


async def test_the_most_usual_shape_is_the_twins(temporal: Client) -> None:
    usual, rare = recorded("keep_it")[0], recorded("intercept")[0]
    names = [f"twin-{secrets.token_hex(4)}" for _ in range(3)]
    async with playing(temporal):
        await Twins(temporal, usual, in_hand=2).run(names[:2])
        await Twins(temporal, rare, in_hand=1).run(names[2:])
    found = [await sample(temporal, name) for name in (names[2], *names[:2])]
    assert most_usual(found).script.kinds() == usual.kinds()
