"""A sandbox in this process, clients with the right keys, and a receiver of its webhooks."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from sandbox.app import Sandbox
from sandbox.settings import Settings

SPECS = Path(__file__).parents[3] / "shared" / "specs"
DAY_IN_A_SECOND = 86_400.0


class Receiver:
    """Takes webhooks; answers whatever status it was told to."""

    def __init__(self):
        self.taken = []
        self.status = 200

    async def post(self, path, headers, body):
        if self.status < 300:
            self.taken.append((path.removeprefix("/webhooks/"), headers, body))
        return self.status

    def events(self, vendor):
        return [json.loads(body) for name, _, body in self.taken if name == vendor]

    def topics(self, vendor):
        field = "type" if vendor == "stripe" else "description"
        return [event[field] for event in self.events(vendor)]


class World:
    """The sandbox with clients that hold the right keys."""

    def __init__(self, sandbox, receiver):
        transport = httpx.ASGITransport(app=sandbox)
        base = "http://sandbox"
        self.sandbox = sandbox
        self.receiver = receiver
        self.control = httpx.AsyncClient(transport=transport, base_url=f"{base}/_")
        self.stripe = httpx.AsyncClient(
            transport=transport,
            base_url=f"{base}/stripe/v1",
            headers={"Authorization": "Bearer sk_sandbox"},
        )
        self.easypost = httpx.AsyncClient(
            transport=transport, base_url=f"{base}/easypost/v2", auth=("EZSANDBOX", "")
        )
        self.shopify = httpx.AsyncClient(
            transport=transport,
            base_url=f"{base}/shopify/admin/api/2026-07",
            headers={"X-Shopify-Access-Token": "shpat_sandbox"},
        )

    async def ledger(self, part):
        return (await self.control.get("/ledger")).json()[part]

    async def fault(self, **document):
        answer = await self.control.post("/faults", json=document)
        assert answer.status_code == 201, answer.text


async def until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until something is true, looking often."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition is a look from outside
            await asyncio.sleep(0.01)


@asynccontextmanager
async def living(folder: Path, factor: float = DAY_IN_A_SECOND) -> AsyncIterator[World]:
    receiver = Receiver()
    sandbox = Sandbox(Settings(data_dir=folder, time_factor=factor), post=receiver.post)
    async with sandbox.running():
        yield World(sandbox, receiver)
