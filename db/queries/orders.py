"""A page of orders: one statement, and one or two before it for a text that is searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows
from db.queries.finding import IN_STEP, SETTLE, Match, Search, are_many, look_up
from db.queries.order_filter import (
    MOST_GATHERED,
    After,
    Chosen,
    OrderFilter,
    choose,
    to_gather,
)
from domain.axes import Axes, Money, Parcel, Units, derive_axes

# What an order waits for: itself, its open fulfillments, holds and exceptions; the first deadline.
# What has raised an exception waits for the person, no longer for its own, overdue step.
NEXT_STEP: Final = """
    SELECT of, step, deadline FROM (
      SELECT o.order_id AS of, o.next_step AS step, o.next_deadline AS deadline
      WHERE o.outcome IS NULL AND NOT EXISTS (
        SELECT 1 FROM exceptions e
        WHERE e.order_id = o.order_id AND e.fulfillment_id IS NULL AND e.state = 'open')
      UNION ALL
      SELECT f.fulfillment_id, f.next_step, f.next_deadline FROM fulfillments f
      WHERE f.order_id = o.order_id AND f.next_step IS NOT NULL AND f.ended_at IS NULL
        AND NOT EXISTS (
          SELECT 1 FROM exceptions e
          WHERE e.order_id = o.order_id AND e.fulfillment_id = f.fulfillment_id
            AND e.state = 'open')
      UNION ALL
      SELECT h.order_id, 'release hold ' || h.number || ': ' || h.kind, h.deadline FROM holds h
      WHERE h.order_id = o.order_id AND h.state = 'open' AND NOT EXISTS (
        SELECT 1 FROM exceptions e
        WHERE e.order_id = o.order_id AND e.fulfillment_id IS NULL AND e.state = 'open')
      UNION ALL
      SELECT e.exception_id, 'resolve exception: ' || e.step, e.deadline FROM exceptions e
      WHERE e.order_id = o.order_id AND e.state = 'open'
    ) AS waiting
    WHERE deadline IS NOT NULL
    ORDER BY deadline, of LIMIT 1
"""
MONEY: Final = """
    SELECT
      coalesce(sum(amount_minor) FILTER (WHERE state IN ('held', 'taken')), 0) AS authorized_minor,
      coalesce(sum(amount_minor) FILTER (WHERE state = 'pending'), 0) AS pending_minor,
      coalesce(sum(amount_minor) FILTER (WHERE state IN ('voided', 'expired')), 0)
        AS given_up_minor,
      coalesce(sum(captured_minor), 0) AS captured_minor,
      coalesce(sum(refunded_minor), 0) AS refunded_minor
    FROM authorizations a WHERE a.order_id = o.order_id
"""
# Units of the parcels that left, and of those that came back or are promised to.
RETURNED: Final = """
    SELECT coalesce(sum(l.quantity), 0) AS shipped, coalesce(sum(l.in_return), 0) AS in_return,
      coalesce(sum(l.returned), 0) AS returned
    FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
    WHERE f.order_id = o.order_id AND f.handed_over_at IS NOT NULL
"""
_PAGE: Final = f"""
    WITH page AS MATERIALIZED (
      SELECT {{id}} AS order_id, {{key}} AS sort_key
      FROM {{tables}} WHERE {{conditions}} ORDER BY {{order}} LIMIT :limit
    )
    SELECT o.order_id, page.sort_key, o.channel, o.external_id, o.total_minor, o.currency,
      o.placed_at, o.outcome, n.of AS next_of, n.step AS next_step, n.deadline AS next_deadline,
      m.*, u.*, r.*, p.states, p.tracking_statuses
    FROM page JOIN orders o ON o.order_id = page.order_id
    CROSS JOIN LATERAL ({MONEY}) AS m
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(quantity), 0) AS ordered, coalesce(sum(cancelled), 0) AS cancelled
      FROM order_lines l WHERE l.order_id = o.order_id
    ) AS u
    CROSS JOIN LATERAL ({RETURNED}) AS r
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(state ORDER BY number), CAST(ARRAY[] AS text[])) AS states,
        coalesce(array_agg(tracking_status ORDER BY number), CAST(ARRAY[] AS text[]))
          AS tracking_statuses
      FROM fulfillments f WHERE f.order_id = o.order_id AND f.rma IS NULL
    ) AS p
    LEFT JOIN LATERAL ({NEXT_STEP}) AS n ON true
    ORDER BY page.sort_key{{direction}}, page.order_id{{direction}}
"""  # noqa: S608 - fragments of this file


@dataclass(frozen=True)
class NextStep:
    """`of` is the order, or the fulfillment or exception that it waits for."""

    of: str
    step: str
    deadline: datetime


@dataclass(frozen=True)
class OrderItem:
    order_id: str
    channel: str
    external_id: str
    total_minor: int
    currency: str
    placed_at: datetime
    outcome: str | None
    axes: Axes
    next: NextStep | None
    sort_key: Any  # what the list was sorted by: with the id it says where a page ended


@dataclass(frozen=True)
class Found:
    orders: list[OrderItem]
    match: Match | None = None  # how a text was taken, when there was one


async def list_orders(
    connection: AsyncConnection,
    wanted: OrderFilter,
    *,
    text: str | None = None,
    after: After | None,
    limit: int,
) -> Found:
    search = await prepare(connection, wanted, text)
    if search and search.finds_nothing:
        return Found([], search.match)
    asked = await _asked(connection, wanted, search) if search else frozenset()
    chosen = choose(wanted, search, after, asked=asked)
    if chosen.in_step:
        await connection.execute(IN_STEP)
    found = await _page(connection, chosen, limit)
    return Found([_item(row) for row in found], search.match if search else None)


async def _asked(
    connection: AsyncConnection, wanted: OrderFilter, search: Search
) -> frozenset[int]:
    """For which typed words each order is asked: those of too many orders to be gathered."""
    return frozenset(
        [
            number
            for number in to_gather(wanted, search)
            if await are_many(connection, search.terms[number].words, MOST_GATHERED)
        ]
    )


async def _page(connection: AsyncConnection, chosen: Chosen, limit: int) -> Sequence[Any]:
    parts = {**vars(chosen), "order": chosen.order}
    return await rows(connection, _PAGE.format(**parts), limit=limit, **chosen.values)


async def prepare(
    connection: AsyncConnection, wanted: OrderFilter, text: str | None
) -> Search | None:
    """Look the text up, and have what follows in this transaction planned for what is wanted."""
    if text is not None:
        return await look_up(connection, text)
    if not wanted.is_plain:
        await connection.execute(SETTLE)
    return None


def _item(row: Any) -> OrderItem:
    has_next = row.next_of is not None
    return OrderItem(
        sort_key=row.sort_key,
        order_id=row.order_id,
        channel=row.channel,
        external_id=row.external_id,
        total_minor=row.total_minor,
        currency=row.currency,
        placed_at=row.placed_at,
        outcome=row.outcome,
        axes=derive_axes(
            Money(
                total_minor=row.total_minor,
                authorized_minor=int(row.authorized_minor),
                pending_minor=int(row.pending_minor),
                captured_minor=int(row.captured_minor),
                refunded_minor=int(row.refunded_minor),
                given_up_minor=int(row.given_up_minor),
            ),
            Units(
                ordered=int(row.ordered),
                cancelled=int(row.cancelled),
                shipped=int(row.shipped),
                in_return=int(row.in_return),
                returned=int(row.returned),
            ),
            _parcels(row.states, row.tracking_statuses),
            is_closed=row.outcome is not None,
        ),
        next=NextStep(row.next_of, row.next_step, row.next_deadline) if has_next else None,
    )


def _parcels(states: Sequence[str], statuses: Sequence[str | None]) -> list[Parcel]:
    return [Parcel(state, status) for state, status in zip(states, statuses, strict=True)]
