"""Channels: their orders are pulled page by page into the inbox; a page twice changes nothing."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.connectors.channel.port import ChannelGateway, ChannelPage
from db.engine import row, run
from db.inbox.cancellations import keep_cancellation
from db.inbox.orders import ContentDiffers, commit_order, commit_rejected_order

PAGE_SIZE = 50
# A channel's search lags behind its orders; what is read twice is known by its id.
OVERLAP = timedelta(minutes=2)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pull:
    channel: str
    cursor: str | None = None


@dataclass(frozen=True)
class Pulled:
    new: int
    next_cursor: str | None = None


class ChannelActivities:
    """`gateways` by channel code."""

    def __init__(self, engine: AsyncEngine, gateways: Mapping[str, ChannelGateway]) -> None:
        self._engine = engine
        self._gateways = gateways

    @activity.defn
    async def pull_orders(self, pull: Pull) -> Pulled:
        """Fetch one page of changed orders and keep what is new."""
        async with self._engine.begin() as tx:
            since = await row(
                tx,
                "SELECT updated_since FROM channel_cursors WHERE channel = :channel",
                channel=pull.channel,
            )
        page = await self._gateways[pull.channel].fetch_orders(
            _with_overlap(since.updated_since) if since else None, pull.cursor, PAGE_SIZE
        )
        async with self._engine.begin() as tx:
            new = await _keep(tx, pull.channel, page)
            if page.next_cursor is None and page.updated_through:
                await _remember(tx, pull.channel, page.updated_through)
        return Pulled(new, page.next_cursor)


def _with_overlap(updated_through: str) -> str:
    return (datetime.fromisoformat(updated_through) - OVERLAP).isoformat()


async def _keep(tx: AsyncConnection, channel: str, page: ChannelPage) -> int:
    new = 0
    for document in page.documents:
        try:
            kept = await commit_order(
                tx,
                document,
                channel=channel,
                external_id=document["external_id"],
                deferred=True,
            )
            new += kept.is_new
        except ContentDiffers:
            # Edits at the channel are not followed: the first content stands.
            log.info("order %s-%s changed at its channel", channel, document["external_id"])
    for reject in page.rejects:
        named = {"external_id": reject.external_id, "reason": reject.reason}
        try:
            kept = await commit_rejected_order(
                tx,
                named,
                channel=channel,
                external_id=reject.external_id,
                reason=reject.reason,
            )
            new += kept.is_new
        except ContentDiffers:
            log.info("order %s-%s is refused otherwise now", channel, reject.external_id)
    for external_id in page.cancelled:
        new += await keep_cancellation(tx, channel, external_id, f"pull:{channel}")
    return new


async def _remember(tx: AsyncConnection, channel: str, updated_through: str) -> None:
    """The next pull starts here; both ends are inclusive, and the inbox knows repeats."""
    await run(
        tx,
        """
        INSERT INTO channel_cursors (channel, updated_since) VALUES (:channel, :since)
        ON CONFLICT (channel) DO UPDATE SET updated_since = :since, synced_at = now()
        """,
        channel=channel,
        since=updated_through,
    )
