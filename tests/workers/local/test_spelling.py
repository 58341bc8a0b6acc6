"""A command that is printed can be pasted into the shell it was printed in."""

from pathlib import Path

import pytest

from workers.local.spelling import spell


@pytest.mark.parametrize(
    ("called", "found", "spelled"),
    [
        (".venv/bin/oms", None, ".venv/bin/oms up --data-dir 'my orders'"),
        (".venv/bin/oms", "/usr/bin/oms", "oms up --data-dir 'my orders'"),
        ("/usr/bin/pytest", None, "oms up --data-dir 'my orders'"),
    ],
)
def test_the_way_it_was_called_is_kept_where_the_shell_needs_it(
    monkeypatch: pytest.MonkeyPatch, called: str, found: str | None, spelled: str
) -> None:
    monkeypatch.setattr("sys.argv", [called])
    monkeypatch.setattr("shutil.which", lambda _: found)
    assert spell("up", "--data-dir", Path("my orders")) == spelled
