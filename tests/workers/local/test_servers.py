"""PostgreSQL and Temporal, each on its own: started, stopped, killed and started again."""

import os
import signal
import stat
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from workers.errors import UserError
from workers.local import processes
from workers.local.postgres import PostgresServer
from workers.local.temporal import SEARCH_ATTRIBUTES, TemporalServer


def _query(server: PostgresServer, statement: str) -> object:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        assert row is not None
        return row[0]


async def test_postgres_keeps_rows_port_and_password_over_restarts(tmp_path: Path) -> None:
    async with PostgresServer(tmp_path) as server:
        first = server.url
        with psycopg.connect(server.dsn) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        assert _query(server, "SHOW fsync") == "on"
    async with PostgresServer(tmp_path) as server:
        assert server.url == first
        assert _query(server, "SELECT answer FROM kept") == 42
    server.forget()


async def test_postgres_replaces_a_server_that_outlived_its_parent(tmp_path: Path) -> None:
    orphan = PostgresServer(tmp_path)
    await orphan.start()
    assert orphan.child is not None
    server = PostgresServer(tmp_path)
    try:
        await server.start()
        assert server.child is not None
        assert server.child.pid != orphan.child.pid
        assert orphan.child.poll() is not None
    finally:
        await server.stop()
        server.forget()


@pytest.mark.parametrize("with_connection", [False, True])
async def test_postgres_starts_again_right_after_sigkill(
    tmp_path: Path, *, with_connection: bool
) -> None:
    server = PostgresServer(tmp_path, durable=False)
    await server.start()
    try:
        client = psycopg.connect(server.dsn) if with_connection else None
        assert server.child is not None
        server.child.send_signal(signal.SIGKILL)
        server.child.wait()
        await server.start()
        assert _query(server, "SELECT 1") == 1
        if client is not None:
            client.close()
    finally:
        await server.__aexit__()


async def test_a_lock_whose_process_number_now_belongs_to_a_stranger_is_no_obstacle(
    tmp_path: Path,
) -> None:
    server = PostgresServer(tmp_path)
    await server.start()
    await server.stop()
    (server.home.cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{server.home.cluster}\n")
    await server.start()
    assert _query(server, "SELECT 1") == 1
    await server.stop()
    server.forget()


async def test_postgres_listens_on_loopback_and_wants_a_password(tmp_path: Path) -> None:
    async with PostgresServer(tmp_path, durable=False) as server:
        assert _query(server, "SHOW listen_addresses") == "127.0.0.1"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(host="127.0.0.1", port=server.port, user="oms", password="wrong")
        mode = stat.S_IMODE((tmp_path / "postgres.passwords.json").stat().st_mode)
        assert mode == 0o600


async def test_our_role_is_no_superuser_but_makes_test_databases(tmp_path: Path) -> None:
    async with PostgresServer(tmp_path, durable=False) as server:
        assert _query(server, "SELECT rolsuper FROM pg_roles WHERE rolname = 'oms'") is False
        url = await server.create_database("copy_1", template="oms")
        assert url.endswith("/copy_1")
        await server.drop_database("copy_1")


async def test_lost_passwords_are_one_line(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path)
    await server.start()
    await server.stop()
    (tmp_path / "postgres.passwords.json").unlink()
    with pytest.raises(UserError, match=r"passwords\.json is gone"):
        await PostgresServer(tmp_path).start()
    server.forget()


async def test_temporal_keeps_attributes_and_retention_over_restarts(tmp_path: Path) -> None:
    server = TemporalServer(tmp_path)
    for _ in range(2):
        async with server:
            client = await Client.connect(server.address)
            described = await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace="default")
            )
            kept = described.config.workflow_execution_retention_ttl.ToTimedelta()
            assert kept == timedelta(days=30)
            handle = await client.start_workflow(
                "Nothing",
                id="order-shop-1",
                task_queue="none",
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            )
            assert handle.id == "order-shop-1"
    assert len(SEARCH_ATTRIBUTES) == 7


async def test_temporal_replaces_a_server_that_outlived_its_parent(tmp_path: Path) -> None:
    orphan = TemporalServer(tmp_path, headless=True)
    await orphan.start()
    assert orphan.child is not None
    assert [name for name, _ in processes.marked(tmp_path)] == ["temporal"]
    async with TemporalServer(tmp_path, headless=True) as server:
        assert orphan.child.poll() is not None
        assert server.port == orphan.port
