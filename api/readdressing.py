"""Giving an order another address, as a message to its run."""

from dataclasses import asdict
from typing import Any

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.change_models import NewDestination
from api.changing import open_head
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
        address = asdict(Address(**wanted.ship_to.model_dump()))
        await corrections.keep(tx, order_id, address, once.caller.actor)
        return Message(
            workflow_id=order_workflow_id(order_id),
            name="change_address",
            argument=CorrectAddress(once.caller.actor),
            asked="AddressChangeAsked",
            refused="AddressChangeRefused",
            subject=order_id,
            change=Change({"version": wanted.version}, {"address": "another"}),
            result_type=AddressCorrected,
        )

    def body(done: bool, result: Any) -> dict[str, Any]:  # noqa: FBT001 - called by position
        if done and result.is_late:
            raise Problem(Kind.TOO_LATE, LABELLED)
        if done and not result.deliverable:
            reason = {"reason": "undeliverable"}
            raise Problem(Kind.NOT_CHANGEABLE, "the carrier does not know this address", reason)
        return {"order_id": order_id, "status": "changed" if done else "accepted"}

    return await tell(once, find, body)


async def _check(tx: AsyncConnection, head: Any, wanted: NewDestination) -> None:
    """Raises: Problem. Taxes and carriers of another country are another order's."""
    if head.pickup_location is not None:
        reason = {"reason": "collected"}
        raise Problem(Kind.NOT_CHANGEABLE, "it is collected in a store", reason)
    if wanted.ship_to.country != head.ship_to["country"]:
        reason = {"reason": "other_country"}
        raise Problem(Kind.NOT_CHANGEABLE, "the country stays as it was ordered", reason)
    if await change_facts.has_label(tx, head.order_id):
        raise Problem(Kind.TOO_LATE, LABELLED)
