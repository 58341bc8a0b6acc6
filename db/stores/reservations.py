"""Reservations of one or many orders in one transaction: what they ask for, and what they get.

The orders' rows are locked before, the pools' levels here: by pool and SKU, as everywhere.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run
from db.stores import collecting
from domain.reserving import Granted, Wish, grant_in_turn


@dataclass(frozen=True)
class Hold:
    """On whose behalf units are held, and for how long."""

    order_id: str
    attempt: int
    expires_s: float
    wish: Wish


@dataclass(frozen=True)
class Standing:
    """Where an order's reservation stands: its last attempt, and units per SKU of its lines."""

    attempt: int
    state: str | None  # None: it never held anything
    demand: Mapping[str, int]


async def standings(
    tx: AsyncConnection, order_ids: Sequence[str], lock_patience_s: float
) -> dict[str, Standing]:
    """Tell of each order, whose row must be locked: an attempt before may have held already.

    From here on the transaction waits at most `lock_patience_s` for any one lock; 0 is no bound.
    """
    found = await rows(
        tx,
        """
        WITH bounded AS MATERIALIZED (SELECT set_config('lock_timeout', :patience, true))
        SELECT a.order_id, l.sku, sum(l.quantity)::bigint AS quantity, r.attempt, r.state
        FROM bounded, unnest(CAST(:order_ids AS text[])) AS a(order_id)
            JOIN order_lines l USING (order_id)
            LEFT JOIN LATERAL (
                SELECT attempt, state FROM reservations WHERE order_id = a.order_id
                ORDER BY attempt DESC LIMIT 1
            ) r ON true
        GROUP BY a.order_id, l.sku, r.attempt, r.state
        """,
        order_ids=list(order_ids),
        patience=f"{round(lock_patience_s * 1_000)}ms",
    )
    demands: dict[str, dict[str, int]] = {}
    for line in found:
        demands.setdefault(line.order_id, {})[line.sku] = line.quantity
    return {
        line.order_id: Standing(
            line.attempt or 0, line.state, dict(sorted(demands[line.order_id].items()))
        )
        for line in found
    }


async def reserve(
    tx: AsyncConnection, holds: Sequence[Hold], has_locked: Callable[[], None] = lambda: None
) -> tuple[Granted, ...]:
    """Hold what each order asks for, in the order they are given; answer each by itself.

    `has_locked` is called once the levels are ours: whoever wants them now comes after us.
    """
    if not holds:
        return ()
    free = await _lock_levels(tx, [hold.wish for hold in holds])
    has_locked()
    granted = grant_in_turn([hold.wish for hold in holds], free, await _in_stores(tx, holds))
    taken = [
        (hold, sku, units)
        for hold, answer in zip(holds, granted, strict=True)
        for sku, units in answer.held.items()
    ]
    if taken:
        await _write(tx, taken)
    return granted


async def _lock_levels(tx: AsyncConnection, wishes: Iterable[Wish]) -> dict[tuple[str, str], int]:
    """Return what is free by pool and SKU; what came in since others began to wait is theirs."""
    wanted = {(wish.pool, sku) for wish in wishes for sku in wish.demand}
    found = await rows(
        tx,
        """
        WITH wanted AS (
            SELECT * FROM unnest(CAST(:pools AS text[]), CAST(:skus AS text[])) AS w(pool, sku)
        ), waiting AS MATERIALIZED (
            SELECT g.pool, u.sku, sum(u.quantity)::bigint AS quantity
            FROM fulfillments f JOIN fulfillment_lines u USING (fulfillment_id)
                JOIN locations g ON g.location = f.location
            WHERE f.state = 'backordered' AND NOT f.cancel_requested
                AND u.sku = ANY(CAST(:skus AS text[]))
            GROUP BY g.pool, u.sku
        )
        SELECT p.pool, p.sku, p.on_hand - p.reserved - p.open_demand - p.safety_stock
            - coalesce(b.quantity, 0) AS free
        FROM pool_levels p JOIN wanted w USING (pool, sku) LEFT JOIN waiting b USING (pool, sku)
        WHERE p.pool = ANY(CAST(:pools AS text[])) AND p.sku = ANY(CAST(:skus AS text[]))
        ORDER BY p.pool, p.sku FOR UPDATE OF p
        """,
        pools=[pool for pool, _ in wanted],
        skus=[sku for _, sku in wanted],
    )
    return {(level.pool, level.sku): level.free for level in found}


async def _in_stores(tx: AsyncConnection, holds: Sequence[Hold]) -> Mapping[tuple[str, str], int]:
    """Read under the pool's locks, which every other hold of the same units had to take."""
    wanted = [
        (hold.wish.store, sku) for hold in holds if hold.wish.store for sku in hold.wish.demand
    ]
    return await collecting.free_in_stores(tx, wanted) if wanted else {}


async def _write(tx: AsyncConnection, taken: Sequence[tuple[Hold, str, int]]) -> None:
    """Move the levels once each, and write a reservation and a movement for every hold.

    Each movement has the balance that stood after it, as if they had come one by one.
    """
    await run(
        tx,
        """
        WITH held AS (
            SELECT * FROM unnest(CAST(:order_ids AS text[]), CAST(:attempts AS bigint[]),
                CAST(:expires AS double precision[]), CAST(:pools AS text[]),
                CAST(:skus AS text[]), CAST(:counts AS bigint[]))
                WITH ORDINALITY AS h(order_id, attempt, expires_s, pool, sku, quantity, turn)
        ), levels AS (
            UPDATE pool_levels p SET open_demand = p.open_demand + s.quantity
            FROM (
                SELECT pool, sku, sum(quantity)::bigint AS quantity FROM held GROUP BY pool, sku
            ) s
            WHERE p.pool = s.pool AND p.sku = s.sku
                AND p.pool = ANY(CAST(:pools AS text[])) AND p.sku = ANY(CAST(:skus AS text[]))
            RETURNING p.pool, p.sku, p.on_hand, p.reserved, p.open_demand - s.quantity AS before
        ), noted AS (
            INSERT INTO reservations (order_id, attempt, sku, pool, quantity, state, expires_at)
            SELECT order_id, attempt, sku, pool, quantity, 'held',
                now() + make_interval(secs => expires_s)
            FROM held
        )
        INSERT INTO stock_movements (key, kind, sku, pool, open_demand_change, pool_on_hand,
            pool_reserved, pool_open_demand, order_id, cause)
        SELECT concat_ws(':', h.order_id, 'reserve', h.attempt, h.sku), 'reserve', h.sku, h.pool,
            h.quantity, l.on_hand, l.reserved,
            l.before + sum(h.quantity) OVER (PARTITION BY h.pool, h.sku ORDER BY h.turn),
            h.order_id, 'order placed'
        FROM held h JOIN levels l USING (pool, sku)
        ORDER BY h.turn
        """,
        order_ids=[hold.order_id for hold, _, _ in taken],
        attempts=[hold.attempt for hold, _, _ in taken],
        expires=[hold.expires_s for hold, _, _ in taken],
        pools=[hold.wish.pool for hold, _, _ in taken],
        skus=[sku for _, sku, _ in taken],
        counts=[units for _, _, units in taken],
    )
