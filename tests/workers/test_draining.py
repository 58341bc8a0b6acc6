"""A worker told to end finishes the step it is in, or hands it on; nothing happens twice."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.workers.command_line import oms
from tests.workers.conftest import a_world
from tests.workers.worker_process import a_worker
from tests.workflows.conftest import World
from workers.local.postgres import PostgresServer
from workers.settings import Settings
from workers.worker import GRACE

TAKING = {"vendor": "stripe", "method": "POST", "path_prefix": "/v1/payment_intents"}


@pytest.fixture
async def own(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> AsyncIterator[tuple[World, Settings]]:
    async with a_world(postgres, template_database, tmp_path / "world") as made:
        yield made


async def an_order_in_payment(world: World, seconds: float) -> dict[str, Any]:
    """Place one, and wait until the vendor has its request and takes so long to answer."""
    await world.fault(kind="delay", seconds=seconds, **TAKING)
    document = world.document((await world.sku(east=1), 1))
    await world.place(document)

    async def is_asked() -> bool:
        return not (await world.sandbox.get("/_/faults")).json()

    await world.until(is_asked)
    return document


async def taken(world: World, document: dict[str, Any]) -> list[str]:
    """What our books say of the order's money."""
    order_id = f"shop-{document['external_id']}"
    found = await world.rows(
        "SELECT event FROM payment_events WHERE order_id = :order_id ORDER BY 1", order_id=order_id
    )
    return [each.event for each in found]


async def test_a_step_under_way_is_finished_and_recorded(
    own: tuple[World, Settings], tmp_path: Path
) -> None:
    world, settings = own
    with a_worker(tmp_path / "first", settings) as first:
        await first.is_ready()
        document = await an_order_in_payment(world, seconds=2.0)
        assert await taken(world, document) == []
        assert await first.ends() == 0
        assert not first.ready_file.exists()
    assert await taken(world, document) == ["authorized"]
    await goes_on(world, settings, document, tmp_path / "second")


@pytest.mark.slow
async def test_a_step_that_takes_too_long_is_handed_on(
    own: tuple[World, Settings], tmp_path: Path
) -> None:
    world, settings = own
    with a_worker(tmp_path / "first", settings) as first:
        await first.is_ready()
        document = await an_order_in_payment(world, seconds=GRACE.total_seconds() + 5)
        assert await first.ends() == 0
    assert await taken(world, document) == []
    await goes_on(world, settings, document, tmp_path / "second")


@pytest.mark.parametrize("process", ["worker", "api"])
async def test_what_an_earlier_process_said_is_taken_back(tmp_path: Path, process: str) -> None:
    """A container's files outlive its process."""
    ready = tmp_path / "ready"
    ready.touch()
    nowhere = "postgresql+psycopg://oms:x@127.0.0.1:1/oms"
    code, _, _ = await oms(process, OMS_DATABASE_URL=nowhere, OMS_READY_FILE=str(ready),
                           OMS_TEMPORAL_ADDRESS="127.0.0.1:1")  # fmt: skip
    assert code == 2
    assert not ready.exists()


async def goes_on(world: World, settings: Settings, document: dict[str, Any], folder: Path) -> None:
    with a_worker(folder, settings) as second:
        await second.is_ready()
        await world.work(document)
        handle = world.temporal.get_workflow_handle(f"order-shop-{document['external_id']}")
        await handle.result()
        assert await second.ends() == 0
    assert (await world.order(document)).outcome == "delivered"
    payments = (await world.ledger(document))["payments"]
    assert len(payments) == 1
    assert len((await world.ledger(document))["labels"]) == 1
