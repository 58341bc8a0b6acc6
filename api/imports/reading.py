"""Reads the rows of an import: CSV or JSON Lines, a row at a time; first the file as a whole."""

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isinf
from typing import IO, Any, Final, Literal

from api.imports.columns import Columns
from db.inbox.catalog import Fault

Format = Literal["csv", "jsonl"]
DELIMITERS: Final = ",;\t"
# Longer is no entry of ours, but most likely a quote that is not closed.
LONGEST_ROW: Final = 100_000
# Deeper is no entry of ours either, and more than can be walked through.
DEEPEST: Final = 20
_CHUNK: Final = 1 << 20
# Columns and fields that begin so are remarks, as in a file of rejects: they are not read.
REMARK: Final = "_"


class Unreadable(Exception):
    """The file as a whole cannot be taken; nothing of it was."""


@dataclass(frozen=True)
class Row:
    """`number` is the spreadsheet's: the header is row 1. `entry` is None when it has faults."""

    number: int
    sent: dict[str, Any]
    entry: dict[str, Any] | None
    faults: tuple[Fault, ...] = ()


class Source:
    """A seekable file of bytes whose encoding, header and quotes were looked at as a whole."""

    def __init__(self, file: IO[bytes], file_format: Format, columns: Columns) -> None:
        """Raises: Unreadable."""
        self._file = file
        self.format = file_format
        self._columns = columns
        _check_encoding(file)
        self.header: list[str] = []
        self.delimiter: str | None = None
        if file_format == "csv":
            self.delimiter = self._guess_delimiter()
            self.header = self._read_header(self.delimiter)
            _check_quotes(self._csv_rows(self.delimiter))

    def rows(self) -> Iterator[Row]:
        """From the start, each time it is called; empty rows are left out."""
        return self._read_lines() if self.delimiter is None else self._read_csv(self.delimiter)

    def _text(self) -> io.TextIOWrapper:
        """A text over the same file, which stays open when the text is gone."""
        self._file.seek(0)
        return io.TextIOWrapper(
            io.BufferedReader(_Lent(self._file)), encoding="utf-8-sig", newline=""
        )

    def _csv_rows(self, delimiter: str) -> Iterator[list[str]]:
        return csv.reader(self._text(), delimiter=delimiter, strict=True)

    def _guess_delimiter(self) -> str:
        """The one by which the first row has most columns that we know."""
        return max(DELIMITERS, key=lambda each: self._columns.known_among(self._first(each)))

    def _first(self, delimiter: str) -> list[str]:
        try:
            return next(self._csv_rows(delimiter), [])
        except csv.Error:
            return []

    def _read_header(self, delimiter: str) -> list[str]:
        header = [name.strip() for name in self._first(delimiter)]
        while header and not header[-1]:  # a spreadsheet may leave empty columns at its end
            header.pop()
        if fault := self._columns.fault_of_header([n for n in header if not is_remark(n)]):
            raise Unreadable(fault)
        return header

    def _read_csv(self, delimiter: str) -> Iterator[Row]:
        rows = self._csv_rows(delimiter)
        next(rows)
        width = len(self.header)
        for number, cells in enumerate(rows, start=2):
            while len(cells) > width and not cells[-1].strip():
                cells.pop()
            if not any(cell.strip() for cell in cells):
                continue
            sent = dict(zip(self.header, cells, strict=False))
            sent = {name: cell for name, cell in sent.items() if not is_remark(name)}
            if len(cells) != width:
                sent |= {f"{REMARK}{n}": cell for n, cell in enumerate(cells[width:], width + 1)}
                why = f"the row has {len(cells)} cells, the header {width}"
                yield Row(number, sent, None, (Fault("", why),))
            else:
                yield Row(number, sent, self._columns.entry_of(sent))

    def _read_lines(self) -> Iterator[Row]:
        text, number = self._text(), 0
        while line := text.readline(LONGEST_ROW):
            number += 1
            is_whole = line.endswith("\n") or len(line) < LONGEST_ROW
            while not is_whole:
                rest = text.readline(LONGEST_ROW)
                is_whole = rest.endswith("\n") or len(rest) < LONGEST_ROW
            if line.strip():
                yield _read_line(number, line.strip())


def is_remark(name: str) -> bool:
    return name.startswith(REMARK)


class _Lent(io.RawIOBase):
    """A binary file that is not closed with what reads it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._file.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _check_encoding(file: IO[bytes]) -> None:
    """Raises: Unreadable with the line in which the first wrong byte is."""
    file.seek(0)
    decode, lines = codecs.getincrementaldecoder("utf-8")().decode, 1
    while True:
        part = file.read(_CHUNK)
        try:
            decode(part, final=not part)
        except UnicodeDecodeError as wrong:
            line = lines + wrong.object[: wrong.start].count(b"\n")
            raise Unreadable(f"line {line} is not UTF-8: save the file as UTF-8") from None
        if not part:
            return
        lines += part.count(b"\n")


def _check_quotes(rows: Iterator[Sequence[str]]) -> None:
    """Raises: Unreadable with the row that cannot be told from the next."""
    number = 0
    try:
        for number, _ in enumerate(rows, start=1):  # noqa: B007 - the last one is named
            pass
    except csv.Error as wrong:
        raise Unreadable(f"row {number + 1} is no CSV: {wrong}") from None


def _read_line(number: int, line: str) -> Row:
    try:
        said = json.loads(line, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as wrong:
        why = "longer than an entry may be" if len(line) >= LONGEST_ROW - 1 else f"no JSON: {wrong}"
        return Row(number, {f"{REMARK}line": line}, None, (Fault("", why),))
    if not isinstance(said, dict):
        return Row(number, {f"{REMARK}line": line}, None, (Fault("", "an object is needed"),))
    if _is_deep(said):
        return Row(number, {f"{REMARK}line": line}, None, (Fault("", "nested too deep"),))
    entry = {name: value for name, value in said.items() if not is_remark(name)}
    return Row(number, entry, entry)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _is_deep(value: Any) -> bool:
    """Level by level: what is deep is not for recursion."""
    level = [value]
    for _ in range(DEEPEST):
        level = [part for each in level for part in _parts(each)]
        if not level:
            return False
    return True


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
