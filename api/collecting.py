"""Collection in a store: whoever gives the parcel's code gets it, and nobody guesses codes."""

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.auth import FulfillmentsWriter
from api.context import Context, Ctx
from api.fields import Body, FulfillmentId, IdempotencyKey, ShortText
from api.fulfillment_models import Reported
from api.problems import RETRY_AFTER, Kind, Problem, documented
from api.updates import Message, taken, tell
from db.inbox import collecting
from db.inbox.audit import Change
from db.inbox.keys import Caller
from db.queries import fulfillments
from domain.collection import MOST_WRONG, WRONG_FORGOTTEN_S, is_collection_code
from workflows.messages import Collected, fulfillment_workflow_id

router: Final = APIRouter(tags=["fulfillments"])
READY: Final = "ready_for_pickup"
_DOCUMENTED: Final = documented(
    Kind.NOT_FOUND, Kind.NOT_STARTED, Kind.WRONG_STATE, Kind.WRONG_CODE, Kind.TOO_OFTEN
)


class Collection(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"code": "7Q4XCM"}]})
    code: ShortText = Field(description="what the customer was mailed when the order was ready")


@router.post(
    "/fulfillments/{fulfillment_id}/collected",
    response_model=Reported,
    responses={**taken(Reported), **_DOCUMENTED},
)
async def report_collected(
    fulfillment_id: FulfillmentId,
    given: Collection,
    context: Ctx,
    caller: FulfillmentsWriter,
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Hand over what is ready in a store to whoever has its code; it is paid now.

    Scope: `fulfillments:write`.
    """
    what = [f"POST /fulfillments/{fulfillment_id}/collected", given.model_dump()]
    once = Once(context, caller, idempotency_key, what)
    await _check_code(context, fulfillment_id, given.code)
    return await tell(once, _finder(fulfillment_id, caller), _body(fulfillment_id))


async def _check_code(context: Context, fulfillment_id: str, code: str) -> None:
    """Raises: Problem. A try counts before it is looked at, and in a transaction of its own."""
    async with context.engine.begin() as tx:
        place = await fulfillments.find_run(tx, fulfillment_id)
        if place is None:
            raise Problem(Kind.NOT_FOUND, f"there is no fulfillment order {fulfillment_id}")
        tries = await collecting.count_try(tx, fulfillment_id, WRONG_FORGOTTEN_S)
    if tries > MOST_WRONG:
        raise Problem(
            Kind.TOO_OFTEN,
            "too many wrong codes: try again in an hour",
            headers={RETRY_AFTER: "3600"},
        )
    if not is_collection_code(code, fulfillment_id, context.config.order_link_secrets):
        raise Problem(Kind.WRONG_CODE, "this is not the code of this fulfillment order")
    async with context.engine.begin() as tx:
        await collecting.forget_tries(tx, fulfillment_id)


def _finder(fulfillment_id: str, caller: Caller) -> Any:
    async def find(tx: AsyncConnection) -> Message:
        place = await fulfillments.find_run(tx, fulfillment_id)
        assert place is not None
        if place.state not in (READY, "handing_over", "delivered"):
            raise Problem(Kind.WRONG_STATE, f"the fulfillment order is {place.state}")
        return Message(
            workflow_id=fulfillment_workflow_id(place.order_id, place.number),
            name="collected",
            argument=Collected(caller.actor),
            asked="FulfillmentCollectedReported",
            refused="FulfillmentCollectedRefused",
            subject=fulfillment_id,
            change=Change({"state": place.state}, {"state": "collected"}),
        )

    return find


def _body(fulfillment_id: str) -> Any:
    def body(is_done: bool, _: object) -> dict[str, Any]:  # noqa: FBT001 - called by position
        status = "collected" if is_done else "accepted"
        return {"fulfillment_id": fulfillment_id, "status": status}

    return body
