"""Writes rows as CSV that is safe to open: no cell of a customer's becomes a formula."""

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

# What makes spreadsheets read on as a formula, also behind blanks and behind what some of them take
# for the end of a cell; the wide forms are taken alike.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
_STARTS_A_FORMULA: Final = re.compile(
    r"^(?=\s*[=+@\uff1d\uff0b\uff0d\uff20-]|[\t\r\n])|(?<=[;\t])(?=\s*[=+@\uff1d\uff0b\uff0d\uff20-])"
)


def written(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if not isinstance(value, str):
        return value
    return _STARTS_A_FORMULA.sub("'", value)
