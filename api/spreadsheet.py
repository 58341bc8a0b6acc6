"""Writes rows as CSV that is safe to open: no cell of a customer's becomes a formula."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

# What makes spreadsheets read on as a formula, also behind blanks; the wide forms are taken alike.
# Source: https://owasp.org/www-community/attacks/CSV_Injection
_STARTS_A_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_SKIPPED: Final = tuple("\t\r\n")


def written(rows: Iterable[Iterable[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if not isinstance(value, str):
        return value
    is_formula = value.lstrip().startswith(_STARTS_A_FORMULA) or value.startswith(_SKIPPED)
    return f"'{value}" if is_formula else value
