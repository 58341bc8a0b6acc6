"""Holds: placing them on a locked order, ending them, and what an order on hold keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from domain.holds import HOLD_TYPES, Transition


@dataclass(frozen=True)
class NewHold:
    """Until a moment, or for `within_s` seconds; the same `key` is the same hold."""

    kind: str
    key: str
    placed_by: str = "system"
    until: datetime | None = None
    within_s: float | None = None


async def place(tx: AsyncConnection, order_id: str, new: NewHold) -> Any:
    """Place a hold on the order, whose row is locked; return it, placed now or before."""
    kind = HOLD_TYPES[new.kind]
    await run(
        tx,
        """
        INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,
            placed_by)
        SELECT :order_id, coalesce(max(number), 0) + 1, :key, :kind, CAST(:blocks AS text[]),
            :owner, :on_expiry, 'open', coalesce(CAST(:until AS timestamptz),
                now() + make_interval(secs => CAST(:within_s AS double precision))), :placed_by
        FROM holds WHERE order_id = :order_id
        ON CONFLICT (order_id, key) DO NOTHING
        """,
        order_id=order_id,
        key=new.key,
        kind=new.kind,
        blocks=[str(each) for each in kind.blocks],
        owner=kind.owner,
        on_expiry=str(kind.on_expiry),
        until=new.until,
        within_s=new.within_s,
        placed_by=new.placed_by,
    )
    return await find(tx, order_id, new.key)


async def find(tx: AsyncConnection, order_id: str, key: str) -> Any | None:
    return await row(
        tx,
        "SELECT * FROM holds WHERE order_id = :order_id AND key = :key",
        order_id=order_id,
        key=key,
    )


async def end(
    tx: AsyncConnection, order_id: str, number: int, state: str, actor: str
) -> Any | None:
    """End an open hold as `released` or `expired`; None when it was ended before."""
    return await row(
        tx,
        """
        UPDATE holds SET state = :state, ended_by = :actor, ended_at = now()
        WHERE order_id = :order_id AND number = :number AND state = 'open' RETURNING *
        """,
        order_id=order_id,
        number=number,
        state=state,
        actor=actor,
    )


async def postpone(tx: AsyncConnection, order_id: str, number: int, within_s: float) -> None:
    await run(
        tx,
        """
        UPDATE holds SET deadline = now() + make_interval(secs => :within_s)
        WHERE order_id = :order_id AND number = :number AND state = 'open'
        """,
        order_id=order_id,
        number=number,
        within_s=within_s,
    )


async def follow_date(tx: AsyncConnection, order_id: str, number: int) -> bool:
    """Move a preorder's hold to a later date that its goods have now; False when there is none."""
    return bool(
        await run(
            tx,
            """
            UPDATE holds SET deadline = goods.available_from
            FROM (SELECT max(available_from) AS available_from
                FROM order_lines JOIN products USING (sku) WHERE order_id = :order_id) goods
            WHERE order_id = :order_id AND number = :number AND kind = 'preorder_date'
                AND state = 'open' AND goods.available_from > deadline
            """,
            order_id=order_id,
            number=number,
        )
    )


async def open_of(tx: AsyncConnection, order_id: str) -> Sequence[Any]:
    """The order's open holds, the first to run out first."""
    return await rows(
        tx,
        """
        SELECT * FROM holds WHERE order_id = :order_id AND state = 'open'
        ORDER BY deadline, number
        """,
        order_id=order_id,
    )


async def is_blocked(tx: AsyncConnection, order_id: str, transitions: Iterable[Transition]) -> bool:
    """Whether an open hold blocks any of the transitions."""
    found = await row(
        tx,
        """
        SELECT 1 FROM holds WHERE order_id = :order_id AND state = 'open'
            AND blocks && CAST(:transitions AS text[]) LIMIT 1
        """,
        order_id=order_id,
        transitions=[str(each) for each in transitions],
    )
    return found is not None


async def keep(tx: AsyncConnection, order_id: str, until: datetime, spare_s: float) -> None:
    """Keep what an order on hold has: its stock beyond the hold, its parcels' deadlines after it.

    Only what is held still is prolonged; what expired is reserved anew before it is routed.
    """
    await run(
        tx,
        """
        WITH kept AS (
            UPDATE reservations SET expires_at = greatest(expires_at,
                CAST(:until AS timestamptz) + make_interval(secs => :spare_s))
            WHERE order_id = :order_id AND state = 'held'
        )
        UPDATE fulfillments SET next_deadline = greatest(next_deadline,
            CAST(:until AS timestamptz) + make_interval(secs => :spare_s))
        WHERE order_id = :order_id AND state IN ('open', 'picked', 'packed')
        """,
        order_id=order_id,
        until=until,
        spare_s=spare_s,
    )


async def wait_for(tx: AsyncConnection, order_id: str, step: str, deadline: datetime) -> None:
    """Say that an order that is not routed yet waits for its hold."""
    await run(
        tx,
        """
        UPDATE orders SET next_step = :step, next_deadline = :deadline
        WHERE order_id = :order_id AND outcome IS NULL
            AND NOT EXISTS (SELECT FROM fulfillments f WHERE f.order_id = :order_id)
        """,
        order_id=order_id,
        step=step,
        deadline=deadline,
    )
