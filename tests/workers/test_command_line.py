"""Keys by role, and the audit rows of what is done at the command line."""

import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from typer.testing import CliRunner

from domain.access import ROLES
from workers import actor
from workers.actor import cli_actor
from workers.cli import build
from workers.errors import UserError
from workers.local.temporal import TemporalServer
from workers.schedules import run_apply
from workers.settings import Settings

ME = f"cli:{pwd.getpwuid(os.geteuid()).pw_name}"


class Oms:
    """The command, on a database of the test's own."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def __call__(self, *words: str) -> str:
        done = CliRunner().invoke(build(), list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output.strip()

    def rows(self, statement: str) -> list[Any]:
        engine = sa.create_engine(self._url)
        with engine.connect() as connection:
            found = list(connection.execute(sa.text(statement)).all())
        engine.dispose()
        return found

    def audited(self) -> list[Any]:
        return self.rows(
            "SELECT actor, action, subject, reason, before, after FROM audit_log "
            "WHERE action <> 'SchemaMigrated' ORDER BY audit_id"
        )


@pytest.fixture
def oms(fresh_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Oms:
    monkeypatch.setenv("OMS_DATABASE_URL", fresh_database_url)
    return Oms(fresh_database_url)


def test_a_key_made_for_a_role_has_its_scopes(oms: Oms) -> None:
    oms("keys", "create", "--name", "east", "--role", "warehouse", "--json")
    assert set(oms.rows("SELECT scopes FROM api_keys")[0].scopes) == ROLES["warehouse"]


def test_roles_and_scopes_add_up(oms: Oms) -> None:
    words = ["--role", "storefront, auditor", "--scopes", "exceptions:write"]
    oms("keys", "create", "--name", "both", *words)
    expected = ROLES["storefront"] | ROLES["auditor"] | {"exceptions:write"}
    assert set(oms.rows("SELECT scopes FROM api_keys")[0].scopes) == expected


@pytest.mark.parametrize("words", [["--role", "king"], ["--scopes", "sky:read"], []])
def test_an_unknown_role_or_scope_is_one_line_and_leaves_nothing(
    oms: Oms, words: list[str]
) -> None:
    with pytest.raises(UserError, match=r"unknown role king|unknown scopes|needs a scope"):
        oms("keys", "create", "--name", "x", *words)
    assert oms.audited() == []


def test_the_roles_are_listed_with_their_scopes(oms: Oms) -> None:
    listed = oms("keys", "roles")
    assert (
        "warehouse: catalog:read, fulfillments:read, fulfillments:write, returns:handle, "
        "returns:read, stock:read" in listed
    )
    assert len(listed.splitlines()) == len(ROLES)


def test_a_key_s_making_and_revoking_are_written_down(oms: Oms) -> None:
    oms("keys", "create", "--name", "east", "--scopes", "stock:read", "--reason", "new scanner")
    key_id = oms.rows("SELECT key_id FROM api_keys")[0].key_id
    oms("keys", "revoke", key_id, "--reason", "it was lost")
    in_force = {"state": "in force", "scopes": ["stock:read"]}
    assert [tuple(row) for row in oms.audited()] == [
        (ME, "KeyCreated", key_id, "new scanner", {}, in_force),
        (ME, "KeyRevoked", key_id, "it was lost", {"state": "in force"}, {"state": "revoked"}),
    ]


def test_an_import_is_written_down_with_it_or_not_at_all(oms: Oms, tmp_path: Path) -> None:
    file = tmp_path / "setup.json"
    file.write_text(json.dumps({"pools": ["main", "other"]}))
    oms("import", str(file), "--reason", "the first shop")
    row = oms.audited()[0]
    assert (row.actor, row.action, row.reason) == (ME, "SetUpImported", "the first shop")
    assert {part: count for part, count in row.after.items() if count} == {"pools": 2}
    file.write_text(json.dumps({"pools": ["third"], "stock": [{"sku": "A-1"}]}))
    with pytest.raises(UserError):
        oms("import", str(file))
    assert len(oms.audited()) == 1


def test_a_migration_is_written_down_by_whoever_did_it(oms: Oms) -> None:
    before = oms.rows("SELECT before, after FROM audit_log WHERE action = 'SchemaMigrated'")
    assert [row.before for row in before] == [{"revision": None}]
    assert before[0].after["revision"]
    oms("migrate")
    after = oms.rows("SELECT 1 FROM audit_log WHERE action = 'SchemaMigrated'")
    assert len(after) == 1, "nothing was to be done"


async def test_applying_the_schedules_is_written_down(
    fresh_database_url: str, temporal_server: TemporalServer, temporal: Client
) -> None:
    request = RegisterNamespaceRequest(namespace="schedules-tests")
    request.workflow_execution_retention_period.FromSeconds(86_400)
    await temporal.workflow_service.register_namespace(request)
    settings = Settings(
        database_url=fresh_database_url,
        temporal_address=temporal_server.address,
        temporal_namespace="schedules-tests",
    )
    applied = await run_apply(settings, "first start")
    assert "expire-reservations" in applied
    row = Oms(fresh_database_url).audited()[0]
    assert (row.actor, row.action, row.reason) == (ME, "SchedulesApplied", "first start")
    assert row.after == {"schedules": applied}


def test_whoever_has_no_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> Any:
        raise KeyError

    assert cli_actor() == ME
    monkeypatch.setattr(actor.pwd, "getpwuid", nobody)
    assert cli_actor() == "cli:unknown"
