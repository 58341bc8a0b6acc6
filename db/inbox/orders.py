"""Keeps an order document before anything is done about it: one content for each channel order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox.content import canonical_json, content_sha256

CANCELLED: Final = "cancelled at the channel"
# How long the sweep leaves a row to the API that is about to start it.
HEAD_START_S: Final = 10

_INSERT: Final = sa.text("""
    INSERT INTO inbox
      (source, kind, external_id, content_sha256, document, state, note, next_attempt_at,
       handled_at)
    VALUES
      (:channel, 'order', :external_id, :sha256, CAST(:document AS jsonb), :state, :note,
       coalesce(CAST(:now AS timestamptz), now()) + make_interval(secs => :head_start_s),
       CASE WHEN :state <> 'new' THEN coalesce(CAST(:now AS timestamptz), now()) END)
    ON CONFLICT (source, kind, external_id) DO NOTHING
    RETURNING inbox_id
""")
_EXISTING: Final = sa.text("""
    SELECT inbox_id, content_sha256, state FROM inbox
    WHERE source = :channel AND kind = 'order' AND external_id = :external_id
""")

# What was refused, and made no order, stands in nobody's way: another document takes its place. Of
# an order that its channel cancelled none does: a document may come later than the cancellation and
# be older.
_REPLACE: Final = sa.text("""
    UPDATE inbox SET content_sha256 = :sha256, document = CAST(:document AS jsonb),
      state = :state, note = :note, attempts = 0,
      next_attempt_at = coalesce(CAST(:now AS timestamptz), now())
        + make_interval(secs => :head_start_s),
      handled_at = CASE WHEN :state <> 'new' THEN coalesce(CAST(:now AS timestamptz), now()) END
    WHERE source = :channel AND kind = 'order' AND external_id = :external_id
      AND state = 'rejected' AND content_sha256 <> :cancelled
      AND NOT EXISTS (SELECT FROM orders WHERE order_id = :channel || '-' || :external_id)
    RETURNING inbox_id
""")


class ContentDiffers(Exception):
    """The channel's order is already here with another content, which stands."""

    def __init__(self, channel: str, external_id: str, inbox_id: int) -> None:
        super().__init__(f"{channel}-{external_id} is already here with another content")
        self.inbox_id = inbox_id


@dataclass(frozen=True)
class Committed:
    """`is_rejected`: no run will be made for it."""

    inbox_id: int
    is_new: bool
    is_rejected: bool = False


async def commit_order(
    connection: AsyncConnection,
    document: dict[str, Any],
    *,
    channel: str,
    external_id: str,
    deferred: bool,
    now: datetime | None = None,
) -> Committed:
    """Keep a canonical order document; `deferred` leaves its start to the worker's inbox loop.

    Raises: ContentDiffers.
    """
    given = _to_start(deferred=deferred, now=now)
    return await _commit(connection, document, channel, external_id, given)


async def commit_order_anew(
    connection: AsyncConnection,
    document: dict[str, Any],
    *,
    channel: str,
    external_id: str,
    deferred: bool,
) -> Committed:
    """As `commit_order`; the very document that was refused before is looked at once more.

    Raises: ContentDiffers.
    """
    given = _to_start(deferred=deferred)
    return await _commit(connection, document, channel, external_id, given, revives=True)


def _to_start(*, deferred: bool, now: datetime | None = None) -> dict[str, Any]:
    head_start_s = 0 if deferred else HEAD_START_S
    return {"state": "new", "note": None, "now": now, "head_start_s": head_start_s}


async def commit_rejected_order(
    connection: AsyncConnection,
    document: dict[str, Any],
    *,
    channel: str,
    external_id: str,
    reason: str,
) -> Committed:
    """Keep a channel's document that cannot become an order, so that it can be found and answered.

    Raises: ContentDiffers.
    """
    given = {"state": "rejected", "note": reason, "now": None, "head_start_s": 0}
    return await _commit(connection, document, channel, external_id, given)


async def refuse_cancelled_order(
    connection: AsyncConnection, *, channel: str, external_id: str
) -> Committed:
    """Keep that a channel cancelled an order which is none of ours; it never becomes one.

    Raises: ContentDiffers for an order that is one, or is about to be.
    """
    return await commit_rejected_order(
        connection,
        _cancelled(external_id),
        channel=channel,
        external_id=external_id,
        reason=CANCELLED,
    )


def _cancelled(external_id: str) -> dict[str, Any]:
    """By the hash of this the row is known: an erasure leaves it."""
    return {"external_id": external_id, "reason": CANCELLED}


async def _commit(
    connection: AsyncConnection,
    document: dict[str, Any],
    channel: str,
    external_id: str,
    given: dict[str, Any],
    *,
    revives: bool = False,
) -> Committed:
    named = {"channel": channel, "external_id": external_id}
    is_rejected = given["state"] == "rejected"
    sha256 = content_sha256(document)
    row = {**named, **given, "sha256": sha256, "document": canonical_json(document)}
    inbox_id = (await connection.execute(_INSERT, row)).scalar_one_or_none()
    if inbox_id is not None:
        return Committed(inbox_id, is_new=True, is_rejected=is_rejected)
    # A statement of its own: it sees the row that a concurrent transaction committed meanwhile.
    existing = (await connection.execute(_EXISTING, named)).one()
    differs, was_rejected = existing.content_sha256 != sha256, existing.state == "rejected"
    if differs or (revives and was_rejected):
        row["cancelled"] = content_sha256(_cancelled(external_id))
        if (await connection.execute(_REPLACE, row)).first() is not None:
            return Committed(existing.inbox_id, is_new=True, is_rejected=is_rejected)
        if differs:
            raise ContentDiffers(channel, external_id, existing.inbox_id)
    return Committed(existing.inbox_id, is_new=False, is_rejected=was_rejected)
