"""Keeps an order document before anything is done about it: one content for each channel order."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox import audit
from db.inbox.content import canonical_json, content_sha256

CANCELLED: Final = "cancelled at the channel"
# How long the sweep leaves a row to the API that is about to start it.
HEAD_START_S: Final = 10

_RECEIVED: Final = audit.Change(after={"state": "received"})
# Who sent it is audited with it; what came through a channel says so itself.
_INSERT: Final = sa.text("""
    WITH kept AS (
      INSERT INTO inbox
        (source, kind, external_id, content_sha256, document, state, note, next_attempt_at,
         handled_at)
      VALUES
        (:channel, 'order', :external_id, :sha256, CAST(:document AS jsonb), :state, :note,
         coalesce(CAST(:now AS timestamptz), now()) + make_interval(secs => :head_start_s),
         CASE WHEN :state <> 'new' THEN coalesce(CAST(:now AS timestamptz), now()) END)
      ON CONFLICT (source, kind, external_id) DO NOTHING
      RETURNING inbox_id
    ), noted AS (
      INSERT INTO audit_log (actor, action, subject, reason, before, after)
      SELECT CAST(:actor AS text), :action, :subject, CAST(:reason AS text),
        CAST(:before AS jsonb), CAST(:after AS jsonb)
      FROM kept WHERE CAST(:actor AS text) IS NOT NULL
    )
    SELECT inbox_id FROM kept
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
class _Given:
    """How a document is to be kept; `revives`: the same one is looked at anew if it was refused."""

    state: str = "new"
    head_start_s: int = 0
    note: str | None = None
    now: datetime | None = None
    sender: str | None = None
    revives: bool = False


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
    given = _Given(head_start_s=0 if deferred else HEAD_START_S, now=now)
    return await _commit(connection, document, channel, external_id, given)


async def commit_order_anew(
    connection: AsyncConnection,
    document: dict[str, Any],
    *,
    channel: str,
    external_id: str,
    deferred: bool,
    sender: str,
) -> Committed:
    """As `commit_order`; the very document that was refused before is looked at once more.

    `sender` is audited with a new one. Raises: ContentDiffers.
    """
    head_start_s = 0 if deferred else HEAD_START_S
    given = _Given(head_start_s=head_start_s, sender=sender, revives=True)
    return await _commit(connection, document, channel, external_id, given)


async def commit_rejected_order(
    connection: AsyncConnection,
    document: dict[str, Any],
    *,
    channel: str,
    external_id: str,
    reason: str,
    sender: str | None = None,
) -> Committed:
    """Keep a channel's document that cannot become an order, so that it can be found and answered.

    `sender`, where there is one, is audited with a new one. Raises: ContentDiffers.
    """
    given = _Given("rejected", note=reason, sender=sender)
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
    given: _Given,
) -> Committed:
    named = {"channel": channel, "external_id": external_id}
    is_rejected = given.state == "rejected"
    sha256 = content_sha256(document)
    row = {
        **named,
        "sha256": sha256,
        "document": canonical_json(document),
        "state": given.state,
        "note": given.note,
        "now": given.now,
        "head_start_s": given.head_start_s,
    }
    order_id = f"{channel}-{external_id}"
    told = audit.row(given.sender, "OrderReceived", order_id, _RECEIVED)
    inbox_id = (await connection.execute(_INSERT, row | told)).scalar_one_or_none()
    if inbox_id is not None:
        return Committed(inbox_id, is_new=True, is_rejected=is_rejected)
    # A statement of its own: it sees the row that a concurrent transaction committed meanwhile.
    existing = (await connection.execute(_EXISTING, named)).one()
    differs, was_rejected = existing.content_sha256 != sha256, existing.state == "rejected"
    if differs or (given.revives and was_rejected):
        row["cancelled"] = content_sha256(_cancelled(external_id))
        if (await connection.execute(_REPLACE, row)).first() is not None:
            if given.sender is not None:
                await audit.record(connection, given.sender, "OrderReceived", order_id, _RECEIVED)
            return Committed(existing.inbox_id, is_new=True, is_rejected=is_rejected)
        if differs:
            raise ContentDiffers(channel, external_id, existing.inbox_id)
    return Committed(existing.inbox_id, is_new=False, is_rejected=was_rejected)
