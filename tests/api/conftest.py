"""The API over its ASGI door, on real PostgreSQL and a namespace of its own on real Temporal."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from api.app import ApiConfig, Limits, create_app
from api.rate import Rate
from db.engine import make_engine
from db.inbox.keys import create_key
from domain.timings import Timings
from tests.api.doubles import FulfillmentDouble, OrderDouble
from tests.api.world import SECRETS, SETUP, Api, caller
from workers.schedules import register_search_attributes
from workflows.messages import CORE_QUEUE

NAMESPACE = "api-tests"
# All tests share an address and most a key: those about limits make apps of their own.
PLENTY = Rate(per_s=1e6, burst=1_000_000)
ROOMY = Limits(key_rate=PLENTY, failure_rate=PLENTY, most_body_bytes=200_000)


@pytest.fixture(scope="session")
async def api_database(postgres: Any, template_database: str) -> AsyncIterator[AsyncEngine]:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "api" TEMPLATE "{template_database}"')
    engine = make_engine(postgres.url_for("api"), pool_size=10)
    async with engine.begin() as tx:
        for statement in SETUP.split(";\n"):
            await tx.execute(sa.text(statement))
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def namespace(temporal: Client) -> Client:
    """A namespace of its own: workers of other tests serve the same queue's name."""
    request = RegisterNamespaceRequest(namespace=NAMESPACE)
    request.workflow_execution_retention_period.FromSeconds(86_400)
    await temporal.workflow_service.register_namespace(request)
    client = Client(temporal.service_client, namespace=NAMESPACE)
    await register_search_attributes(client)
    return client


@pytest.fixture(scope="session")
async def worker(namespace: Client) -> AsyncIterator[Client]:
    async with Worker(
        namespace,
        task_queue=CORE_QUEUE,
        workflows=[OrderDouble, FulfillmentDouble],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield namespace


@pytest.fixture(scope="session")
def config() -> ApiConfig:
    return ApiConfig(
        stripe_secrets=("old", SECRETS["stripe"]),
        easypost_secrets=("old", SECRETS["easypost"]),
        shopify_secrets=("old", SECRETS["shopify"]),
        order_link_secrets=("new-link", "link"),
        timings=Timings().scaled(1_000),
        admission_wait_s=1.5,
        take_wait_s=3.0,
        done_wait_s=1.5,
        limits=ROOMY,
        now_s=lambda: 1_800_000_000.0,
    )


@pytest.fixture(scope="session")
async def api(api_database: AsyncEngine, worker: Client, config: ApiConfig) -> AsyncIterator[Api]:
    async with api_database.begin() as tx:
        key = await create_key(tx, "tests", ["admin"])
    app = create_app(engine=api_database, temporal=worker, config=config)
    async with caller(app, key.secret) as client:
        yield Api(app, client, api_database, worker, key)
