"""Keeps a change that was confirmed, until the order's run has made it, or nobody told the run."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.inbox.content import canonical_json
from db.stores import changes, orders
from domain.changing import Wish


async def confirm(tx: AsyncConnection, order_id: str, wishes: Sequence[Wish], actor: str) -> int:
    """Write the change, and return its number; the order's row is locked before."""
    written = await row(
        tx,
        """
        INSERT INTO order_changes (order_id, number, state, wishes, asked_by)
        SELECT :order_id, coalesce(max(number), 0) + 1, 'confirmed', CAST(:wishes AS jsonb), :actor
        FROM order_changes WHERE order_id = :order_id
        RETURNING number
        """,
        order_id=order_id,
        wishes=canonical_json([asdict(wish) for wish in wishes]),
        actor=actor,
    )
    assert written is not None
    number = int(written.number)
    await orders.tell(tx, order_id, "ChangeConfirmed", actor=actor, data={"number": number})
    return number


async def take_back(tx: AsyncConnection, order_id: str, number: int, actor: str, code: str) -> None:
    """Nobody makes the change: who asked hears that. One that is made already stays."""
    await orders.head(tx, order_id, lock=True)
    if await changes.refused(tx, order_id, number, code):
        data = {"number": number, "code": code}
        await orders.tell(tx, order_id, "ChangeRefused", actor=actor, data=data)
