"""What staff do about holds, as messages to the order's run with their audit rows."""

import secrets
from typing import Any, Final

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.changing import check_open
from api.hold_models import NewHold
from api.placement_models import NewAddress
from api.problems import Kind, Problem, invalid
from api.readdressing import check_heard, keep_address, taking_back, told_as
from api.updates import OK, Message, tell, update_id
from db.inbox import corrections
from db.inbox.audit import Change
from db.inbox.idempotency import StoredAnswer
from db.inbox.remarks import Remark
from db.queries import holds
from domain.holds import HOLD_TYPES
from domain.timings import DAY
from workflows.messages import (
    AddressCorrected,
    CorrectAddress,
    HoldPlaced,
    PlaceHold,
    ReleaseHold,
    order_workflow_id,
)

# Stock is kept as long.
LONGEST_S: Final = 366 * DAY


async def place(once: Once, order_id: str, hold: NewHold) -> JSONResponse:
    """Raises: Problem."""
    if hold.until is not None:
        ahead_s = hold.until.timestamp() - once.context.config.now_s()
        if not 0 < ahead_s <= LONGEST_S:
            raise invalid([{"pointer": "/until", "detail": "it must be within a year from now"}])
    key = f"api:{update_id(once) or secrets.token_hex(16)}"

    async def find(tx: AsyncConnection) -> Message:
        await check_open(tx, order_id)
        if not await holds.is_admitted(tx, order_id):
            raise Problem(Kind.NOT_STARTED, "the order is kept, and not admitted yet")
        return Message(
            workflow_id=order_workflow_id(order_id),
            name="place_hold",
            argument=PlaceHold(once.caller.actor, hold.kind, key, hold.until),
            asked="HoldPlacingAsked",
            refused="HoldPlacingRefused",
            subject=order_id,
            change=Change(after={"kind": hold.kind, "key": key}),
            remark=Remark(order_id, f"hold:{key}", hold.reason),
            until_done=True,
            result_type=HoldPlaced,
        )

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        number = result.number if done else None
        return {"order_id": order_id, "number": number, "status": "placed" if done else "accepted"}

    return await tell(once, find, body)


async def release(once: Once, order_id: str, number: int, reason: str) -> JSONResponse:
    """Raises: Problem."""

    async def find(tx: AsyncConnection) -> Message:
        hold = await _open_hold(tx, order_id, number)
        scope = HOLD_TYPES[hold["kind"]].release_scope
        if not once.caller.may(scope):
            raise Problem(Kind.FORBIDDEN, f"the key needs the scope {scope}")
        return message

    async def again(tx: AsyncConnection, _: dict[str, Any]) -> Message | StoredAnswer:
        hold = await holds.get_hold(tx, order_id, number)
        if hold is not None and hold["state"] == "released":
            return StoredAnswer(OK, body(True, None))  # noqa: FBT003 - called by position
        await _open_hold(tx, order_id, number)
        return message

    message = Message(
        workflow_id=order_workflow_id(order_id),
        name="release_hold",
        argument=ReleaseHold(once.caller.actor, number),
        asked="HoldReleaseAsked",
        refused="HoldReleaseRefused",
        subject=order_id,
        change=Change({"state": "open"}, {"state": "released", "number": number}),
        remark=Remark(order_id, f"released:{number}", reason),
        until_done=True,
        facts={},
    )

    def body(done: bool, _: object) -> dict[str, Any]:  # noqa: FBT001 - called by position
        status = "released" if done else "accepted"
        return {"order_id": order_id, "number": number, "status": status}

    return await tell(once, find, body, again)


async def correct(once: Once, order_id: str, number: int, ship_to: NewAddress) -> JSONResponse:
    """Raises: Problem."""

    async def find(tx: AsyncConnection) -> Message:
        hold = await _open_hold(tx, order_id, number)
        if hold["kind"] != "address_problem":
            raise Problem(Kind.WRONG_STATE, f"the hold is for another reason: {hold['kind']}")
        return _correction(
            once, order_id, await keep_address(tx, order_id, ship_to, once.caller.actor)
        )

    async def again(tx: AsyncConnection, facts: dict[str, Any]) -> Message | None:
        if not await corrections.is_kept(tx, facts["kept"]):
            return None
        await check_open(tx, order_id)
        return _correction(once, order_id, facts["kept"])

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        check_heard(done=done, result=result)
        verified = "deliverable" if done and result.deliverable else "undeliverable"
        return {"order_id": order_id, "status": verified if done else "accepted"}

    return await tell(once, find, body, again)


def _correction(once: Once, order_id: str, kept: int) -> Message:
    return Message(
        workflow_id=order_workflow_id(order_id),
        name="correct_address",
        argument=CorrectAddress(once.caller.actor),
        asked="AddressCorrectionAsked",
        refused="AddressCorrectionRefused",
        subject=order_id,
        change=Change({"address": "undeliverable"}, {"address": "corrected"}),
        until_done=True,
        told_as=told_as(kept),
        facts={"kept": kept},
        take_back=taking_back(kept),
        result_type=AddressCorrected,
    )


async def _open_hold(tx: AsyncConnection, order_id: str, number: int) -> dict[str, Any]:
    """Raises: Problem, unless it is there and open."""
    hold = await holds.get_hold(tx, order_id, number)
    if hold is None:
        raise Problem(Kind.NOT_FOUND, f"the order has no hold {number}")
    await check_open(tx, order_id)
    if hold["state"] != "open":
        raise Problem(Kind.WRONG_STATE, f"{hold['state']} before, by {hold['ended_by']}")
    return hold
