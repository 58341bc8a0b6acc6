"""Reads published CSV tables row by row and keeps the rows that cannot be used, with the reason."""

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

from workers.errors import UserError
from workers.local.demo.plan import Reject

T = TypeVar("T")
Row = dict[str, str]
# What an undecodable byte becomes.
_DAMAGED: Final = "\N{REPLACEMENT CHARACTER}"


class Rejects:
    """Collects what could not be used."""

    def __init__(self) -> None:
        self.rows: list[Reject] = []

    def add(self, file: str, row: int, reason: str) -> None:
        self.rows.append(Reject(file, row, reason))


def write_rejects(rejects: Iterable[Reject], path: Path) -> None:
    """One JSON object a line."""
    text = "".join(json.dumps(asdict(reject)) + "\n" for reject in rejects)
    path.write_text(text, encoding="utf-8")


def find_table(folder: Path, name: str) -> Path | None:
    """`name` or `name.gz`, whichever is there."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    """Raises: UserError where the file cannot be read."""
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {error}") from error


def read_table(
    path: Path, columns: Sequence[str], parse: Callable[[Row], T], rejects: Rejects
) -> Iterator[tuple[int, T]]:
    """Yield each row that `parse` accepts, with its number; a ValueError of it becomes a reject.

    Raises: UserError for an unreadable file or a missing column.
    """
    with _opened(path) as file:
        reader = csv.DictReader(file, restkey="", restval="")
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path.name} has no column {', '.join(missing)}")
        while True:
            try:
                row = next(reader)
                yield reader.line_num, parse(_checked(row))
            except StopIteration:
                return
            except (ValueError, csv.Error) as error:
                rejects.add(path.name, reader.line_num, str(error))


def _checked(row: dict[str, Any]) -> Row:
    """Raises: ValueError for too many fields, and for text that no database holds."""
    if "" in row:
        raise ValueError("more fields than the header names")
    if any(_DAMAGED in (value or "") for value in row.values()):
        raise ValueError("not UTF-8")
    if any("\0" in (value or "") for value in row.values()):
        raise ValueError("a NUL character")
    return row
