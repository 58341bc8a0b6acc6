"""Asking for a change of an order: previewed, or confirmed with the version the caller saw."""

from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.cancelling import end_of
from api.change_models import NewChange
from api.problems import Kind, Problem
from api.updates import OK, UNTOLD, Message, tell
from db.inbox.audit import Change
from db.inbox.changes import confirm, take_back
from db.inbox.idempotency import StoredAnswer
from db.queries import change_facts
from domain.changing import NO_STOCK, TOO_LATE, Proposal, Unchangeable, Wish, propose
from domain.order import Line
from workflows.messages import ChangeOrder, ChangeResult, order_workflow_id


async def preview(tx: AsyncConnection, order_id: str, wanted: NewChange) -> dict[str, Any]:
    """Raises: Problem."""
    return (await _proposal(tx, order_id, wanted, lock=False))[1]


async def ask(once: Once, order_id: str, wanted: NewChange) -> JSONResponse:
    """Raises: Problem."""
    answer: dict[str, Any] = {}

    async def find(tx: AsyncConnection) -> Message:
        wishes, told = await _proposal(tx, order_id, wanted, lock=True)
        answer.update(told, number=await confirm(tx, order_id, wishes, once.caller.actor))
        return _message(once, wanted, answer)

    async def again(tx: AsyncConnection, told: dict[str, Any]) -> Message | StoredAnswer | None:
        change = await change_facts.change(tx, order_id, told["number"])
        if change.code in UNTOLD:
            return None
        answer.update(told)
        if change.state == "confirmed":
            return _message(once, wanted, answer)
        return StoredAnswer(OK, body(True, change))  # noqa: FBT003 - called by position

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        if done and result.state != "applied":
            code = result.code or TOO_LATE
            raise Problem(Kind.NOT_CHANGEABLE, f"refused: {code}", {"reason": code})
        return {**answer, "state": "applied" if done else "accepted"}

    return await tell(once, find, body, again)


def _message(once: Once, wanted: NewChange, told: dict[str, Any]) -> Message:
    order_id, number = told["order_id"], told["number"]

    async def give_up(tx: AsyncConnection, code: str) -> None:
        await take_back(tx, order_id, number, once.caller.actor, code)

    after = {"number": number, "changes": [each.wish().kind for each in wanted.changes]}
    return Message(
        workflow_id=order_workflow_id(order_id),
        name="change",
        argument=ChangeOrder(number),
        asked="OrderChangeAsked",
        refused="OrderChangeRefused",
        subject=order_id,
        change=Change(before={"version": wanted.version}, after=after),
        until_done=True,
        told_as=f"change-{number}",
        facts=told,
        take_back=give_up,
        result_type=ChangeResult,
    )


async def _proposal(
    tx: AsyncConnection, order_id: str, wanted: NewChange, *, lock: bool
) -> tuple[tuple[Wish, ...], dict[str, Any]]:
    """What the wishes are and what they do. Raises: Problem."""
    head = await open_head(tx, order_id, wanted.version, lock=lock)
    order = await change_facts.placed(tx, order_id)
    wishes = tuple(each.wish() for each in wanted.changes)
    try:
        proposal = propose(order, wishes)
    except Unchangeable as refusal:
        raise Problem(Kind.NOT_CHANGEABLE, str(refusal), {"reason": refusal.code}) from None
    return wishes, {
        "order_id": order_id,
        "version": head.version,
        "number": None,
        "state": "previewed",
        "currency": head.currency,
        "total_minor": head.total_minor,
        **_money(proposal),
        "stock": await _stock(tx, order_id, proposal.added),
    }


async def check_open(tx: AsyncConnection, order_id: str) -> None:
    """Raises: Problem."""
    outcome = await end_of(tx, order_id)
    if outcome is not None:
        raise Problem(Kind.TOO_LATE, f"the order is closed: {outcome}", {"outcome": outcome})


async def open_head(tx: AsyncConnection, order_id: str, version: int, *, lock: bool) -> Any:
    """The order's row, when it is as the caller saw it. Raises: Problem."""
    await check_open(tx, order_id)
    head = await change_facts.head(tx, order_id, lock=lock)
    if head is None:
        raise Problem(Kind.NOT_STARTED, "the order is kept, and not admitted yet")
    if head.outcome is not None:
        raise Problem(Kind.TOO_LATE, f"the order is closed: {head.outcome}")
    if head.version != version:
        detail = f"it is at version {head.version}, not {version}: look again"
        raise Problem(Kind.STALE_VERSION, detail, {"order_id": order_id})
    return head


def _money(proposal: Proposal) -> dict[str, int]:
    return {"refund_minor": proposal.refund_minor, "charge_minor": proposal.charge_minor}


async def _stock(tx: AsyncConnection, order_id: str, added: Sequence[Line]) -> list[dict[str, Any]]:
    """Raises: Problem when units are added that are not free, or that nobody knows."""
    wanted: dict[str, int] = {}
    for line in added:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    free = await change_facts.free_in_pool(tx, order_id, list(wanted))
    for sku, units in wanted.items():
        if sku not in free:
            unknown = {"reason": "unknown_sku", "sku": sku}
            raise Problem(Kind.NOT_CHANGEABLE, f"{sku} is unknown", unknown)
        if free[sku] < units:
            reason = {"reason": NO_STOCK, "sku": sku, "free": free[sku]}
            raise Problem(Kind.NOT_CHANGEABLE, f"{free[sku]} units of {sku} are free", reason)
    return [{"sku": sku, "wanted": units, "free": free[sku]} for sku, units in wanted.items()]
