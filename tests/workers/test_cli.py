"""A command that cannot work says why in one line, and never with a password."""

import json
from pathlib import Path

import pytest
from temporalio.service import RPCError, RPCStatusCode

from tests.workers.test_setup_file import STOCK
from workers import cli
from workers.explaining import explain

AWAY = "postgresql+psycopg://oms:s3cret@127.0.0.1:1/oms"


def line_of(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says instead of a traceback."""
    monkeypatch.setattr("sys.argv", ["oms", *words])
    with pytest.raises(SystemExit) as ended:
        cli.run_command(cli.build())
    assert ended.value.code == cli.EXIT_USER_ERROR
    said = capfd.readouterr().err
    assert said.count("\n") == 1, said
    assert "s3cret" not in said
    return said


@pytest.mark.parametrize(
    "words",
    [("migrate",), ("keys", "list"), ("keys", "create", "--name", "a", "--scopes", "admin")],
)
def test_a_database_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", AWAY)
    said = line_of(monkeypatch, capfd, *words)
    assert said.startswith("oms: the database does not answer: ")
    assert "Connection refused" in said


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://a:s3cret@b/c", "postgresql://a:s3cret@b/c",
     "postgresql+psycopg://a:s3cret@b:port/c"],
)  # fmt: skip
def test_an_address_that_is_none_of_ours_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", url)
    said = line_of(monkeypatch, capfd, "migrate")
    assert "OMS_DATABASE_URL: must look like postgresql+psycopg://user:password" in said


def test_a_database_without_tables_names_the_command_that_makes_them(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    database_url: str,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", database_url.rpartition("/")[0] + "/template1")
    file = tmp_path / "setup.json"
    file.write_text(json.dumps({"stock": [STOCK]}))
    for words in (("keys", "list"), ("import", str(file))):
        assert "run `oms migrate`" in line_of(monkeypatch, capfd, *words)


@pytest.mark.parametrize(
    ("address", "why"), [("127.0.0.1:1", "does not answer"), ("::", "cannot be at '::'")]
)
def test_a_temporal_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], address: str, why: str
) -> None:
    monkeypatch.setenv("OMS_DATABASE_URL", AWAY)
    monkeypatch.setenv("OMS_TEMPORAL_ADDRESS", address)
    assert why in line_of(monkeypatch, capfd, "schedules", "apply")


def test_what_the_cluster_lacks_is_told_and_our_own_mistakes_keep_their_traceback() -> None:
    missing = RPCError("Namespace mine is not found.", RPCStatusCode.NOT_FOUND, b"")
    assert explain(missing) == "Temporal: Namespace mine is not found."
    assert explain(RPCError("no id", RPCStatusCode.INVALID_ARGUMENT, b"")) is None
    assert explain(ValueError("a bug")) is None


def test_every_command_explains_itself(capfd: pytest.CaptureFixture[str]) -> None:
    app = cli.build()
    for words in ([], ["keys"], ["mail"], ["schedules"], ["up"], ["import"], ["restore"]):
        with pytest.raises(SystemExit) as ended:
            app([*words, "--help"])
        assert ended.value.code == 0
        assert "Usage: " in capfd.readouterr().out
