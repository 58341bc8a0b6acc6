"""Merchants' subscriptions as their owners see them: never with a secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows

_COLUMNS: Final = "subscription_id, url, events, enabled, created_at"


@dataclass(frozen=True)
class After:
    created_at: datetime
    subscription_id: str


async def list_subscriptions(
    connection: AsyncConnection, *, after: After | None = None, limit: int
) -> list[dict[str, Any]]:
    """List those that are not deleted, oldest first."""
    beyond = "(created_at, subscription_id) > (:created_at, :subscription_id)"
    found = await rows(
        connection,
        f"""
        SELECT {_COLUMNS} FROM webhook_subscriptions
        WHERE deleted_at IS NULL AND {"true" if after is None else beyond}
        ORDER BY created_at, subscription_id LIMIT :limit
        """,  # noqa: S608 - fragments of this file
        created_at=after and after.created_at,
        subscription_id=after and after.subscription_id,
        limit=limit,
    )
    return [each._asdict() for each in found]


async def get_subscription(
    connection: AsyncConnection, subscription_id: str
) -> dict[str, Any] | None:
    found = await row(
        connection,
        f"""
        SELECT {_COLUMNS} FROM webhook_subscriptions
        WHERE subscription_id = :subscription_id AND deleted_at IS NULL
        """,  # noqa: S608 - fragments of this file
        subscription_id=subscription_id,
    )
    return None if found is None else found._asdict()
