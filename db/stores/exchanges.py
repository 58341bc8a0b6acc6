"""Exchanges: the parcel that is sent instead, and the money that pays for it or secures it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from db.stores import fulfillments, parts, stock


@dataclass(frozen=True)
class Parcel:
    """What one location sends instead; `due_minor` is what the goods sent back do not pay."""

    location: str
    lines: Mapping[int, int]
    skus: Mapping[int, str]
    due_minor: int
    pick_s: float


async def lines(tx: AsyncConnection, rma: str) -> list[Any]:
    """What is sent instead, with its name, and whether it is still sold."""
    return list(
        await rows(
            tx,
            """
            SELECT x.*, p.name, p.active FROM exchange_lines x JOIN products p USING (sku)
            WHERE x.rma = :rma ORDER BY x.line_no
            """,
            rma=rma,
        )
    )


async def instead_of(tx: AsyncConnection, rma: str) -> set[int]:
    """The order's lines that it stands in for, also when what came in exchange is exchanged."""
    found = await rows(
        tx,
        """
        WITH RECURSIVE asked AS (
            SELECT r.order_id, i.line_no
            FROM returns r JOIN return_items i ON i.rma = r.rma WHERE r.rma = :rma
            UNION
            SELECT a.order_id, i.line_no
            FROM asked a JOIN returns r ON r.order_id = a.order_id
                JOIN exchange_lines x ON x.rma = r.rma AND x.line_no = a.line_no
                JOIN return_items i ON i.rma = r.rma
        )
        SELECT line_no FROM asked JOIN order_lines USING (order_id, line_no)
        """,
        rma=rma,
    )
    return {each.line_no for each in found}


async def parcel_of(tx: AsyncConnection, rma: str) -> Any | None:
    return await row(
        tx,
        f"SELECT f.*, {fulfillments.DUE_S} FROM fulfillments f WHERE rma = :rma",  # noqa: S608
        rma=rma,
    )


async def is_sent(tx: AsyncConnection, rma: str) -> bool:
    """Whether something is on its way instead, or there: called off or lost, it is not."""
    query = "SELECT 1 FROM fulfillments WHERE rma = :rma AND state NOT IN ('cancelled', 'lost')"
    return await row(tx, query, rma=rma) is not None


async def lacking(tx: AsyncConnection, pool: str, demand: Mapping[str, int]) -> tuple[str, ...]:
    """Name what the pool has not free: what others hold is not theirs to lose. Locks its levels."""
    await stock.lock_pool(tx, pool, sorted(demand))
    found = await rows(
        tx,
        """
        SELECT sku, on_hand - reserved - open_demand - safety_stock AS free
        FROM pool_levels WHERE pool = :pool AND sku = ANY(CAST(:skus AS text[]))
        """,
        pool=pool,
        skus=sorted(demand),
    )
    free = {each.sku: each.free for each in found}
    return tuple(sku for sku, units in sorted(demand.items()) if free.get(sku, 0) < units)


async def send(tx: AsyncConnection, back: Any, parcel: Parcel) -> str:
    """Allocate the units and write the fulfillment order; return its id."""
    number = await fulfillments.next_number(tx, back.order_id)
    fulfillment_id = await fulfillments.insert(
        tx, back.order_id, number, parcel.location, parcel.due_minor, parcel.pick_s, rma=back.rma
    )
    await fulfillments.add_lines(tx, fulfillment_id, parcel.lines, parcel.skus)
    units = parts.per_sku(parcel.lines, parcel.skus)
    await parts.allocate(tx, fulfillment_id, units, "exchange")
    return fulfillment_id


async def add_tender(tx: AsyncConnection, back: Any, amount_minor: int, currency: str) -> int:
    """Write a card of the return's own, beside the order's tenders; return its number."""
    made = await row(
        tx,
        """
        INSERT INTO tenders (order_id, tender_no, kind, amount_minor, currency, reference, rma)
        SELECT :order_id, max(tender_no) + 1, 'card', :amount_minor, :currency, :reference, :rma
        FROM tenders WHERE order_id = :order_id RETURNING tender_no
        """,
        order_id=back.order_id,
        amount_minor=amount_minor,
        currency=currency,
        reference=back.payment_reference,
        rma=back.rma,
    )
    assert made is not None
    return int(made.tender_no)


async def is_held(tx: AsyncConnection, back: Any, tender_no: int) -> bool:
    """Whether a card of the return holds the money now, by whichever attempt."""
    query = """
        SELECT 1 FROM authorizations
        WHERE order_id = :order_id AND tender_no = :tender_no AND state = 'held'
    """
    return await row(tx, query, order_id=back.order_id, tender_no=tender_no) is not None


async def add_share(
    tx: AsyncConnection, fulfillment_id: str, tender_no: int, amount_minor: int
) -> None:
    """Say that a tender pays so much of the parcel; what it has authorized is tied to it."""
    await run(
        tx,
        """
        INSERT INTO fulfillment_shares (fulfillment_id, tender_no, amount_minor, authorization_key)
        SELECT f.fulfillment_id, :tender_no, :amount_minor, (SELECT authorization_key
            FROM authorizations a WHERE a.order_id = f.order_id AND a.tender_no = :tender_no)
        FROM fulfillments f WHERE f.fulfillment_id = :fulfillment_id
        """,
        fulfillment_id=fulfillment_id,
        tender_no=tender_no,
        amount_minor=amount_minor,
    )


async def charge_security(
    tx: AsyncConnection, parcel: Any, tender_no: int, amount_minor: int
) -> None:
    """What never came back is paid by what was held for it: the parcel costs so much more."""
    await run(
        tx,
        """
        UPDATE fulfillments SET share_minor = share_minor + :amount_minor
        WHERE fulfillment_id = :fulfillment_id
        """,
        fulfillment_id=parcel.fulfillment_id,
        amount_minor=amount_minor,
    )
    await add_share(tx, parcel.fulfillment_id, tender_no, amount_minor)


async def add_replacements(
    tx: AsyncConnection, rma: str, first: int, worths: Mapping[str, tuple[int, int]]
) -> None:
    """The same goods again: units and worth by SKU."""
    for number, (sku, (quantity, total_minor)) in enumerate(worths.items(), first):
        await run(
            tx,
            """
            INSERT INTO exchange_lines (rma, line_no, sku, quantity, total_minor)
            VALUES (:rma, :number, :sku, :quantity, :total_minor)
            """,
            rma=rma,
            number=number,
            sku=sku,
            quantity=quantity,
            total_minor=total_minor,
        )


async def next_line(tx: AsyncConnection, order_id: str, first: int) -> int:
    found = await row(
        tx,
        """
        SELECT coalesce(max(x.line_no) + 1, :first) AS n
        FROM exchange_lines x JOIN returns r USING (rma) WHERE r.order_id = :order_id
        """,
        order_id=order_id,
        first=first,
    )
    assert found is not None
    return int(found.n)
