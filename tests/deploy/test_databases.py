"""The script of PostgreSQL's image, run on a real one: two roles, each with its own databases."""

import json
import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from db.migrate import migrate
from tests.deploy.files import ROOT
from workers.local import wheels
from workers.local.postgres import DATABASE, ROLE, SUPERUSER, PostgresServer

SCRIPT = ROOT / "deploy" / "compose" / "init-databases.sh"


@pytest.fixture
async def empty(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """Roles belong to a whole server, so it has to be one of its own, without ours."""
    async with PostgresServer(tmp_path / "postgres", durable=False) as server:
        with psycopg.connect(plain(server, SUPERUSER, password_of_all(server))) as connection:
            connection.autocommit = True
            connection.execute(f"DROP DATABASE {DATABASE}")  # type: ignore[arg-type]
            connection.execute(f"DROP ROLE {ROLE}")  # type: ignore[arg-type]
        yield server


def password_of_all(server: PostgresServer) -> str:
    return json.loads((server.data_dir / "postgres.passwords.json").read_text())[SUPERUSER]


def plain(server: PostgresServer, role: str, password: str, database: str = "postgres") -> str:
    return address(server, role, password, database).replace("+psycopg", "")


def address(server: PostgresServer, role: str, password: str, database: str) -> str:
    at = make_url(server.url_for(database)).set(username=role, password=password)
    return at.render_as_string(hide_password=False)


def test_each_role_owns_its_databases_and_sees_no_other(
    empty: PostgresServer, tmp_path: Path
) -> None:
    passwords = {role: f"it's{secrets.token_hex(4)}\\$x" for role in ("oms", "temporal")}
    for role, password in passwords.items():
        (tmp_path / f"{role}_password").write_text(password)
    at = make_url(plain(empty, SUPERUSER, password_of_all(empty)))
    env = os.environ | {
        "PATH": f"{wheels.postgres_programs()}:{os.environ['PATH']}", "PGHOST": str(at.host),
        "PGPORT": str(at.port), "PGPASSWORD": str(at.password), "POSTGRES_USER": str(at.username),
        "SECRETS_DIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run([SCRIPT], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not any(password in done.stdout + done.stderr for password in passwords.values())
    migrate(address(empty, "oms", passwords["oms"], "oms"), "cli:tests")
    for database in ("temporal", "temporal_visibility"):
        dsn = plain(empty, "temporal", passwords["temporal"], database)
        with psycopg.connect(dsn) as connection:
            # What Temporal's schema for visibility begins with.
            connection.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
            connection.execute("CREATE TABLE executions (id int)")
    dsn = plain(empty, "oms", passwords["oms"], "temporal")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(dsn)
