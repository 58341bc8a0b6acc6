"""Changes of placed orders: ending one, and the rows of what it adds."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from domain.changing import Allowance
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


async def refused(tx: AsyncConnection, order_id: str, number: int, code: str) -> bool:
    """False when it had ended before."""
    return bool(
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


async def lower_price(tx: AsyncConnection, order_id: str, allowance: Allowance, step: int) -> None:
    """Let a line, its order and its fulfillment orders cost less; `step`: the smallest payment.

    What was paid or held for it already is more than what leaves costs: it goes back at the end.
    """
    await run(
        tx,
        """
        WITH cheaper AS (
            UPDATE orders SET total_minor = total_minor - :amount WHERE order_id = :o)
        UPDATE order_lines SET discount_minor = discount_minor + :net, tax_minor = tax_minor - :tax
        WHERE order_id = :o AND line_no = :line_no
        """,
        o=order_id,
        line_no=allowance.line_no,
        net=allowance.net_minor,
        tax=allowance.tax_minor,
        amount=allowance.amount_minor,
    )
    for fulfillment_id, less_minor in allowance.by_part.items():
        await run(
            tx,
            "UPDATE fulfillments SET share_minor = share_minor - :less WHERE fulfillment_id = :f",
            f=fulfillment_id,
            less=less_minor,
        )
        await _lower_shares(tx, order_id, fulfillment_id, less_minor, step)


async def _lower_shares(
    tx: AsyncConnection, order_id: str, fulfillment_id: str, less_minor: int, step: int
) -> None:
    """Cards first: of what is only held, less is taken. Each goes on paying at least `step`."""
    paid = await rows(
        tx,
        """
        SELECT s.tender_no, s.amount_minor FROM fulfillment_shares s
            JOIN tenders t ON t.order_id = :o AND t.tender_no = s.tender_no
        WHERE s.fulfillment_id = :f ORDER BY t.kind <> 'card', s.tender_no FOR UPDATE OF s
        """,
        o=order_id,
        f=fulfillment_id,
    )
    rest = less_minor
    for share in paid:
        taken = min(rest, share.amount_minor - step)
        if taken > 0:
            await _lower_share(tx, order_id, fulfillment_id, share.tender_no, taken)
            rest -= taken
    assert rest == 0, "the change was not proposed with these shares"


async def _lower_share(
    tx: AsyncConnection, order_id: str, fulfillment_id: str, tender_no: int, less_minor: int
) -> None:
    await run(
        tx,
        """
        WITH cheaper AS (
            UPDATE tenders SET lowered_minor = lowered_minor + :less
            WHERE order_id = :o AND tender_no = :t)
        UPDATE fulfillment_shares SET amount_minor = amount_minor - :less
        WHERE fulfillment_id = :f AND tender_no = :t
        """,
        o=order_id,
        f=fulfillment_id,
        t=tender_no,
        less=less_minor,
    )
