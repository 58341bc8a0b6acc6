"""Dividing a fulfillment order: units, holds and money move to further ones, exactly.

The order's row and the fulfillment order's are locked before (`locked`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from db.stores import fulfillments, orders, stock
from db.stores.stock import Cause, Change
from domain.money import settled_step
from domain.order import Tender
from domain.shares import tender_shares
from domain.shortage import divide

WAITS_FOR_STOCK: Final = "wait for stock"


@dataclass(frozen=True)
class Piece:
    """What becomes a fulfillment order of its own; a backordered one has no units yet."""

    location: str
    units: Mapping[int, int]  # by order line
    within_s: float  # until it should be picked, or filled
    is_backordered: bool = False


async def locked(tx: AsyncConnection, fulfillment_id: str) -> Any:
    """Return the fulfillment order, locked after its order's row, with what mails say of that."""
    # Whoever waited while the part went to another location finds it at none, and reads it again:
    # both rows are locked by then.
    found = await _lock(tx, fulfillment_id) or await _lock(tx, fulfillment_id)
    assert found is not None, f"no fulfillment {fulfillment_id}"
    return found


async def _lock(tx: AsyncConnection, fulfillment_id: str) -> Any | None:
    """The order's row first: rows are locked in the order in which the last line names them."""
    return await row(
        tx,
        f"""
        SELECT {fulfillments.COLUMNS}, o.channel, o.external_id, o.customer_name, o.customer_email,
            o.total_minor, o.currency, c.kind AS channel_kind
        FROM orders o JOIN channels c USING (channel) JOIN fulfillments f USING (order_id)
            JOIN locations l USING (location)
        WHERE f.fulfillment_id = :fulfillment_id FOR UPDATE OF o, f
        """,  # noqa: S608
        fulfillment_id=fulfillment_id,
    )


async def units_of(tx: AsyncConnection, fulfillment_id: str) -> dict[int, int]:
    found = await rows(
        tx,
        "SELECT line_no, quantity FROM fulfillment_lines WHERE fulfillment_id = :id ORDER BY 1",
        id=fulfillment_id,
    )
    return {line.line_no: line.quantity for line in found}


async def skus_of(tx: AsyncConnection, order_id: str) -> dict[int, str]:
    return {line.line_no: line.sku for line in await orders.lines(tx, order_id)}


async def divide_part(
    tx: AsyncConnection, part: Any, kept: Mapping[int, int], pieces: Sequence[Piece]
) -> list[str]:
    """Leave `part` its kept units and make a fulfillment order of each piece; return their ids.

    The share of the money is divided with the units. What was authorized for the part serves the
    first that still needs it; what is taken already serves all.
    """
    worth, ids = await _write_pieces(tx, part, kept, pieces, part.replaces)
    await run(
        tx, "DELETE FROM fulfillment_lines WHERE fulfillment_id = :id", id=part.fulfillment_id
    )
    await fulfillments.add_lines(tx, part.fulfillment_id, kept, await skus_of(tx, part.order_id))
    await _move_shares(tx, part, [part.fulfillment_id, *ids], worth)
    return ids


async def replace_part(tx: AsyncConnection, part: Any, pieces: Sequence[Piece]) -> list[str]:
    """Make fulfillment orders that send all units of a lost part once more; return their ids.

    The units stay the lost part's, where they are counted; its share of the money moves.
    """
    worth, ids = await _write_pieces(tx, part, {}, pieces, part.fulfillment_id)
    await _move_shares(tx, part, [part.fulfillment_id, *ids], worth)
    return ids


async def _write_pieces(
    tx: AsyncConnection,
    part: Any,
    kept: Mapping[int, int],
    pieces: Sequence[Piece],
    replaces: str | None,
) -> tuple[Sequence[int], list[str]]:
    """Write each piece with its lines; return what the kept units and they are worth, and ids."""
    lines = await orders.lines(tx, part.order_id)
    skus = {line.line_no: line.sku for line in lines}
    head = await orders.head(tx, part.order_id)
    assert head is not None
    units = [kept, *(piece.units for piece in pieces)]
    worth = divide(lines, units, part.share_minor, settled_step(head.currency))
    ids = []
    for piece, share_minor in zip(pieces, worth[1:], strict=True):
        ids.append(await _insert(tx, part.order_id, piece, share_minor, replaces))
        await fulfillments.add_lines(tx, ids[-1], piece.units, skus)
    return worth, ids


async def _insert(
    tx: AsyncConnection, order_id: str, piece: Piece, share_minor: int, replaces: str | None
) -> str:
    """Write one more fulfillment order, without its lines, and return its id."""
    number = await fulfillments.next_number(tx, order_id)
    fulfillment_id = await fulfillments.insert(
        tx, order_id, number, piece.location, share_minor, piece.within_s
    )
    await run(
        tx,
        "UPDATE fulfillments SET replaces = :replaces WHERE fulfillment_id = :id",
        id=fulfillment_id,
        replaces=replaces,
    )
    if piece.is_backordered:
        await let_wait(tx, fulfillment_id)
    return fulfillment_id


async def add_part(
    tx: AsyncConnection, order_id: str, piece: Piece, share_minor: int, tender_no: int
) -> str:
    """Write a fulfillment order of units that were ordered later; its share is not held yet."""
    fulfillment_id = await _insert(tx, order_id, piece, share_minor, None)
    skus = await skus_of(tx, order_id)
    await fulfillments.add_lines(tx, fulfillment_id, piece.units, skus)
    if share_minor:
        await run(
            tx,
            "INSERT INTO fulfillment_shares (fulfillment_id, tender_no, amount_minor)"
            " VALUES (:id, :tender_no, :amount)",
            id=fulfillment_id,
            tender_no=tender_no,
            amount=share_minor,
        )
    return fulfillment_id


async def let_wait(tx: AsyncConnection, fulfillment_id: str) -> None:
    """Say of a fulfillment order that was just written that its units are still to come."""
    await run(
        tx,
        """
        UPDATE fulfillments SET state = 'backordered', backordered_at = now(), next_step = :step
        WHERE fulfillment_id = :id
        """,
        id=fulfillment_id,
        step=WAITS_FOR_STOCK,
    )


async def _take_shares(tx: AsyncConnection, part: Any) -> list[Any]:
    """Take the part's shares off it; return them with what became of their authorization."""
    found = await rows(
        tx,
        """
        WITH taken AS (
            DELETE FROM fulfillment_shares WHERE fulfillment_id = :id RETURNING *
        )
        SELECT s.tender_no, s.amount_minor, s.authorization_key, t.kind, a.state
        FROM taken s JOIN tenders t ON t.order_id = :order_id AND t.tender_no = s.tender_no
            LEFT JOIN authorizations a USING (authorization_key)
        ORDER BY s.tender_no
        """,
        id=part.fulfillment_id,
        order_id=part.order_id,
    )
    return list(found)


async def _move_shares(
    tx: AsyncConnection, part: Any, ids: Sequence[str], worth: Sequence[int]
) -> None:
    """Divide the part's share, tender by tender, among `ids`, of which it is the first."""
    paid = await _take_shares(tx, part)
    await run(
        tx,
        "UPDATE fulfillments SET share_minor = :share WHERE fulfillment_id = :id",
        id=part.fulfillment_id,
        share=worth[0],
    )
    tenders = [Tender(each.tender_no, each.kind, each.amount_minor, "") for each in paid]
    keys = {each.tender_no: each.authorization_key for each in paid}
    once_only = {each.tender_no for each in paid if each.state != "taken"}
    for fulfillment_id, share in zip(ids, tender_shares(worth, tenders), strict=True):
        for tender_no, amount in share.items():
            await run(
                tx,
                """
                INSERT INTO fulfillment_shares (fulfillment_id, tender_no, amount_minor,
                    authorization_key)
                VALUES (:id, :tender_no, :amount, :key)
                """,
                id=fulfillment_id,
                tender_no=tender_no,
                amount=amount,
                key=keys[tender_no],
            )
            if tender_no in once_only:
                keys[tender_no] = None


def per_sku(units: Mapping[int, int], skus: Mapping[int, str]) -> dict[str, int]:
    """Add up the units of lines that share a SKU, in the order of SKUs."""
    found: dict[str, int] = {}
    for line_no, count in units.items():
        found[skus[line_no]] = found.get(skus[line_no], 0) + count
    return dict(sorted(found.items()))


async def release_units(tx: AsyncConnection, part: Any, lacking: Mapping[str, int]) -> None:
    """Give back the hold on units that this location does not ship; the pool is locked before."""
    for sku, count in lacking.items():
        held = await row(
            tx,
            """
            UPDATE allocations SET quantity = quantity - :count
            WHERE fulfillment_id = :id AND sku = :sku AND quantity > :count RETURNING quantity
            """,
            id=part.fulfillment_id,
            sku=sku,
            count=count,
        )
        if held is None:
            await run(
                tx,
                "DELETE FROM allocations WHERE fulfillment_id = :id AND sku = :sku",
                id=part.fulfillment_id,
                sku=sku,
            )
        left = held.quantity if held else 0
        cause = _cause(part, f"short:{sku}:{left}", "short", "not shipped from here")
        await stock.move_location(tx, part.pool, Change(part.location, sku, reserved=-count), cause)


async def write_off(tx: AsyncConnection, part: Any, sku: str, units: int, reason: str) -> None:
    left = await row(
        tx,
        "SELECT coalesce(sum(quantity), 0) AS n FROM allocations"
        " WHERE fulfillment_id = :id AND sku = :sku",
        id=part.fulfillment_id,
        sku=sku,
    )
    assert left is not None
    cause = _cause(part, f"write-off:{sku}:{left.n}", "adjust", reason)
    await stock.move_location(tx, part.pool, Change(part.location, sku, on_hand=-units), cause)


async def allocate(
    tx: AsyncConnection, fulfillment_id: str, units: Mapping[str, int], why: str = "routed again"
) -> None:
    """Hold units, per SKU, at the fulfillment order's location; the pool is locked before."""
    part = await fulfillments.get(tx, fulfillment_id)
    for sku, count in units.items():
        await run(
            tx,
            """
            INSERT INTO allocations (fulfillment_id, sku, pool, location, quantity, state)
            VALUES (:id, :sku, :pool, :location, :count, 'allocated')
            """,
            id=fulfillment_id,
            sku=sku,
            pool=part.pool,
            location=part.location,
            count=count,
        )
        cause = _cause(part, f"allocate:{sku}", "allocate", why)
        await stock.move_location(tx, part.pool, Change(part.location, sku, reserved=count), cause)


def _cause(part: Any, act: str, kind: str, text: str) -> Cause:
    return Cause(
        key=f"{part.fulfillment_id}:{act}",
        kind=kind,
        text=text,
        order_id=part.order_id,
        fulfillment_id=part.fulfillment_id,
    )


async def free_units(
    tx: AsyncConnection, pool: str, location: str, skus: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Lock the pool's levels; return what is free of each SKU at the location and in the pool."""
    await stock.lock_pool(tx, pool, list(skus))
    found = await rows(
        tx,
        """
        SELECT p.sku, coalesce(v.on_hand - v.reserved, 0) AS here,
            p.on_hand - p.reserved - p.open_demand AS in_pool
        FROM pool_levels p LEFT JOIN location_levels v ON v.sku = p.sku AND v.location = :location
        WHERE p.pool = :pool AND p.sku = ANY(CAST(:skus AS text[]))
        ORDER BY p.sku
        """,
        pool=pool,
        location=location,
        skus=list(skus),
    )
    return {level.sku: (level.here, level.in_pool) for level in found}


async def ask_for_a_count(
    tx: AsyncConnection, location: str, sku: str, reason: str, fulfillment_id: str
) -> None:
    """One open task for each SKU and location."""
    await run(
        tx,
        """
        INSERT INTO count_tasks (location, sku, state, reason, fulfillment_id)
        VALUES (:location, :sku, 'open', :reason, :fulfillment_id)
        ON CONFLICT (location, sku) WHERE state = 'open' DO NOTHING
        """,
        location=location,
        sku=sku,
        reason=reason,
        fulfillment_id=fulfillment_id,
    )
