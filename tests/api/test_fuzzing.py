"""Schemathesis reads our own description and tries to catch the running API breaking it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from db.inbox.keys import create_key
from tests.api.conftest import NAMESPACE
from tests.api.doubles import PartInput
from tests.api.test_papers import invoiced
from tests.api.world import Api
from workers.local import web
from workers.local.ports import any_free_port
from workers.local.postgres import PostgresServer
from workers.local.temporal import TemporalServer
from workflows.messages import CORE_QUEUE, OrderInput

# Enough for every phase; a run that found nothing has tried some thousands of requests.
FUZZED_FOR_S = 75
# A repeat under an idempotency key hears the first answer, also when what it made is gone since.
NOT_OURS = "ensure_resource_availability"
CONFIG = Path(__file__).with_name("schemathesis.toml")
SERVES_WITHIN_S = 30.0


@pytest.fixture
async def served(
    api: Api, postgres: PostgresServer, temporal_server: TemporalServer, repository: Path
) -> AsyncIterator[int]:
    """The API as its own process, on the tests' database and namespace; the port."""
    port = any_free_port()
    settings = {
        "OMS_DATABASE_URL": postgres.url_for("api"),
        "OMS_TEMPORAL_ADDRESS": temporal_server.address,
        "OMS_TEMPORAL_NAMESPACE": NAMESPACE,
        "OMS_API_PORT": str(port),
        # Limits have tests of their own; here they would hide what is behind them.
        "OMS_API_KEY_RATE_PER_S": "1000000",
        "OMS_API_KEY_BURST": "1000000",
        "OMS_API_FAILURES_PER_MINUTE": "1000000",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", "api", cwd=repository, env=os.environ | settings
    )
    try:
        async with asyncio.timeout(SERVES_WITHIN_S):
            while not await web.succeeds(port, "/ready"):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.1)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _something_to_find(api: Api) -> None:
    """An order with parts, an exception and an invoice, and the runs that take messages."""
    order_id, _ = await invoiced(api)
    run = f"order-{order_id}"
    await api.temporal.start_workflow(
        "OrderWorkflow", OrderInput(order_id, 1, "shop"), id=run, task_queue=CORE_QUEUE
    )
    await api.temporal.start_workflow(
        "FulfillmentWorkflow", PartInput([(1, 1)]), id=f"{run}/f/2", task_queue=CORE_QUEUE
    )


@pytest.mark.slow
async def test_the_running_api_keeps_to_its_description(
    api: Api, worker: Client, served: int, tmp_path: Path
) -> None:
    await _something_to_find(api)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "fuzzing", ["admin"])
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "--config-file", CONFIG,
        "run", f"http://127.0.0.1:{served}/openapi.json",
        "--header", f"Authorization: Bearer {key.secret}",
        "--checks", "all", "--exclude-checks", NOT_OURS, "--max-time", str(FUZZED_FOR_S),
        "--continue-on-failure",
        "--workers", "1", "--seed", "1", "--request-timeout", "30", "--no-color",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
