"""With keys, Temporal holds only ciphertext; rotating them leaves every history readable."""

import asyncio
import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import Replayer

from api.app import create_app
from db.inbox.keys import create_key
from tests.workers.conftest import a_world, working
from tests.workers.marked import api_of
from tests.workers.served import served
from tests.workers.test_sealing import NEW, OLD
from tests.workflows.conftest import World
from workers.codec import ENCODING, KEY_ID, SealingCodec
from workers.local import wheels
from workers.local.postgres import PostgresServer
from workers.sealing import CannotOpen, read_key_ring
from workers.serving import api_config
from workers.settings import Settings
from workers.temporal import WORKFLOWS, connect, data_converter, workflow_runner
from workflows.order import OrderWorkflow


def with_keys(settings: Settings, keys: str) -> Settings:
    return settings.model_copy(update={"payload_keys": SecretStr(keys)})


def parts_of(message: Message) -> Iterator[Payload | Failure]:
    """Every payload and failure in it, but search attributes: the server has to read those.

    A local activity's marker has a payload of the SDK's own besides: its number, name and times.
    """
    if isinstance(message, Payload | Failure):
        yield message
    if isinstance(message, Payload | SearchAttributes):
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            below = [v for k, v in value.items() if k != "data" and isinstance(v, Message)]
        else:
            below = value if field.is_repeated else [value]
        for each in below:
            yield from parts_of(each)


async def histories(temporal: Client) -> list[WorkflowHistory]:
    return [
        await temporal.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()
        async for run in temporal.list_workflows()
    ]


def sealed_with(history: WorkflowHistory) -> set[bytes]:
    """The ids of the keys it is sealed with, once everything in it is.

    Not what Temporal writes itself: the names of the changes of our code that a run knows.
    """
    keys = set()
    for event in history.events:
        if event.marker_recorded_event_attributes.marker_name == "core_patch":
            continue
        for part in parts_of(event):
            if isinstance(part, Failure):
                assert part.message in ("Encoded failure", "")
                assert part.stack_trace == ""
            else:
                assert part.metadata["encoding"] == ENCODING, (event, part)
                keys.add(part.metadata[KEY_ID])
    return keys


async def place(world: World, settings: Settings) -> dict[str, Any]:
    """Through the API, which starts the run and waits for its admission in one call."""
    document = world.document((await world.sku(west=5), 2))
    key = {"Idempotency-Key": document["external_id"]}
    async with api_of(world, settings) as api:
        answer = await api.post("/orders", json=document, headers=key)
    assert answer.status_code in (201, 202), answer.text
    return document


async def delivered(world: World, document: dict[str, Any]) -> None:
    await world.work(document)
    order_id = f"shop-{document['external_id']}"
    handle = world.temporal.get_workflow_handle_for(OrderWorkflow.run, f"order-{order_id}")
    assert (await handle.result()).outcome == "delivered"


async def test_orders_live_through_a_rotation_and_only_ciphertext_is_held(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> None:
    async with a_world(postgres, template_database, tmp_path, payload_keys=OLD) as (world, old):
        async with working(old, world.temporal):
            first = await place(world, old)
            await delivered(world, first)
            second = await place(world, old)
            await world.parts(f"shop-{second['external_id']}")
        assert {key for h in await histories(world.temporal) for key in sealed_with(h)} == {b"old"}

        both = with_keys(old, f"{NEW},{OLD}")
        rotated = replace(world, temporal=await connect(both))
        async with working(both, rotated.temporal):
            await delivered(rotated, second)
            third = await place(rotated, both)
            await delivered(rotated, third)
        kept = {h.workflow_id: h for h in await histories(rotated.temporal)}
        assert sealed_with(kept[f"order-shop-{second['external_id']}"]) == {b"old", b"new"}
        assert sealed_with(kept[f"order-shop-{third['external_id']}"]) == {b"new"}
        replayer = Replayer(
            workflows=WORKFLOWS,
            workflow_runner=workflow_runner(),
            data_converter=data_converter(both),
        )
        for history in kept.values():
            await replayer.replay_workflow(history)
        forgotten = await connect(with_keys(old, NEW))
        lost = forgotten.get_workflow_handle(f"order-shop-{first['external_id']}")
        with pytest.raises(CannotOpen, match=r"^OMS_PAYLOAD_KEYS has no key 'old'$"):
            await lost.result()


async def test_what_a_failure_says_is_sealed_too_and_temporals_own_tool_shows_it(
    postgres: PostgresServer, template_database: str, tmp_path: Path
) -> None:
    wrong = {"payload_keys": OLD, "easypost_key": "EZWRONG"}
    async with (
        a_world(postgres, template_database, tmp_path, **wrong) as (world, settings),
        working(settings, world.temporal),
    ):
        document = await place(world, settings)
        await world.until(lambda: world.rows("SELECT 1 FROM exceptions WHERE state = 'open'"))
        workflow_id = f"order-shop-{document['external_id']}"
        history = await world.temporal.get_workflow_handle(workflow_id).fetch_history()
        failures = [p for e in history.events for p in parts_of(e) if isinstance(p, Failure)]
        assert failures
        assert sealed_with(history) == {b"old"}
        assert "easypost: Misconfigured" not in history.to_json()
        shown = await show(world, settings, workflow_id)
    assert "easypost: Misconfigured" in shown
    assert "reservation_s" in shown


async def show(world: World, settings: Settings, workflow_id: str) -> str:
    """The history as `temporal workflow show` prints it with our API as its codec."""
    async with world.engine.begin() as tx:
        key = await create_key(tx, "tool", ["codec:read"])
    app = create_app(engine=world.engine, temporal=world.temporal, config=api_config(settings))
    async with served(app) as url:
        tool = await asyncio.create_subprocess_exec(
            str(wheels.temporal_program()), "workflow", "show", "--workflow-id", workflow_id,
            "--address", str(settings.temporal_address), "--output", "json",
            "--codec-endpoint", f"{url}/codec", "--codec-auth", f"Bearer {key.secret}",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        shown, _ = await tool.communicate()
    return "".join(decoded(part) for part in re.findall(r'"data": "([^"]+)"', shown.decode())) + (
        shown.decode()
    )


def decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "replace")


async def test_what_was_not_sealed_is_read_as_it_is() -> None:
    plain = Payload(metadata={"encoding": b"json/plain"}, data=b"1")
    codec = SealingCodec(read_key_ring("OMS_PAYLOAD_KEYS", NEW))
    assert await codec.decode([plain]) == [plain]
    [sealed] = await codec.encode([plain])
    assert await codec.decode([sealed, plain]) == [plain, plain]


def test_without_keys_nothing_is_sealed() -> None:
    assert data_converter(Settings()) is DataConverter.default
