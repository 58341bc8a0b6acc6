"""What a change of an order turns on, as the rule of changes reads it; and the changes so far."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows
from db.stores import addresses, changes, orders
from domain.changing import Part, Placed, Wish
from domain.money import settled_step


async def placed(tx: AsyncConnection, order_id: str, *, lock: bool = False) -> Placed:
    """The order as it stands; `lock` keeps its parcels so, after the order's own row."""
    found = await row(
        tx,
        """
        SELECT currency, pickup_location, EXISTS (SELECT FROM tenders t
            WHERE t.order_id = o.order_id AND t.kind = 'card' AND t.rma IS NULL) AS has_card
        FROM orders o WHERE order_id = :order_id
        """,
        order_id=order_id,
    )
    assert found is not None, f"no order {order_id}"
    return Placed(
        lines=await orders.lines(tx, order_id),
        charges=await orders.charges(tx, order_id),
        cancelled=await _cancelled(tx, order_id),
        parts=await _parts(tx, order_id, lock=lock),
        step=settled_step(found.currency),
        has_card=found.has_card,
        is_collected=found.pickup_location is not None,
    )


async def _cancelled(tx: AsyncConnection, order_id: str) -> dict[int, int]:
    found = await rows(
        tx,
        "SELECT line_no, cancelled FROM order_lines WHERE order_id = :o AND cancelled > 0",
        o=order_id,
    )
    return {line.line_no: line.cancelled for line in found}


async def _parts(tx: AsyncConnection, order_id: str, *, lock: bool) -> tuple[Part, ...]:
    """What is sent in place of a lost parcel is no part of what was ordered."""
    found = await rows(
        tx,
        f"""
        SELECT fulfillment_id, number, state, share_minor, cancel_requested,
            (SELECT coalesce(jsonb_object_agg(line_no, quantity), '{{}}')
                FROM fulfillment_lines l WHERE l.fulfillment_id = f.fulfillment_id) AS units,
            (SELECT count(*) FROM fulfillment_shares s
                WHERE s.fulfillment_id = f.fulfillment_id) AS payers
        FROM fulfillments f
        WHERE order_id = :order_id AND rma IS NULL AND replaces IS NULL
        ORDER BY number {"FOR UPDATE OF f" if lock else ""}
        """,  # noqa: S608 - a constant
        order_id=order_id,
    )
    return tuple(
        Part(
            part.fulfillment_id,
            part.number,
            part.state,
            {int(line_no): units for line_no, units in part.units.items()},
            part.share_minor,
            part.cancel_requested,
            part.payers,
        )
        for part in found
    )


async def free_in_pool(tx: AsyncConnection, order_id: str, skus: Sequence[str]) -> dict[str, int]:
    """Units of each SKU that nobody holds in the order's pool.

    A SKU nobody knows is left out, and so is what was retired: it takes nothing new.
    """
    found = await rows(
        tx,
        """
        SELECT p.sku, greatest(0, coalesce(v.on_hand - v.reserved - v.open_demand, 0)) AS free
        FROM orders o JOIN channels c USING (channel)
            JOIN products p ON p.sku = ANY(CAST(:skus AS text[])) AND p.active
            LEFT JOIN pool_levels v ON v.pool = c.pool AND v.sku = p.sku
        WHERE o.order_id = :order_id
        """,
        order_id=order_id,
        skus=list(skus),
    )
    return {level.sku: level.free for level in found}


async def head(tx: AsyncConnection, order_id: str, *, lock: bool = False) -> Any | None:
    return await orders.head(tx, order_id, lock=lock)


async def has_label(tx: AsyncConnection, order_id: str) -> bool:
    return await addresses.is_on_a_label(tx, order_id)


async def has_parcels(tx: AsyncConnection, order_id: str) -> bool:
    found = await row(tx, "SELECT 1 FROM fulfillments WHERE order_id = :o LIMIT 1", o=order_id)
    return found is not None


async def change(tx: AsyncConnection, order_id: str, number: int) -> Any:
    return await changes.get(tx, order_id, number)


async def list_changes(tx: AsyncConnection, order_id: str) -> list[dict[str, Any]]:
    found = await rows(
        tx, "SELECT * FROM order_changes WHERE order_id = :o ORDER BY number", o=order_id
    )
    return [each._asdict() for each in found]


def read_wishes(raw: Sequence[dict[str, Any]]) -> tuple[Wish, ...]:
    return tuple(Wish(**each) for each in raw)
