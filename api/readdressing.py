"""Giving an order another address, as a message to its run."""

from dataclasses import asdict
from typing import Any

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.change_models import NewDestination
from api.changing import open_head
from api.placement_models import NewAddress
from api.problems import Kind, Problem
from api.updates import Message, tell
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

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        check_result(done=done, result=result)
        return {"order_id": order_id, "status": "changed" if done else "accepted"}

    return await tell(once, find, body)


async def address_message(
    tx: AsyncConnection, head: Any, ship_to: NewAddress, actor: str
) -> Message:
    """Keep the address, and say who must verify it."""
    address = asdict(Address(**ship_to.model_dump()))
    kept = await corrections.keep(tx, head.order_id, address, actor)

    async def take_back(tx: AsyncConnection, _: str) -> None:
        await corrections.take_back(tx, kept)

    return Message(
        workflow_id=order_workflow_id(head.order_id),
        name="change_address",
        argument=CorrectAddress(actor),
        asked="AddressChangeAsked",
        refused="AddressChangeRefused",
        subject=head.order_id,
        change=Change({"version": head.version}, {"address": "another"}),
        until_done=True,
        take_back=take_back,
        result_type=AddressCorrected,
    )


def check_result(*, done: bool, result: Any, late: str = LABELLED) -> None:
    """Raises: Problem."""
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
