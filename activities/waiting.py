"""Orders whose units are not all there when they are placed: what is missing waits."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from db.stores import fulfillments, orders, parts
from domain.order import Line
from domain.routing import Sourced, Unroutable


def waits_for_stock(head: Any) -> bool:
    """Whether the channel takes the order although units are missing; in a store they must lie."""
    return head.on_out_of_stock == "backorder" and head.pickup_location is None


def missing_units(head: Any, lines: Sequence[Line], held: Mapping[str, int]) -> dict[str, int]:
    """Return units per SKU that the order wants and does not hold; none of what may not wait."""
    if not held and not waits_for_stock(head):
        return {}
    wanted = parts.per_sku(
        {line.line_no: line.quantity for line in lines}, {line.line_no: line.sku for line in lines}
    )
    left = {sku: count - held.get(sku, 0) for sku, count in wanted.items()}
    return {sku: count for sku, count in left.items() if count > 0}


async def may_begin(tx: AsyncConnection, order_id: str, *, is_reserved_anew: bool) -> bool:
    """Whether an order that holds nothing is to wait whole.

    Not when what it held has expired: some of it may be free again. And not when its money was
    given back: a late attempt must not begin what another has undone.
    """
    found = await row(
        tx,
        """
        SELECT NOT EXISTS (SELECT FROM tenders t WHERE t.order_id = :o AND t.rma IS NULL
                AND NOT EXISTS (SELECT FROM authorizations a WHERE a.order_id = t.order_id
                    AND a.tender_no = t.tender_no AND a.state IN ('held', 'taken'))) AS is_paid,
            EXISTS (SELECT FROM reservations WHERE order_id = :o AND state = 'expired')
                AS has_expired
        """,
        o=order_id,
    )
    assert found is not None
    return found.is_paid and (is_reserved_anew or not found.has_expired)


async def waiting_part(
    tx: AsyncConnection, head: Any, sourced: Sequence[Sourced], missing: Mapping[str, int]
) -> tuple[Sourced, ...]:
    """Return the part that waits, if anything is missing: beside another, or anywhere.

    Raises: Unroutable when the pool has no location at all.
    """
    if not missing:
        return ()
    if sourced:
        return (Sourced(sourced[0].location, sourced[0].distance_km, missing, is_waiting=True),)
    place = await row(
        tx,
        "SELECT location FROM locations WHERE pool = :pool"
        " ORDER BY active AND ships DESC, location LIMIT 1",
        pool=head.pool,
    )
    if place is None:
        raise Unroutable(missing)
    return (Sourced(place.location, 0, missing, is_waiting=True),)


async def begin_waiting(
    tx: AsyncConnection, head: Any, fulfillment_id: str, within_s: float
) -> None:
    """Let the part wait; the customer is told with the order's confirmation."""
    await parts.let_wait(tx, fulfillment_id)
    await run(
        tx,
        """
        UPDATE fulfillments SET next_deadline = now() + make_interval(secs => :within_s)
        WHERE fulfillment_id = :id
        """,
        id=fulfillment_id,
        within_s=within_s,
    )
    part = await fulfillments.get(tx, fulfillment_id)
    by = part.next_deadline.date().isoformat()
    await orders.tell(
        tx, head.order_id, "Backordered", fulfillment_id=fulfillment_id, data={"by": by}
    )
