"""Open orders move to the version that is made current, by the commands of docs/operations.md."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.workers.conftest import a_world
from tests.workers.worker_process import a_worker
from tests.workflows.conftest import World
from workers.local import wheels
from workers.local.postgres import PostgresServer
from workers.settings import Settings


@pytest.fixture
async def own(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> AsyncIterator[tuple[World, Settings]]:
    async with a_world(postgres, template_database, tmp_path / "world") as made:
        yield made


async def make_current(world: World, settings: Settings, *version: str) -> None:
    """As a person does: again until Temporal has heard of the version's workers."""

    async def accepted() -> bool:
        process = await asyncio.create_subprocess_exec(
            wheels.temporal_program(), "worker", "deployment", "set-current-version", "--yes",
            "--address", str(settings.temporal_address), "--deployment-name", "cauce", *version,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        await process.communicate()
        return process.returncode == 0

    await world.until(accepted)


async def routed(world: World) -> dict[str, Any]:
    """An order that waits for the warehouse."""
    document = world.document((await world.sku(east=1), 1))
    await world.place(document)
    await world.parts(f"shop-{document['external_id']}")
    return document


async def shipped(world: World, document: dict[str, Any]) -> None:
    await world.work(document)
    await world.temporal.get_workflow_handle(_run(document)).result()
    assert (await world.order(document)).outcome == "delivered"


async def builds(world: World, document: dict[str, Any]) -> list[str]:
    """Which builds carried the order, in their order; an empty name is no version."""
    history = await world.temporal.get_workflow_handle(_run(document)).fetch_history()
    found: list[str] = []
    for event in history.events:
        if event.HasField("workflow_task_completed_event_attributes"):
            done = event.workflow_task_completed_event_attributes
            build = done.deployment_version.build_id
            if not found or found[-1] != build:
                found.append(build)
    return found


def _run(document: dict[str, Any]) -> str:
    return f"order-shop-{document['external_id']}"


async def test_an_open_order_goes_on_with_whichever_version_is_made_current(
    own: tuple[World, Settings], tmp_path: Path
) -> None:
    world, plain = own
    first = plain.model_copy(update={"build_id": "1"})
    second = plain.model_copy(update={"build_id": "2"})
    with a_worker(tmp_path / "plain", plain) as old:
        await old.is_ready()
        early = await routed(world)
        with a_worker(tmp_path / "1", first) as one:
            await one.is_ready()
            before = await routed(world)
            assert await builds(world, before) == [""]
            await make_current(world, first, "--build-id", "1")
            assert await old.ends() == 0
            await shipped(world, early)
            assert await builds(world, early) == ["", "1"]
            with a_worker(tmp_path / "2", second) as two:
                await two.is_ready()
                late = await routed(world)
                await make_current(world, second, "--build-id", "2")
                assert await one.ends() == 0
                await shipped(world, before)
                await shipped(world, late)
                assert await builds(world, late) == ["1", "2"]
                last = await routed(world)
                with a_worker(tmp_path / "plain again", plain) as new:
                    await new.is_ready()
                    await make_current(world, plain, "--unversioned")
                    assert await two.ends() == 0
                    await shipped(world, last)
                    assert await builds(world, last) == ["2", ""]
