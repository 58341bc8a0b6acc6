"""Asking a carrier to bring parcels back: written down, told, and then the playbook's matter."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.mail import post_mail
from db.stores import fulfillments, orders, parcels
from domain.playbook import INTERCEPTED


@dataclass(frozen=True)
class AskIntercept:
    order_id: str
    actor: str


class InterceptActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def intercept(self, asked: AskIntercept) -> tuple[int, ...]:
        """Mark every parcel in the carrier's hands; answer the numbers of those that are marked."""
        async with self._engine.begin() as tx:
            order = await orders.head(tx, asked.order_id, lock=True)
            for part in await fulfillments.of_order(tx, asked.order_id):
                if part.state != "handed_over":
                    continue
                if await parcels.note_play(tx, part.fulfillment_id, INTERCEPTED):
                    await orders.tell(
                        tx, asked.order_id, "InterceptAsked", actor=asked.actor,
                        fulfillment_id=part.fulfillment_id,
                    )  # fmt: skip
                    await post_mail(tx, order, "parcel_intercepted", part=f"f{part.number}")
            return await parcels.intercepted(tx, asked.order_id)
