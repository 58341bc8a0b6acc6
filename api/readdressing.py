"""Giving an order another address, as a message to its run."""

from dataclasses import asdict
from typing import Any

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.change_models import NewDestination
from api.changing import check_open, open_head
from api.placement_models import NewAddress
from api.problems import Kind, Problem
from api.updates import Message, TakeBack, tell
from db.inbox import corrections
from db.inbox.audit import Change
from db.queries import change_facts
from domain.address import Address
from workflows.messages import AddressCorrected, CorrectAddress, order_workflow_id

LABELLED = "a parcel has its label already"


async def readdress(once: Once, order_id: str, wanted: NewDestination) -> JSONResponse:
    """Raises: Problem."""

    async def find(tx: AsyncConnection) -> Message:
        head = await open_head(tx, order_id, wanted.version, lock=True)
        await _check(tx, head, wanted)
        return await address_message(tx, head, wanted.ship_to, once.caller.actor)

    async def again(tx: AsyncConnection, facts: dict[str, Any]) -> Message | None:
        return await same_message(tx, facts, once.caller.actor)

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        check_result(done=done, result=result)
        return {"order_id": order_id, "status": "changed" if done else "accepted"}

    return await tell(once, find, body, again)


async def address_message(
    tx: AsyncConnection, head: Any, ship_to: NewAddress, actor: str
) -> Message:
    """Keep the address, and say who must verify it."""
    kept = await keep_address(tx, head.order_id, ship_to, actor)
    return _message({"order_id": head.order_id, "version": head.version, "kept": kept}, actor)


async def keep_address(tx: AsyncConnection, order_id: str, ship_to: NewAddress, actor: str) -> int:
    """Return what it is taken back by."""
    return await corrections.keep(tx, order_id, asdict(Address(**ship_to.model_dump())), actor)


def told_as(kept: int) -> str:
    """Another address is another update, under whichever key it is given."""
    return f"address-{kept}"


def taking_back(kept: int) -> TakeBack:
    async def take_back(tx: AsyncConnection, _: str) -> None:
        await corrections.take_back(tx, kept)

    return take_back


async def same_message(tx: AsyncConnection, facts: dict[str, Any], actor: str) -> Message | None:
    """What a repeat says of the address that was kept, if it is. Raises: Problem."""
    if not await corrections.is_kept(tx, facts["kept"]):
        return None
    await check_open(tx, facts["order_id"])
    return _message(facts, actor)


def _message(facts: dict[str, Any], actor: str) -> Message:
    return Message(
        workflow_id=order_workflow_id(facts["order_id"]),
        name="change_address",
        argument=CorrectAddress(actor),
        asked="AddressChangeAsked",
        refused="AddressChangeRefused",
        subject=facts["order_id"],
        change=Change({"version": facts["version"]}, {"address": "another"}),
        until_done=True,
        told_as=told_as(facts["kept"]),
        facts=facts,
        take_back=taking_back(facts["kept"]),
        result_type=AddressCorrected,
    )


def check_heard(*, done: bool, result: Any) -> None:
    """Raises: Problem."""
    if done and result.is_unheard:
        raise Problem(Kind.UNAVAILABLE, "the carrier does not answer; ask again in a moment")


def check_result(*, done: bool, result: Any, late: str = LABELLED) -> None:
    """Raises: Problem."""
    check_heard(done=done, result=result)
    if done and result.is_late:
        raise Problem(Kind.TOO_LATE, late)
    if done and not result.deliverable:
        reason = {"reason": "undeliverable"}
        raise Problem(Kind.NOT_CHANGEABLE, "the carrier does not know this address", reason)


async def _check(tx: AsyncConnection, head: Any, wanted: NewDestination) -> None:
    """Raises: Problem. Taxes and carriers of another country are another order's."""
    if head.pickup_location is not None:
        reason = {"reason": "collected"}
        raise Problem(Kind.NOT_CHANGEABLE, "it is collected in a store", reason)
    check_country(head, wanted.ship_to)
    if await change_facts.has_label(tx, head.order_id):
        raise Problem(Kind.TOO_LATE, LABELLED)


def check_country(head: Any, ship_to: NewAddress) -> None:
    """Raises: Problem."""
    if ship_to.country != head.ship_to["country"]:
        reason = {"reason": "other_country"}
        raise Problem(Kind.NOT_CHANGEABLE, "the country stays as it was ordered", reason)
