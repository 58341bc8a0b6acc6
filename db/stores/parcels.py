"""Parcels in the carrier's hands: what is known of one, what was done about it, what is claimed."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run


async def facts(tx: AsyncConnection, fulfillment_id: str) -> Any:
    """Return what a playbook goes by; the newest scan is the carrier's, of a parcel it has."""
    found = await row(
        tx,
        """
        SELECT f.tracking_status, f.handed_over_at, f.share_minor, f.replaces, o.admitted_at,
            o.promise_by, o.currency, c.on_loss, c.decides_up_to_minor, l.tracking_number,
            now() AS now,
            (SELECT max(occurred_at) FROM tracking_events v
                WHERE v.fulfillment_id = f.fulfillment_id AND v.status <> 'pending') AS last_scan_at
        FROM fulfillments f JOIN orders o USING (order_id) JOIN channels c USING (channel)
            JOIN labels l ON l.fulfillment_id = f.fulfillment_id AND l.state = 'bought'
        WHERE f.fulfillment_id = :fulfillment_id
        """,
        fulfillment_id=fulfillment_id,
    )
    assert found is not None, "a parcel that left has a label"
    return found


async def plays_of(tx: AsyncConnection, fulfillment_id: str) -> frozenset[str]:
    found = await rows(
        tx, "SELECT play FROM parcel_plays WHERE fulfillment_id = :id", id=fulfillment_id
    )
    return frozenset(each.play for each in found)


async def note_play(tx: AsyncConnection, fulfillment_id: str, play: str) -> bool:
    """Remember what was done about a parcel; False when it was done before."""
    return bool(
        await run(
            tx,
            "INSERT INTO parcel_plays (fulfillment_id, play) VALUES (:id, :play)"
            " ON CONFLICT DO NOTHING",
            id=fulfillment_id,
            play=play,
        )
    )


async def claim(tx: AsyncConnection, fulfillment_id: str, cause: str, known: Any) -> None:
    """Write down what the carrier owes us for a parcel: once, for what it was worth."""
    await run(
        tx,
        """
        INSERT INTO carrier_claims (fulfillment_id, cause, tracking_number, amount_minor, currency)
        VALUES (:id, :cause, :tracking_number, :amount, :currency) ON CONFLICT DO NOTHING
        """,
        id=fulfillment_id,
        cause=cause,
        tracking_number=known.tracking_number,
        amount=known.share_minor,
        currency=known.currency,
    )


async def promise_later(tx: AsyncConnection, order_id: str, by: datetime) -> datetime:
    """Move the order's promise, never to an earlier day; return it."""
    moved = await row(
        tx,
        """
        UPDATE orders SET promise_by = greatest(promise_by, :by),
            next_deadline = CASE WHEN outcome IS NULL THEN greatest(next_deadline, :by) END
        WHERE order_id = :order_id RETURNING promise_by
        """,
        order_id=order_id,
        by=by,
    )
    assert moved is not None
    promise_by: datetime = moved.promise_by
    return promise_by


async def replacement_of(tx: AsyncConnection, fulfillment_id: str) -> Any | None:
    return await row(
        tx,
        "SELECT fulfillment_id FROM fulfillments WHERE replaces = :id ORDER BY number LIMIT 1",
        id=fulfillment_id,
    )


async def intercepted(tx: AsyncConnection, order_id: str) -> tuple[int, ...]:
    """The numbers of the parcels that the carrier is asked to bring back."""
    found = await rows(
        tx,
        """
        SELECT f.number FROM fulfillments f JOIN parcel_plays p USING (fulfillment_id)
        WHERE f.order_id = :order_id AND p.play = 'intercepted' ORDER BY f.number
        """,
        order_id=order_id,
    )
    return tuple(int(part.number) for part in found)
