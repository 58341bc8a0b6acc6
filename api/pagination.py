"""Opaque keyset cursors: where the last page ended, bound to the filter it was made for."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from api.problems import Kind, Problem
from db.inbox.content import content_sha256

DEFAULT_LIMIT: Final = 50
MOST: Final = 200
LONGEST_CURSOR: Final = 1_000
LARGEST_ROW_NUMBER: Final = 2**63 - 1
_FINGERPRINT: Final = 12


Item = TypeVar("Item")
Key = TypeVar("Key")


@dataclass(frozen=True)
class Page(Generic[Item]):
    items: list[Item]
    next_cursor: str | None


def fingerprint(list_name: str, wanted: Any) -> str:
    """Name a list and its filter, so that a cursor cannot be used with another."""
    return content_sha256([list_name, json.loads(json.dumps(wanted, default=str))])[:_FINGERPRINT]


def encode(mark: str, key: Sequence[str | datetime]) -> str:
    texts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps([mark, *texts]).encode()).decode().rstrip("=")


def decode(cursor: str | None, mark: str, read: Callable[..., Key]) -> Key | None:
    """Read a cursor's key by `read`, which takes its parts as texts.

    Raises: Problem for a cursor that is none, or was made for another filter.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise TypeError  # noqa: TRY301 - one answer for whatever is wrong
        if parts[0] != mark:
            raise Problem(Kind.INVALID_CURSOR, "this cursor was made for another filter")
        return read(*(_storable(part) for part in parts[1:]))
    except (ValueError, TypeError, IndexError, RecursionError, binascii.Error):
        raise Problem(Kind.INVALID_CURSOR, "this is no cursor of ours") from None


def _storable(part: str) -> str:
    """Raises: ValueError for characters the database refuses."""
    part.encode()
    if "\0" in part:
        raise ValueError("NUL")
    return part


def moment(text: str) -> datetime:
    """Raises: ValueError for no moment, or one without its offset."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no offset")
    return found


def row_number(text: str) -> int:
    """Raises: ValueError for what no row can be numbered."""
    number = int(text)
    if not 0 < number <= LARGEST_ROW_NUMBER:
        raise ValueError("no row has this number")
    return number


def page_of(
    found: list[Item], limit: int, mark: str, key: Callable[[Item], Sequence[str | datetime]]
) -> Page[Item]:
    """Cut a list that was asked for `limit + 1` items; one more means that another page exists."""
    items = found[:limit]
    return Page(items, encode(mark, key(items[-1])) if len(found) > limit else None)
