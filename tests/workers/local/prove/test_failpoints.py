"""A fail point strikes once over all processes, and only where the plan says so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from db.engine import make_engine, run
from workers.local.prove.boundaries import (
    AFTER_CALL,
    AFTER_RECORD,
    BEFORE_CALL,
    BEFORE_RECORD,
    OUTBOX,
    Boundary,
)
from workers.local.prove.failpoints import (
    FAIL,
    KILL,
    BoundaryTransport,
    BrokenOff,
    FailPoints,
    hook_commits,
    lay_out,
    struck,
)

HERE = Boundary("capture", AFTER_RECORD)
ASK_AND_STRIKE = """
import sys
from pathlib import Path
from workers.local.prove.failpoints import BrokenOff, FailPoints
FailPoints(Path(sys.argv[1])).strike("after_record", BrokenOff(), name="capture")
"""


def test_a_boundary_is_struck_by_the_first_who_reaches_it(tmp_path: Path) -> None:
    lay_out(tmp_path, {HERE: FAIL})
    first, second = FailPoints(tmp_path), FailPoints(tmp_path)
    with pytest.raises(BrokenOff):
        first.strike(AFTER_RECORD, BrokenOff(), name="capture")
    for each in (first, second):
        each.strike(AFTER_RECORD, BrokenOff(), name="capture")
    assert struck(tmp_path) == {"capture.after_record"}


def test_what_the_plan_does_not_name_goes_on(tmp_path: Path) -> None:
    lay_out(tmp_path, {HERE: FAIL})
    FailPoints(tmp_path).strike(BEFORE_CALL, BrokenOff(), name="capture")
    assert struck(tmp_path) == frozenset()


def test_a_kill_leaves_the_process_no_word(tmp_path: Path, repository: Path) -> None:
    lay_out(tmp_path, {HERE: KILL})
    words = [sys.executable, "-c", ASK_AND_STRIKE, str(tmp_path)]
    killed = subprocess.run(words, cwd=repository, env=dict(os.environ), check=False)
    assert killed.returncode == -signal.SIGKILL
    assert struck(tmp_path) == {"capture.after_record"}
    assert subprocess.run(words, cwd=repository, check=False).returncode == 0


async def test_a_transaction_that_breaks_off_leaves_nothing(
    tmp_path: Path, fresh_database_url: str
) -> None:
    lay_out(tmp_path, {Boundary(OUTBOX, BEFORE_RECORD): FAIL})
    engine = make_engine(fresh_database_url)
    hook_commits(engine, FailPoints(tmp_path))
    try:
        with pytest.raises(OperationalError):
            async with engine.begin() as tx:
                await run(tx, "INSERT INTO pools VALUES ('lost')")
        async with engine.begin() as tx:
            await run(tx, "INSERT INTO pools VALUES ('kept')")
            assert await run(tx, "DELETE FROM pools WHERE pool = 'lost'") == 0
    finally:
        await engine.dispose()


async def test_a_call_that_breaks_off_afterwards_was_made(tmp_path: Path) -> None:
    lay_out(tmp_path, {Boundary(OUTBOX, BEFORE_CALL): FAIL, Boundary(OUTBOX, AFTER_CALL): FAIL})
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={})

    transport = BoundaryTransport(FailPoints(tmp_path))
    transport._network = httpx.MockTransport(answer)  # type: ignore[assignment]
    async with httpx.AsyncClient(transport=transport, base_url="http://vendor") as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/first")
        with pytest.raises(httpx.ReadError):
            await client.get("/second")
        assert (await client.get("/third")).status_code == 200
    assert asked == ["/second", "/third"]
