"""How many kept orders wait for their admission, counted no further than it matters."""

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row


async def waiting_orders_exceed(connection: AsyncConnection, most: int) -> bool:
    found = await row(
        connection,
        """
        SELECT count(*) > :most FROM (
          SELECT 1 FROM inbox WHERE state = 'new' AND kind = 'order' LIMIT :most + 1
        ) AS waiting
        """,
        most=most,
    )
    return bool(found and found[0])
