"""Changes of placed orders: ending one, and the rows of what it adds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from domain.order import Line


async def get(tx: AsyncConnection, order_id: str, number: int) -> Any:
    found = await row(
        tx,
        "SELECT * FROM order_changes WHERE order_id = :o AND number = :n",
        o=order_id,
        n=number,
    )
    assert found is not None, f"no change {number} of {order_id}"
    return found


async def waiting(tx: AsyncConnection, order_id: str) -> tuple[int, ...]:
    """Confirmed, and not made yet."""
    found = await rows(
        tx,
        "SELECT number FROM order_changes WHERE order_id = :o AND state = 'confirmed' ORDER BY 1",
        o=order_id,
    )
    return tuple(each.number for each in found)


async def applied(
    tx: AsyncConnection, order_id: str, number: int, refund_minor: int, charge_minor: int
) -> None:
    await run(
        tx,
        """
        UPDATE order_changes SET state = 'applied', ended_at = now(), refund_minor = :refund,
            charge_minor = :charge
        WHERE order_id = :o AND number = :n AND state = 'confirmed'
        """,
        o=order_id,
        n=number,
        refund=refund_minor,
        charge=charge_minor,
    )


async def refused(tx: AsyncConnection, order_id: str, number: int, code: str) -> None:
    await run(
        tx,
        """
        UPDATE order_changes SET state = 'refused', ended_at = now(), code = :code
        WHERE order_id = :o AND number = :n AND state = 'confirmed'
        """,
        o=order_id,
        n=number,
        code=code,
    )


async def set_priority(tx: AsyncConnection, order_id: str, priority: int) -> None:
    await run(tx, "UPDATE orders SET priority = :p WHERE order_id = :o", o=order_id, p=priority)


async def stop(tx: AsyncConnection, fulfillment_id: str) -> None:
    """Ask a locked fulfillment order that has not left to be cancelled."""
    await run(
        tx,
        "UPDATE fulfillments SET cancel_requested = true WHERE fulfillment_id = :f",
        f=fulfillment_id,
    )


async def add_lines(tx: AsyncConnection, order_id: str, lines: Sequence[Line]) -> int:
    """Order more, to be paid by the order's first card; return the number of that tender."""
    for line in lines:
        await run(
            tx,
            """
            INSERT INTO order_lines (order_id, line_no, sku, quantity, unit_price_minor, tax_minor)
            VALUES (:o, :line_no, :sku, :quantity, :price, :tax)
            """,
            o=order_id,
            line_no=line.line_no,
            sku=line.sku,
            quantity=line.quantity,
            price=line.unit_price_minor,
            tax=line.tax_minor,
        )
    paid = await row(
        tx,
        """
        WITH dearer AS (
            UPDATE orders SET total_minor = total_minor + :amount WHERE order_id = :o)
        UPDATE tenders SET amount_minor = amount_minor + :amount
        WHERE order_id = :o AND tender_no = (SELECT min(tender_no) FROM tenders
            WHERE order_id = :o AND kind = 'card' AND rma IS NULL)
        RETURNING tender_no
        """,
        o=order_id,
        amount=sum(line.total_minor for line in lines),
    )
    assert paid is not None
    return int(paid.tender_no)
