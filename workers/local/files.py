"""Writes small files whole or not at all, and turns the disk's refusals into one line."""

import contextlib
import json
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TextIO

from workers.errors import UserError

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
# A log that has grown beyond this is put aside when its process next starts.
LOG_LIMIT_BYTES = 50_000_000


@contextlib.contextmanager
def disk_refusals(path: Path) -> Iterator[None]:
    """Raises: UserError instead of OSError, naming the folder and the reason."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise UserError(f"cannot use {where}: {error.strerror or error}") from error


def make_private_folder(folder: Path) -> None:
    """Create what is missing, readable by its owner alone; parents that exist stay as they are."""
    with disk_refusals(folder):
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is not a folder")
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step; no other user ever sees its content."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with disk_refusals(path):
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """An absent file reads as empty. Raises: UserError when it is not a JSON object."""
    try:
        with disk_refusals(path):
            content = json.loads(path.read_text(encoding="utf-8"))
    except UserError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return {}
        raise
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is damaged: not a JSON object")
    return content


def read_texts(path: Path, names: Collection[str]) -> dict[str, str]:
    """Like `read_json`, and a file that is there must give each name a text."""
    content = read_json(path)
    if content and not all(isinstance(content.get(name), str) for name in names):
        raise UserError(f"{path} is damaged: it lacks one of {', '.join(sorted(names))}")
    return content


def open_private(path: Path) -> TextIO:
    """Open for appending, readable by its owner alone from the first moment."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_FILE)
    return os.fdopen(handle, "a+", encoding="utf-8")


def open_log(path: Path) -> TextIO:
    """Append to the log, which outlives both its writer and the supervisor."""
    make_private_folder(path.parent)
    with disk_refusals(path):
        if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".previous.log"))
        return open_private(path)


def log_size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def log_tail(path: Path, *, since: int = 0, lines: int = 3) -> str:
    """The log's last lines as one, for an error message; nothing from before `since` bytes."""
    with contextlib.suppress(OSError):
        text = path.read_bytes()[since:][-4000:].decode("utf-8", "replace")
        return " | ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())
    return ""
