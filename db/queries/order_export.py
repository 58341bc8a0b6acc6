"""All orders of a filter, row by row, without ever holding them all."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.order_filter import OrderFilter, choose
from db.queries.orders import prepare

ROWS_AT_ONCE: Final = 1_000
# Whoever does not read on for so long is gone; their transaction would keep old rows alive, so the
# database ends it, too, should the API not.
UNREAD_S: Final = 60
COLUMNS: Final = (
    "order_id", "channel", "external_id", "placed_at", "outcome", "payment", "fulfillment",
    "return", "currency", "total_minor", "next_deadline", "closed_at", "customer_name",
    "customer_email", "ship_to_name", "city", "region", "postal_code", "country",
)  # fmt: skip
_ALL: Final = """
    SELECT o.order_id, o.channel, o.external_id, o.placed_at, o.outcome, a.payment, a.fulfillment,
      a.returned, o.currency, o.total_minor, a.next_deadline, o.closed_at, o.customer_name,
      o.customer_email, o.ship_to ->> 'name', o.ship_to ->> 'city', o.ship_to ->> 'region',
      o.ship_to ->> 'postal_code', o.ship_to ->> 'country'
    FROM (SELECT {id} AS order_id, {key} AS sort_key FROM {tables} WHERE {conditions}) AS x
      JOIN orders o ON o.order_id = x.order_id JOIN order_states a ON a.order_id = o.order_id
    ORDER BY x.sort_key{direction}, x.order_id{direction}
"""
_LIMITED: Final = sa.text(
    "SELECT set_config('idle_in_transaction_session_timeout', :milliseconds, true)"
)


async def all_orders(
    connection: AsyncConnection, wanted: OrderFilter, text: str | None
) -> AsyncIterator[Sequence[Any]]:
    """Give them some at a time, as of one moment."""
    await connection.execute(_LIMITED, {"milliseconds": str(UNREAD_S * 2_000)})
    search = await prepare(connection, wanted, text)
    if search and search.finds_nothing:
        return
    chosen = choose(wanted, search, None, is_page=False)
    options = {"yield_per": ROWS_AT_ONCE}
    statement = sa.text(_ALL.format(**vars(chosen))).execution_options(**options)
    async with connection.stream(statement, chosen.values) as result:
        async for some in result.partitions():
            yield some
