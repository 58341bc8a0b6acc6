"""Returns: moving them on, counting what arrived, writing down what was decided about each unit.

The order's row is locked before any of these, so that writers of one order take turns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from domain.returning.states import BEFORE


@dataclass(frozen=True)
class Verdict:
    """What became of units of an item that was looked at."""

    item_no: int
    disposition: str
    quantity: int
    accepted: bool
    location: str


def order_of(rma: str) -> str:
    return rma.rpartition("-r")[0]


async def get(tx: AsyncConnection, rma: str) -> Any:
    found = await row(tx, "SELECT * FROM returns WHERE rma = :rma FOR UPDATE", rma=rma)
    assert found is not None, f"no return {rma}"
    return found


async def items(tx: AsyncConnection, rma: str) -> list[Any]:
    return list(
        await rows(tx, "SELECT * FROM return_items WHERE rma = :rma ORDER BY item_no", rma=rma)
    )


async def accepted(tx: AsyncConnection, rma: str) -> dict[int, int]:
    """Return how many units of which line the return is given something for."""
    found = await rows(
        tx,
        """
        SELECT line_no, sum(accepted)::bigint AS units FROM return_items
        WHERE rma = :rma AND accepted > 0 GROUP BY line_no
        """,
        rma=rma,
    )
    return {item.line_no: item.units for item in found}


async def advance(tx: AsyncConnection, rma: str, state: str, step: str, within_s: float) -> bool:
    """Move to `state` if the table of steps allows it; False when it is elsewhere already."""
    done = await run(
        tx,
        f"""
        UPDATE returns SET state = :state, {state}_at = now(), next_step = :step,
            next_deadline = now() + make_interval(secs => :within_s)
        WHERE rma = :rma AND state = ANY(CAST(:before AS text[]))
        """,  # noqa: S608 - a state of our own
        rma=rma,
        state=state,
        step=step,
        within_s=within_s,
        before=sorted(BEFORE[state]),
    )
    return bool(done)


async def next_step(tx: AsyncConnection, rma: str, step: str, within_s: float) -> None:
    await run(
        tx,
        """
        UPDATE returns SET next_step = :step,
            next_deadline = now() + make_interval(secs => :within_s)
        WHERE rma = :rma AND state <> 'closed'
        """,
        rma=rma,
        step=step,
        within_s=within_s,
    )


async def close(tx: AsyncConnection, rma: str, outcome: str) -> bool:
    """End the return once; units that were promised and not settled may be returned anew."""
    before = await get(tx, rma)
    done = await run(
        tx,
        """
        UPDATE returns SET state = 'closed', outcome = :outcome, closed_at = now(),
            arrival_over = true, next_step = NULL, next_deadline = NULL
        WHERE rma = :rma AND state = ANY(CAST(:before AS text[]))
        """,
        rma=rma,
        outcome=outcome,
        before=sorted(BEFORE["closed"]),
    )
    if done and before.state != "settled":
        await _count(tx, rma, returned=False)
    return bool(done)


async def settle_units(tx: AsyncConnection, rma: str) -> None:
    """Count what a return has ended for: accepted or not, it will not come back again."""
    await _count(tx, rma, returned=True)


async def _count(tx: AsyncConnection, rma: str, *, returned: bool) -> None:
    await run(
        tx,
        """
        UPDATE fulfillment_lines l SET in_return = l.in_return - i.requested,
            returned = l.returned + CASE WHEN :returned THEN i.judged ELSE 0 END
        FROM (SELECT fulfillment_id, line_no, sum(requested)::bigint AS requested,
                sum(accepted + rejected)::bigint AS judged
            FROM return_items WHERE rma = :rma GROUP BY 1, 2) i
        WHERE l.fulfillment_id = i.fulfillment_id AND l.line_no = i.line_no
        """,
        rma=rma,
        returned=returned,
    )


async def count_received(tx: AsyncConnection, rma: str, counts: Mapping[int, int]) -> None:
    """Write how many units of each item have come so far: told again, nothing is added."""
    for item_no, count in counts.items():
        await run(
            tx,
            """
            UPDATE return_items SET received = greatest(received, least(requested, :count)),
                extra = greatest(extra, :count - requested, 0)
            WHERE rma = :rma AND item_no = :item_no
            """,
            rma=rma,
            item_no=item_no,
            count=count,
        )


async def accept_kept(tx: AsyncConnection, rma: str) -> None:
    """What the customer keeps is accepted unseen."""
    await run(tx, "UPDATE return_items SET accepted = requested WHERE rma = :rma", rma=rma)


async def judge(tx: AsyncConnection, rma: str, verdicts: Sequence[Verdict]) -> None:
    for verdict in verdicts:
        await run(
            tx,
            """
            WITH judged AS (
                INSERT INTO return_dispositions (rma, item_no, disposition, accepted, quantity,
                    location)
                VALUES (:rma, :item_no, :disposition, :accepted, :quantity, :location)
            )
            UPDATE return_items SET
                accepted = accepted + CASE WHEN :accepted THEN :quantity ELSE 0 END,
                rejected = rejected + CASE WHEN :accepted THEN 0 ELSE :quantity END
            WHERE rma = :rma AND item_no = :item_no
            """,
            rma=rma,
            **vars(verdict),
        )


async def set_aside(
    tx: AsyncConnection, rma: str, location: str, kind: str, goods: Mapping[str, int]
) -> None:
    """Write down goods that nobody announced: a person finds out whose they are."""
    for sku, quantity in goods.items():
        await run(
            tx,
            """
            INSERT INTO unmatched_goods (location, sku, quantity, rma, kind, state)
            VALUES (:location, :sku, :quantity, :rma, :kind, 'open')
            ON CONFLICT (rma, kind, sku) WHERE rma IS NOT NULL
                DO UPDATE SET quantity = greatest(unmatched_goods.quantity, excluded.quantity)
            """,
            rma=rma,
            location=location,
            kind=kind,
            sku=sku,
            quantity=quantity,
        )


async def write_worth(tx: AsyncConnection, rma: str, amounts: Mapping[str, int]) -> None:
    """`amounts` by the names of the columns."""
    changes = ", ".join(f"{name} = :{name}" for name in amounts)
    await run(tx, f"UPDATE returns SET {changes} WHERE rma = :rma", rma=rma, **amounts)  # noqa: S608


async def refund_instead(tx: AsyncConnection, rma: str) -> None:
    """Nothing can be sent instead, now or later: the return ends as a refund."""
    await run(
        tx,
        """
        UPDATE returns SET resolution = 'refund', advance = false, exchange_minor = 0
        WHERE rma = :rma
        """,
        rma=rma,
    )


async def tracked(tx: AsyncConnection, rma: str, status: str) -> bool:
    """Show where the parcel is on its way back; False when that is no news."""
    return bool(
        await run(
            tx,
            """
            UPDATE returns SET tracking_status = :status
            WHERE rma = :rma AND state <> 'closed' AND tracking_status IS DISTINCT FROM :status
            """,
            rma=rma,
            status=status,
        )
    )


async def write_code(tx: AsyncConnection, rma: str, code: str) -> None:
    await run(tx, "UPDATE returns SET drop_off_code = :code WHERE rma = :rma", rma=rma, code=code)
