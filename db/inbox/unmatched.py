"""Goods that came back and belong to no return: written down, and what a person decided."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.stores import stock
from db.stores.stock import Cause, Change


@dataclass(frozen=True)
class NewGoods:
    location: str
    sku: str | None
    quantity: int


async def set_aside(tx: AsyncConnection, new: NewGoods) -> int:
    made = await row(
        tx,
        """
        INSERT INTO unmatched_goods (location, sku, quantity, kind, state)
        VALUES (:location, :sku, :quantity, 'unknown', 'open') RETURNING goods_id
        """,
        **vars(new),
    )
    assert made is not None
    return int(made.goods_id)


async def locked(tx: AsyncConnection, goods_id: int) -> Any | None:
    return await row(
        tx, "SELECT * FROM unmatched_goods WHERE goods_id = :id FOR UPDATE", id=goods_id
    )


async def resolve(tx: AsyncConnection, goods: Any, resolution: str, actor: str) -> None:
    """End the task; what is restocked can be sold again. The row is locked and open."""
    await row(
        tx,
        """
        UPDATE unmatched_goods SET state = 'resolved', resolution = :resolution,
            resolved_by = :actor, resolved_at = now()
        WHERE goods_id = :id RETURNING 1
        """,
        id=goods.goods_id,
        resolution=resolution,
        actor=actor,
    )
    if resolution == "restock":
        place = await row(tx, "SELECT pool FROM locations WHERE location = :l", l=goods.location)
        assert place is not None
        await stock.restock(
            tx,
            place.pool,
            Change(goods.location, goods.sku, on_hand=goods.quantity),
            Cause(key=f"unmatched:{goods.goods_id}", kind="restock", text="unmatched goods"),
        )
