"""What a random story looks up before it goes on: what there is to be done next."""

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from tests.activities.shop import Shop

ThingT = TypeVar("ThingT")


class Pages:
    dice: random.Random

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.orders: list[str] = []
        self.rmas: list[str] = []
        self.skus: list[str] = []

    def one_of(self, things: Sequence[ThingT]) -> ThingT | None:
        return self.dice.choice(things) if things else None

    async def open_orders(self) -> list[str]:
        found = await self.shop.rows(
            "SELECT order_id FROM orders WHERE order_id = ANY(:o) AND outcome IS NULL ORDER BY 1",
            o=self.orders,
        )
        return [order.order_id for order in found]

    async def unrouted(self) -> list[str]:
        found = await self.shop.rows(
            """
            SELECT order_id FROM orders o WHERE order_id = ANY(:o) AND outcome IS NULL
                AND NOT EXISTS (SELECT FROM fulfillments f WHERE f.order_id = o.order_id)
            ORDER BY 1
            """,
            o=self.orders,
        )
        return [order.order_id for order in found]

    async def closable(self) -> list[str]:
        """Orders all of whose own parts have ended."""
        found = await self.shop.rows(
            """
            SELECT order_id FROM orders o JOIN fulfillments f USING (order_id)
            WHERE order_id = ANY(:o) AND o.outcome IS NULL AND f.rma IS NULL
            GROUP BY 1 HAVING bool_and(f.ended_at IS NOT NULL) ORDER BY 1
            """,
            o=self.orders,
        )
        return [order.order_id for order in found]

    async def parts(self, where: str, order_id: str | None = None) -> list[Any]:
        return await self.shop.rows(
            f"""
            SELECT * FROM (SELECT f.*, EXISTS (SELECT FROM labels l
                    WHERE l.fulfillment_id = f.fulfillment_id AND l.state = 'bought') AS has_label,
                (SELECT array_agg(ARRAY[line_no, quantity] ORDER BY line_no)
                    FROM fulfillment_lines u WHERE u.fulfillment_id = f.fulfillment_id) AS lines
                FROM fulfillments f WHERE order_id = ANY(:o)) f
            WHERE {where} ORDER BY fulfillment_id
            """,
            o=[order_id] if order_id else self.orders,
        )

    async def shares(self, part: Any) -> list[Any]:
        return await self.shop.rows(
            """
            SELECT s.tender_no, s.authorization_key, a.state
            FROM fulfillment_shares s LEFT JOIN authorizations a USING (authorization_key)
            WHERE fulfillment_id = :f ORDER BY 1
            """,
            f=part.fulfillment_id,
        )

    async def returns(self, where: str) -> list[Any]:
        return await self.shop.rows(
            f"""
            SELECT * FROM (SELECT r.*, requested, received FROM returns r
                JOIN return_items USING (rma)) r
            WHERE rma = ANY(:rmas) AND ({where}) ORDER BY rma
            """,
            rmas=self.rmas,
        )

    async def returnable(self) -> list[Any]:
        """Lines of parcels that arrived, with their units that are not returned yet."""
        return await self.shop.rows(
            """
            SELECT f.order_id, l.*, l.quantity - l.in_return - l.returned AS free
            FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
            WHERE f.order_id = ANY(:o) AND f.state = 'delivered'
                AND l.quantity > l.in_return + l.returned
            ORDER BY f.fulfillment_id, l.line_no
            """,
            o=self.orders,
        )

    async def is_open(self) -> bool:
        return bool(
            await self.open_orders()
            or await self.parts("ended_at IS NULL")
            or await self.returns("state <> 'closed'")
        )
