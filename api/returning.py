"""What is said about a return under way: approved, refused, received, looked at, called off."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import ReturnsHandler, ReturnsWriter
from api.context import Ctx
from api.fields import IdempotencyKey, ReturnId
from api.problems import Kind, Problem, documented, invalid
from api.return_models import Arrival, Inspection, Refusal, Told
from api.updates import OK, Message, taken, tell
from db.inbox.audit import Change
from db.inbox.idempotency import StoredAnswer
from db.inbox.remarks import Remark
from db.queries import returns
from workflows.return_messages import (
    ReturnArrival,
    ReturnDecision,
    ReturnInspection,
    ReturnStanding,
    run_of_return,
)

router: Final = APIRouter(tags=["returns"])
_TELL: Final[dict[str, Any]] = {
    "response_model": Told,
    "responses": {
        **taken(Told),
        **documented(Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.WRONG_STATE, Kind.TOO_LATE,
                     Kind.STILL_IN_PROGRESS, Kind.WRONG_QUANTITIES, Kind.INVALID_REQUEST,
                     Kind.IDEMPOTENCY_KEY_REUSED),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Asker:
    """Who asks, about which return, under which key."""

    context: Ctx
    caller: ReturnsHandler
    rma: ReturnId
    idempotency_key: IdempotencyKey = None

    def once(self, verb: str, said: dict[str, Any] | None = None) -> Once:
        what = [f"POST /returns/{self.rma}/{verb}", said or {}]
        return Once(self.context, self.caller, self.idempotency_key, what)


@router.post("/returns/{rma}/approve", **_TELL)
async def approve_return(
    rma: ReturnId, context: Ctx, caller: ReturnsHandler, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Approve a return that waits for a person. Scope: `returns:handle`."""
    once = Asker(context, caller, rma, idempotency_key).once("approve")
    return await _tell(once, rma, "approve", ReturnDecision(caller.actor), "approved")


@router.post("/returns/{rma}/refuse", **_TELL)
async def refuse_return(
    rma: ReturnId,
    refusal: Refusal,
    context: Ctx,
    caller: ReturnsHandler,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Refuse a return that waits for a person. Scope: `returns:handle`."""
    once = Asker(context, caller, rma, idempotency_key).once("refuse", refusal.model_dump())
    remark = Remark(rma, "refused", refusal.reason)
    return await _tell(once, rma, "refuse", ReturnDecision(caller.actor), "refused", remark)


@router.post("/returns/{rma}/cancel", **_TELL)
async def cancel_return(
    rma: ReturnId, context: Ctx, caller: ReturnsWriter, idempotency_key: IdempotencyKey = None
) -> JSONResponse:
    """Call a return off, as long as nothing has come back. Scope: `returns:write`."""
    once = Asker(context, caller, rma, idempotency_key).once("cancel")
    return await _tell(once, rma, "cancel", ReturnDecision(caller.actor), "cancelled")


@router.post("/returns/{rma}/receive", **_TELL)
async def receive_return(
    rma: ReturnId,
    arrival: Arrival,
    context: Ctx,
    caller: ReturnsHandler,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Say how many units of each item have come so far. Scope: `returns:handle`."""
    once = Asker(context, caller, rma, idempotency_key).once("receive", arrival.model_dump())
    said = ReturnArrival(
        actor=caller.actor,
        items=tuple((item.item_no, item.quantity) for item in arrival.items),
        strangers=tuple((each.sku, each.quantity) for each in arrival.strangers),
        location=arrival.location,
        is_all=arrival.is_all,
    )
    return await _tell(once, rma, "receive", said, "received")


@router.post("/returns/{rma}/inspect", **_TELL)
async def inspect_return(
    rma: ReturnId,
    inspection: Inspection,
    context: Ctx,
    caller: ReturnsHandler,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Say of every unit whether it is accepted, and what becomes of it. Scope: `returns:handle`."""
    once = Asker(context, caller, rma, idempotency_key).once("inspect", inspection.model_dump())
    found = tuple(
        (unit.item_no, unit.disposition, unit.quantity, unit.accepted, unit.location)
        for unit in inspection.units
    )
    return await _tell(once, rma, "inspect", ReturnInspection(caller.actor, found), "inspected")


async def _tell(
    once: Once, rma: str, verb: str, said: Any, wished: str, remark: Remark | None = None
) -> JSONResponse:
    async def find(tx: AsyncConnection) -> Message | StoredAnswer:
        found = await returns.get_return(tx, rma)
        if found is None:
            raise Problem(Kind.NOT_FOUND, f"there is no return {rma}")
        if found["outcome"] == wished:  # said twice, it is as it was wished
            return StoredAnswer(OK, body(True, ReturnStanding("closed", wished)))  # noqa: FBT003 - as it is called
        if found["state"] == "closed":
            raise Problem(Kind.TOO_LATE, f"the return is closed: {found['outcome']}")
        await _check(tx, said, found)
        return Message(
            workflow_id=run_of_return(rma),
            name=verb,
            argument=said,
            asked=f"Return{wished.capitalize()}Asked",
            refused=f"Return{wished.capitalize()}Refused",
            subject=rma,
            change=Change({"state": found["state"]}, {"state": wished}),
            remark=remark,
            result_type=ReturnStanding,
        )

    def body(is_done: bool, now: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        standing = now if is_done else ReturnStanding("", None)
        return {
            "rma": rma,
            "status": "done" if is_done else "accepted",
            "state": standing.state or None,
            "outcome": standing.outcome,
        }

    return await tell(once, find, body)


async def _check(tx: AsyncConnection, said: Any, found: dict[str, Any]) -> None:
    """Raises: Problem for items, goods or places that are not there, or units nobody counted."""
    if isinstance(said, ReturnArrival):
        named = {item_no for item_no, _ in said.items}
        places = {said.location}
        skus = {sku for sku, _ in said.strangers}
    elif isinstance(said, ReturnInspection):
        named = {each[0] for each in said.found}
        places = {each[4] for each in said.found}
        skus = set()
        _count(said, found)
    else:
        return
    faults = []
    if named - {item["item_no"] for item in found["items"]}:
        faults.append({"pointer": "", "detail": "the return has no such item"})
    if places - {None} - await returns.known_locations(tx):
        faults.append({"pointer": "", "detail": "there is no such location"})
    if skus - await returns.known_skus(tx, sorted(skus)):
        faults.append({"pointer": "/strangers", "detail": "there is no such product"})
    if faults:
        raise invalid(faults)


def _count(said: ReturnInspection, found: dict[str, Any]) -> None:
    """Once what came is known, every unit of it is looked at; before, the run refuses."""
    if found["state"] != "received":
        return
    looked_at: Counter[int] = Counter()
    for item_no, _, quantity, _, _ in said.found:
        looked_at[item_no] += quantity
    came = {item["item_no"]: item["received"] for item in found["items"]}
    if any(looked_at[item_no] != received for item_no, received in came.items()):
        wanted = ", ".join(f"item {item_no}: {received}" for item_no, received in came.items())
        raise Problem(Kind.WRONG_QUANTITIES, f"came: {wanted}")
