"""A customer whose every word can be found again, and a caller of the API beside the workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from temporalio.client import Client

from api.app import create_app
from db.inbox.keys import create_key
from tests.api.world import caller
from tests.workflows.conftest import World
from workers.serving import api_config
from workers.settings import Settings

MARK = "zyxmark"  # in every word of the customer's, and nowhere else
EMAIL = f"{MARK}@mail.example"


def marked(document: dict[str, Any], line1: str = "417 Montgomery St", **ship_to: Any) -> Any:
    """The document of an order of this customer's."""
    return document | {
        "customer": {"name": f"Ada {MARK}", "email": EMAIL, "phone": f"+1 555 {MARK}"},
        "ship_to": document["ship_to"]
        | {"name": f"Ada {MARK}", "line1": line1, "line2": f"at {MARK}", "phone": f"+1 {MARK}"}
        | ship_to,
    }


@asynccontextmanager
async def api_of(world: World, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with world.engine.begin() as tx:
        key = await create_key(tx, "marked", ["admin"])
    app = create_app(engine=world.engine, temporal=world.temporal, config=api_config(settings))
    async with caller(app, key.secret) as client:
        yield client


async def everything_in(temporal: Client) -> dict[str, bytes]:
    """All that Temporal holds of each run: its history, and what lists and its page show."""
    found = {}
    async for run in temporal.list_workflows():
        handle = temporal.get_workflow_handle(run.id, run_id=run.run_id)
        history = await handle.fetch_history()
        described = await handle.describe()
        parts = [event.SerializeToString() for event in history.events]
        parts += [run.raw_info.SerializeToString(), described.raw_description.SerializeToString()]
        found[run.id] = b"\n".join(parts)
    return found
