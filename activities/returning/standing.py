"""Where a return stands: what every step of it answers, the first time and each time after."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.mail import post_mail
from db.stores import orders, returns
from domain.events import OrderEvent


@dataclass(frozen=True)
class Standing:
    """`problem`: why what was told could not be taken; nothing was changed then."""

    state: str
    outcome: str | None = None
    problem: str | None = None


async def locked(tx: AsyncConnection, rma: str) -> Any:
    """Lock the order's row, then the return's; whoever writes either takes turns with us."""
    await orders.head(tx, returns.order_of(rma), lock=True)
    return await returns.get(tx, rma)


async def standing(tx: AsyncConnection, rma: str, problem: str | None = None) -> Standing:
    now = await returns.get(tx, rma)
    return Standing(now.state, now.outcome, problem)


async def tell(
    tx: AsyncConnection, back: Any, event: OrderEvent, actor: str = "system", **more: object
) -> None:
    await orders.tell(tx, back.order_id, event, actor=actor, data={"rma": back.rma, **more})


async def mail(tx: AsyncConnection, back: Any, template: str, **facts: str) -> None:
    order = await orders.head(tx, back.order_id)
    assert order is not None
    await post_mail(tx, order, template, {"rma": back.rma, **facts}, part=f"r{back.number}")
