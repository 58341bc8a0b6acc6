"""The rejects of an import as a file like the one that came: corrected, it can be sent again."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries import imports

_PAGE: Final = 1_000
# Remarks, which are not read when the file is sent again.
ROW: Final = "_row"
FAULTS: Final = "_faults"
# Without it a spreadsheet takes the file for one of its own country's encoding.
BYTE_ORDER_MARK: Final = "\ufeff"


async def rejects_file(engine: AsyncEngine, about: Mapping[str, Any]) -> AsyncIterator[str]:
    """Piece by piece: the file may be as long as the one that was sent."""
    columns, delimiter = list(about["columns"]), about["delimiter"] or ","
    if about["format"] == "csv":
        yield BYTE_ORDER_MARK + _csv([[ROW, FAULTS, *columns]], delimiter)
    after = 0
    while True:
        async with engine.connect() as connection:
            found = await imports.list_rejects(
                connection, about["import_id"], after=after, limit=_PAGE
            )
        if not found:
            return
        after = found[-1]["row"]
        if about["format"] == "csv":
            rows = [[each["row"], _said(each), *_cells(each, columns)] for each in found]
            yield _csv(rows, delimiter)
        else:
            yield "".join(_line(each) for each in found)


def _csv(rows: Sequence[Sequence[Any]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def _cells(reject: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """As many as were sent: a row that was too short or too long stays so until it is mended."""
    entry = reject["entry"]
    return [entry[name] for name in columns if name in entry] + [
        cell for name, cell in entry.items() if name not in columns
    ]


def _line(reject: Mapping[str, Any]) -> str:
    remarks = {ROW: reject["row"], FAULTS: _said(reject)}
    return json.dumps(remarks | reject["entry"], ensure_ascii=False) + "\n"


def _said(reject: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{fault['field']}: {fault['reason']}" if fault["field"] else fault["reason"]
        for fault in reject["faults"]
    )
