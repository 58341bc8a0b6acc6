"""Sending what was to be collected, and the other way round, while the order has no parcels."""

from typing import Any, Final

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.change_models import NewDelivery
from api.changing import open_head
from api.problems import Kind, Problem
from api.readdressing import address_message, check_country, check_result, same_message
from api.updates import OK, Message, tell
from db.inbox import audit
from db.inbox.delivery import collect_instead
from db.inbox.idempotency import StoredAnswer
from db.queries import change_facts
from domain.changing import NO_STOCK

ROUTED: Final = "the order has its parcels already"
_REASONS: Final = {
    "no_store": "orders of this channel cannot be collected there",
    NO_STOCK: "not all of its units lie there",
}


async def redeliver(once: Once, order_id: str, wanted: NewDelivery) -> JSONResponse:
    """Raises: Problem."""

    async def find(tx: AsyncConnection) -> Message | StoredAnswer:
        head = await open_head(tx, order_id, wanted.version, lock=True)
        if await change_facts.has_parcels(tx, order_id):
            raise Problem(Kind.TOO_LATE, ROUTED)
        if wanted.ship_to is not None:
            if head.pickup_location is None:
                raise _refused("not_collected", "it is sent already: change its address")
            check_country(head, wanted.ship_to)
            return await address_message(tx, head, wanted.ship_to, once.caller.actor)
        await _collect(tx, head, wanted.pickup_location or "", once.caller.actor)
        return StoredAnswer(OK, body(True, None))  # noqa: FBT003 - called by position

    async def again(tx: AsyncConnection, facts: dict[str, Any]) -> Message | None:
        return await same_message(tx, facts, once.caller.actor)

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        if result is not None:
            check_result(done=done, result=result, late=ROUTED)
        status = "changed" if done else "accepted"
        return {"order_id": order_id, "status": status, "delivery": wanted.delivery}

    return await tell(once, find, body, again)


async def _collect(tx: AsyncConnection, head: Any, location: str, actor: str) -> None:
    """Raises: Problem."""
    code = await collect_instead(tx, head, location, actor)
    if code is not None:
        raise _refused(code, _REASONS[code])
    change = audit.Change(
        {"version": head.version, "pickup_location": head.pickup_location},
        {"pickup_location": location},
    )
    await audit.record(tx, actor, "DeliveryChanged", head.order_id, change)


def _refused(code: str, detail: str) -> Problem:
    return Problem(Kind.NOT_CHANGEABLE, detail, {"reason": code})
