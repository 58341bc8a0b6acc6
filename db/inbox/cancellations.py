"""Keeps that a channel cancelled an order, until the run has done it: whatever is lost then."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox import audit
from db.inbox.audit import Change
from db.inbox.orders import CANCELLED, ContentDiffers, refuse_cancelled_order
from db.inbox.webhooks import commit_webhook

# The source of what any channel says of its orders; no vendor is called so.
SOURCE: Final = "channel"


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
