"""Keeps what callers ask of an order, until its run has done it: whatever is lost meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run
from db.inbox.cancellations import SOURCE as CHANNEL
from db.inbox.content import canonical_json, content_sha256
from db.inbox.orders import HEAD_START_S

# The source of what callers of the API ask; no vendor is called so.
SOURCE: Final = "api"
CANCEL: Final = "cancel"

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
    """Who asks which update of an order's run. `told_as` is its id: told again, it is the same.

    `argument` is the update's, as JSON: ids and small facts, never personal data.
    """

    order_id: str
    actor: str
    told_as: str
    update: str = CANCEL
    argument: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.update}:{self.order_id}:{self.told_as}"


async def keep(tx: AsyncConnection, asked: Asked) -> None:
    """Keep what a caller asks of a known order, who is about to tell the run.

    The inbox loop tells it after that, until it is done.
    """
    channel, _, external_id = asked.order_id.partition("-")
    document = {
        "channel": channel,
        "external_id": external_id,
        "actor": asked.actor,
        "told_as": asked.told_as,
        "update": asked.update,
        "argument": dict(asked.argument),
    }
    row = {
        "source": SOURCE,
        "name": asked.name,
        "sha256": content_sha256(document),
        "document": canonical_json(document),
        "head_start_s": HEAD_START_S,
    }
    await tx.execute(_KEEP, row)


async def refuse(tx: AsyncConnection, asked: Asked, code: str) -> None:
    """The caller hears that it is refused: nothing is done later, by surprise."""
    await run(
        tx,
        """
        UPDATE inbox SET state = 'rejected', note = :code, handled_at = now()
        WHERE source = :source AND kind = 'webhook' AND external_id = :name AND state = 'new'
        """,
        code=code,
        source=SOURCE,
        name=asked.name,
    )


async def tell_again(tx: AsyncConnection) -> set[str]:
    """Have runs told at once of what still waits; return the ids of orders to be cancelled.

    Leave out what a caller is telling a run just now, and may hear to be refused.
    """
    found = await rows(
        tx,
        """
        UPDATE inbox SET attempts = 0, next_attempt_at = now()
        WHERE state = 'new' AND kind = 'webhook' AND source IN (:channel, :asked)
            AND (attempts > 0 OR next_attempt_at <= now())
        RETURNING (document ->> 'channel') || '-' || (document ->> 'external_id') AS order_id,
            coalesce(document ->> 'update', :cancel) AS update
        """,
        channel=CHANNEL,
        asked=SOURCE,
        cancel=CANCEL,
    )
    return {each.order_id for each in found if each.update == CANCEL}
