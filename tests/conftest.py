"""One PostgreSQL and one Temporal server for the whole run, started by our own launchers."""

import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from db.engine import make_engine
from db.migrate import migrate
from workers.environ import given_settings
from workers.local.postgres import PostgresServer
from workers.local.temporal import TemporalServer
from workers.settings import Settings
from workers.temporal import connect

# How fast a machine draws inputs and runs a test is no property of the product.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")
# What a person's shell holds, a running stack's settings or another cluster's key, is not for us.
for name in given_settings():
    del os.environ[name]
os.environ["TEMPORAL_CONFIG_FILE"] = os.devnull


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostgresServer]:
    async with PostgresServer(tmp_path_factory.mktemp("postgres"), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
async def template_database(postgres: PostgresServer) -> str:
    """Migrated once; every test database is a copy of it."""
    _create(postgres, "template_oms")
    migrate(postgres.url_for("template_oms"), "cli:tests")
    return "template_oms"


def _create(postgres: PostgresServer, name: str, template: str = "template1") -> None:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')  # type: ignore[arg-type]


@pytest.fixture(scope="session")
async def database_url(postgres: PostgresServer, template_database: str) -> str:
    """A migrated database shared by the run; tests name their own rows."""
    _create(postgres, "shared_oms", template_database)
    return postgres.url_for("shared_oms")


@pytest.fixture
async def fresh_database_url(postgres: PostgresServer, template_database: str) -> str:
    """A migrated, empty database of the test's own."""
    name = f"test_{secrets.token_hex(6)}"
    _create(postgres, name, template_database)
    return postgres.url_for(name)


@pytest.fixture(scope="session")
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def fresh_engine(fresh_database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(fresh_database_url)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def temporal_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[TemporalServer]:
    async with TemporalServer(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture(scope="session")
async def temporal(temporal_server: TemporalServer) -> Client:
    return await connect(Settings(temporal_address=temporal_server.address))


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[1]
