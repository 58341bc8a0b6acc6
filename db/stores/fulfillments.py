"""Fulfillment orders: making them, moving them on, giving back what they hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from db.stores import stock
from db.stores.stock import Cause, Change

# Which state may follow which; "picked" may be skipped by nobody.
BEFORE: Mapping[str, tuple[str, ...]] = {
    "picked": ("open",),
    "packed": ("picked",),
    "ready_for_pickup": ("packed",),
    "handing_over": ("packed", "ready_for_pickup"),
    "handed_over": ("handing_over",),
    "delivered": ("handed_over",),
    "lost": ("handed_over",),
    # From "handing_over" only while the parcel's own workflow gives up a refused capture.
    "cancelled": (
        "backordered",
        "open",
        "picked",
        "packed",
        "ready_for_pickup",
        "handing_over",
    ),
}
FINAL = frozenset({"delivered", "lost", "cancelled"})
# Of a fulfillment order `f` and its location `l`.
COLUMNS = "f.*, l.pool, l.time_zone, l.opening, l.holidays, l.cut_off, now() AS now"
# Of a fulfillment order `f`: until the warehouse should report its next step, while it has one.
DUE_S = """
    CASE WHEN f.state IN ('open', 'picked')
        THEN extract(epoch FROM f.next_deadline - now())::float END AS due_s
"""
STAMPED = frozenset({"picked", "packed", "ready_for_pickup", "handed_over", "delivered"})


async def insert(  # noqa: PLR0913 - one argument a column
    tx: AsyncConnection,
    order_id: str,
    number: int,
    location: str,
    share_minor: int,
    pick_s: float,
    *,
    rma: str | None = None,
) -> str:
    """Write one more fulfillment order, or one that a return sends instead, and return its id."""
    fulfillment_id = f"{order_id}-f{number}"
    await run(
        tx,
        """
        INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
            rma, next_step, next_deadline)
        VALUES (:fulfillment_id, :order_id, :number, :location, 'open', :share_minor,
            :rma, 'pick', now() + make_interval(secs => :pick_s))
        """,
        fulfillment_id=fulfillment_id,
        order_id=order_id,
        number=number,
        location=location,
        share_minor=share_minor,
        rma=rma,
        pick_s=pick_s,
    )
    return fulfillment_id


@dataclass(frozen=True)
class Share:
    """What a tender pays of a fulfillment order; without a key it is still to be authorized."""

    tender_no: int
    amount_minor: int
    authorization_key: str | None


@dataclass(frozen=True)
class NewPart:
    """One of an order's first fulfillment orders, with all that is its own."""

    number: int
    location: str
    pick_s: float
    units: Mapping[int, int]  # by order line
    held: Mapping[str, int]  # by SKU, at the location; its levels say so already
    share_minor: int
    shares: Sequence[Share]


async def insert_routed(
    tx: AsyncConnection, order: Any, part: NewPart, skus: Mapping[int, str]
) -> str:
    """Write a fulfillment order of the order, whose row is given, and return its id."""
    fulfillment_id = f"{order.order_id}-f{part.number}"
    await run(
        tx,
        """
        WITH part AS (
            INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state,
                share_minor, is_pickup, next_step, next_deadline)
            VALUES (:fulfillment_id, :order_id, :number, :location, 'open',
                :share_minor, :is_pickup, 'pick', now() + make_interval(secs => :pick_s))
        ), lines AS (
            INSERT INTO fulfillment_lines (fulfillment_id, line_no, sku, quantity)
            SELECT :fulfillment_id, * FROM unnest(CAST(:lines AS bigint[]), CAST(:skus AS text[]),
                CAST(:counts AS bigint[]))
        ), held AS (
            INSERT INTO allocations (fulfillment_id, sku, pool, location, quantity, state)
            SELECT :fulfillment_id, sku, :pool, :location, units, 'allocated'
            FROM unnest(CAST(:held AS text[]), CAST(:held_units AS bigint[])) AS u(sku, units)
        )
        INSERT INTO fulfillment_shares (fulfillment_id, tender_no, amount_minor, authorization_key)
        SELECT :fulfillment_id, * FROM unnest(CAST(:tenders AS bigint[]),
            CAST(:amounts AS bigint[]), CAST(:keys AS text[]))
        """,
        fulfillment_id=fulfillment_id,
        order_id=order.order_id,
        number=part.number,
        location=part.location,
        share_minor=part.share_minor,
        is_pickup=order.pickup_location is not None,
        pick_s=part.pick_s,
        lines=list(part.units),
        skus=[skus[line_no] for line_no in part.units],
        counts=list(part.units.values()),
        pool=order.pool,
        held=list(part.held),
        held_units=list(part.held.values()),
        tenders=[share.tender_no for share in part.shares],
        amounts=[share.amount_minor for share in part.shares],
        keys=[share.authorization_key for share in part.shares],
    )
    return fulfillment_id


async def next_number(tx: AsyncConnection, order_id: str) -> int:
    """The number of one more fulfillment order, of an order that has some."""
    last = await row(
        tx, "SELECT max(number) AS number FROM fulfillments WHERE order_id = :o", o=order_id
    )
    assert last is not None
    return int(last.number) + 1


async def add_lines(
    tx: AsyncConnection, fulfillment_id: str, units: Mapping[int, int], skus: Mapping[int, str]
) -> None:
    await run(
        tx,
        """
        INSERT INTO fulfillment_lines (fulfillment_id, line_no, sku, quantity)
        SELECT :fulfillment_id, * FROM unnest(CAST(:lines AS bigint[]), CAST(:skus AS text[]),
            CAST(:counts AS bigint[]))
        """,
        fulfillment_id=fulfillment_id,
        lines=list(units),
        skus=[skus[line_no] for line_no in units],
        counts=list(units.values()),
    )


async def get(tx: AsyncConnection, fulfillment_id: str, *, lock: bool = False) -> Any:
    found = await row(
        tx,
        f"""
        SELECT {COLUMNS} FROM fulfillments f JOIN locations l USING (location)
        WHERE fulfillment_id = :fulfillment_id {"FOR UPDATE OF f" if lock else ""}
        """,  # noqa: S608
        fulfillment_id=fulfillment_id,
    )
    assert found is not None, f"no fulfillment {fulfillment_id}"
    return found


async def of_order(tx: AsyncConnection, order_id: str) -> list[Any]:
    """The parts of the order itself: an exchange's parcel belongs to its return."""
    return list(
        await rows(
            tx,
            "SELECT * FROM fulfillments WHERE order_id = :order_id AND rma IS NULL ORDER BY number",
            order_id=order_id,
        )
    )


async def advance(
    tx: AsyncConnection, fulfillment_id: str, state: str, step: str | None, within_s: float
) -> bool:
    """Move to `state` if the table of transitions allows it; False when it is there already.

    `step` and `within_s` say what comes next and by when; a final state has neither.
    """
    stamp = f"{state}_at = now()," if state in STAMPED else ""
    done = await run(
        tx,
        f"""
        UPDATE fulfillments SET state = :state, {stamp}
            ended_at = CASE WHEN :final THEN now() END, next_step = :step,
            next_deadline = CASE WHEN :final THEN NULL
                ELSE now() + make_interval(secs => :within_s) END
        WHERE fulfillment_id = :fulfillment_id AND state = ANY(CAST(:before AS text[]))
        """,  # noqa: S608
        fulfillment_id=fulfillment_id,
        state=state,
        step=step,
        final=state in FINAL,
        within_s=within_s,
        before=list(BEFORE[state]),
    )
    return bool(done)


async def give_back(tx: AsyncConnection, fulfillment: Any) -> None:
    """Release the allocations of a fulfillment order that will not ship."""
    for held in await _end_allocations(tx, fulfillment, "released", "cancelled"):
        await stock.move_location(
            tx,
            held.pool,
            Change(held.location, held.sku, reserved=-held.quantity),
            Cause(
                key=f"{fulfillment.fulfillment_id}:deallocate:{held.sku}",
                kind="deallocate",
                text="fulfillment cancelled",
                order_id=fulfillment.order_id,
                fulfillment_id=fulfillment.fulfillment_id,
            ),
        )


async def ship(tx: AsyncConnection, fulfillment: Any) -> None:
    """Take the units out of the location: they are in the carrier's hands."""
    for held in await _end_allocations(tx, fulfillment, "shipped", "shipped"):
        await stock.move_location(
            tx,
            held.pool,
            Change(held.location, held.sku, on_hand=-held.quantity, reserved=-held.quantity),
            Cause(
                key=f"{fulfillment.fulfillment_id}:ship:{held.sku}",
                kind="ship",
                text="handed over",
                order_id=fulfillment.order_id,
                fulfillment_id=fulfillment.fulfillment_id,
            ),
        )


async def _end_allocations(
    tx: AsyncConnection, fulfillment: Any, state: str, counted_as: str
) -> list[Any]:
    """End what is held and count the order's units; return what was held, its pool locked.

    A replacement's units were counted with the parcel that it replaces.
    """
    ended = await rows(
        tx,
        f"""
        WITH counted AS (
            UPDATE order_lines o SET {counted_as} = o.{counted_as} + f.quantity
            FROM fulfillment_lines f JOIN fulfillments USING (fulfillment_id)
            WHERE f.fulfillment_id = :fulfillment_id AND o.order_id = fulfillments.order_id
                AND o.line_no = f.line_no AND fulfillments.replaces IS NULL
        )
        UPDATE allocations SET state = :state, ended_at = now()
        WHERE fulfillment_id = :fulfillment_id AND state = 'allocated'
        RETURNING sku, pool, location, quantity
        """,  # noqa: S608
        fulfillment_id=fulfillment.fulfillment_id,
        state=state,
    )
    held = sorted(ended, key=lambda allocation: allocation.sku)
    await stock.lock_pool(tx, fulfillment.pool, [allocation.sku for allocation in held])
    return held
