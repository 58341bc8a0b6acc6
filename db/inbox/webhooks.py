"""Keeps a vendor's webhook before it is acknowledged, once for each event id."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox.content import canonical_json, content_sha256, storable

_INSERT: Final = sa.text("""
    INSERT INTO inbox
        (source, kind, external_id, content_sha256, document, state, handled_at)
    VALUES (:source, 'webhook', :event_id, :sha256, CAST(:document AS jsonb),
        CASE WHEN :is_news THEN 'new' ELSE 'handled' END, CASE WHEN NOT :is_news THEN now() END)
    ON CONFLICT (source, kind, external_id) DO NOTHING
    RETURNING inbox_id
""")


async def commit_webhook(
    connection: AsyncConnection,
    source: str,
    event_id: str,
    document: dict[str, Any],
    *,
    is_news: bool = True,
) -> bool:
    """Keep the event; False when it was already here. A repeat with other content is the first.

    Nobody reads what is not news: it is kept as handled.
    """
    kept = storable(document)
    row = {
        "source": source,
        "event_id": storable(event_id),
        "sha256": content_sha256(kept),
        "document": canonical_json(kept),
        "is_news": is_news,
    }
    return (await connection.execute(_INSERT, row)).scalar_one_or_none() is not None
