"""Exceptions: writing down what waits for a person, and what the person decided."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.mail import post_mail
from db.inbox import remarks
from db.stores import exceptions, orders
from db.stores.exceptions import NewException

# What the customer hears of, too: only they can say how else they want to pay.
DECLINED: Final = frozenset({"share_declined", "exchange_declined"})


@dataclass(frozen=True)
class Raised:
    """`detail` is in our words; those of the failed activity `said_in` are in our database."""

    exception_id: str
    workflow_id: str
    order_id: str
    fulfillment_id: str | None
    step: str
    reason: str
    detail: str
    within_s: float
    resolutions: tuple[str, ...]
    owner: str = "operations"
    said_in: str = ""


@dataclass(frozen=True)
class Resolved:
    exception_id: str
    order_id: str
    resolution: str
    actor: str
    note: str = ""


class ExceptionActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def raise_exception(self, raised: Raised) -> None:
        async with self._engine.begin() as tx:
            said = await remarks.find(tx, raised.workflow_id, raised.said_in)
            new = NewException(
                exception_id=raised.exception_id,
                workflow_id=raised.workflow_id,
                order_id=raised.order_id,
                fulfillment_id=raised.fulfillment_id,
                step=raised.step,
                reason=raised.reason,
                detail=(said or raised.detail)[:2000],
                owner=raised.owner,
                within_s=raised.within_s,
                resolutions=raised.resolutions,
            )
            order = await orders.head(tx, raised.order_id, lock=True)
            if await exceptions.open_exception(tx, new):
                if raised.reason in DECLINED:
                    # Tried again and declined again, it is the same news.
                    part = raised.workflow_id.partition("/")[2].replace("/", "")
                    await post_mail(tx, order, "payment_declined", part=part)
                data = {"exception_id": raised.exception_id, "reason": raised.reason}
                await orders.tell(
                    tx,
                    raised.order_id,
                    "ExceptionRaised",
                    fulfillment_id=raised.fulfillment_id,
                    data=data,
                )

    @activity.defn
    async def resolve_exception(self, resolved: Resolved) -> None:
        async with self._engine.begin() as tx:
            note = resolved.note or await remarks.find(tx, resolved.exception_id, "note") or ""
            await orders.head(tx, resolved.order_id, lock=True)
            found = await exceptions.resolve(
                tx, resolved.exception_id, resolved.resolution, resolved.actor, note
            )
            if found is not None:
                data = {
                    "exception_id": resolved.exception_id,
                    "resolution": resolved.resolution,
                }
                await orders.tell(
                    tx,
                    resolved.order_id,
                    "ExceptionResolved",
                    actor=resolved.actor,
                    fulfillment_id=found.fulfillment_id,
                    data=data,
                )
