"""Keeps that an order is to be cancelled, until its run has done it: whatever is lost meanwhile."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run
from db.inbox import audit
from db.inbox.audit import Change
from db.inbox.content import canonical_json, content_sha256
from db.inbox.orders import CANCELLED, HEAD_START_S, ContentDiffers, refuse_cancelled_order
from db.inbox.webhooks import commit_webhook

# The sources of what any channel says of its orders, and of what callers of the API ask; no vendor
# is called so.
SOURCE: Final = "channel"
ASKED: Final = "api"
SOURCES: Final = (SOURCE, ASKED)

# Asked once more under the same key, it is told once more.
_KEEP: Final = sa.text("""
    INSERT INTO inbox
      (source, kind, external_id, content_sha256, document, state, next_attempt_at)
    VALUES
      (:source, 'webhook', :name, :sha256, CAST(:document AS jsonb), 'new',
       now() + make_interval(secs => :head_start_s))
    ON CONFLICT (source, kind, external_id) DO UPDATE
        SET state = 'new', note = NULL, attempts = 0, handled_at = NULL,
            next_attempt_at = excluded.next_attempt_at
""")


@dataclass(frozen=True)
class Asked:
    """Who asked for a cancellation. `told_as` is the update's id: told again, it is the same."""

    order_id: str
    actor: str
    told_as: str

    @property
    def name(self) -> str:
        return f"cancel:{self.order_id}:{self.told_as}"


async def keep_cancellation(
    tx: AsyncConnection, channel: str, external_id: str, actor: str
) -> bool:
    """Keep what a channel says; False when it was known.

    An order that has not come yet, or was refused, never becomes one. Of any other the inbox loop
    tells its run.
    """
    order_id = f"{channel}-{external_id}"
    try:
        refused = await refuse_cancelled_order(tx, channel=channel, external_id=external_id)
    except ContentDiffers:
        document = {"channel": channel, "external_id": external_id}
        is_new = await commit_webhook(tx, SOURCE, f"cancelled:{order_id}", document)
        action, change = "OrderCancellationAsked", Change(after={"outcome": "cancelled"})
    else:
        is_new = refused.is_new
        action, change = "OrderReceived", Change(after={"state": "rejected"}, reason=CANCELLED)
    if is_new:
        await audit.record(tx, actor, action, order_id, change)
    return is_new


async def keep_asked(tx: AsyncConnection, asked: Asked) -> None:
    """Keep what a caller asks of a known order, who is about to tell the run.

    The inbox loop tells it after that, until it is done.
    """
    channel, _, external_id = asked.order_id.partition("-")
    document = {
        "channel": channel,
        "external_id": external_id,
        "actor": asked.actor,
        "told_as": asked.told_as,
    }
    row = {
        "source": ASKED,
        "name": asked.name,
        "sha256": content_sha256(document),
        "document": canonical_json(document),
        "head_start_s": HEAD_START_S,
    }
    await tx.execute(_KEEP, row)


async def end_asked(tx: AsyncConnection, asked: Asked, code: str) -> None:
    """The caller hears that it is refused: nothing is cancelled later, by surprise."""
    await run(
        tx,
        """
        UPDATE inbox SET state = 'rejected', note = :code, handled_at = now()
        WHERE source = :source AND kind = 'webhook' AND external_id = :name AND state = 'new'
        """,
        code=code,
        source=ASKED,
        name=asked.name,
    )


async def tell_again(tx: AsyncConnection) -> set[str]:
    """Have runs told at once of what still waits; return the orders' ids.

    Leave out what a caller is telling a run just now, and may hear to be refused.
    """
    found = await rows(
        tx,
        """
        UPDATE inbox SET attempts = 0, next_attempt_at = now()
        WHERE state = 'new' AND kind = 'webhook' AND source = ANY(CAST(:sources AS text[]))
            AND (attempts > 0 OR next_attempt_at <= now())
        RETURNING (document ->> 'channel') || '-' || (document ->> 'external_id') AS order_id
        """,
        sources=list(SOURCES),
    )
    return {each.order_id for each in found}
