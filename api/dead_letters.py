"""Dead letters: what could not be told to anybody and was given up, and telling it again."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import WebhooksReader
from api.context import Ctx
from api.fields import ListQuery
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented
from api.subscription_models import DeadLetterPage, ReplayedLetter
from api.writes import Write
from db.inbox import replays
from db.queries import dead_letters
from db.queries.dead_letters import Before, Wanted

router: Final = APIRouter(prefix="/dead-letters", tags=["dead letters"])
_LARGEST_ID: Final = 2**63 - 1

DeadLetterId = Annotated[int, Path(ge=1, le=_LARGEST_ID)]


class DeadLettersQuery(ListQuery):
    kind: Literal["email", "channel_fulfillment", "webhook", "document"] | None = None
    subscription_id: str | None = Field(default=None, pattern=r"^sub_[0-9a-f]{16}$")


@router.get("", response_model=DeadLetterPage, responses=documented(Kind.INVALID_CURSOR))
async def list_dead_letters(
    query: Annotated[DeadLettersQuery, Query()], context: Ctx, _: WebhooksReader
) -> dict[str, Any]:
    """List and count what was given up, newest first. Scope: `webhooks:read`."""
    wanted = Wanted(query.kind, query.subscription_id)
    mark = fingerprint("dead letters", vars(wanted))
    before = decode(query.cursor, mark, _before)
    async with context.engine.connect() as connection:
        total = await dead_letters.count_dead_letters(connection, wanted)
        found = await dead_letters.list_dead_letters(
            connection, wanted, before=before, limit=query.limit + 1
        )
    page = page_of(found, query.limit, mark, lambda d: (d["dead_at"], str(d["dead_letter_id"])))
    return {**vars(page), "total": total}


def _before(at: str, number: str) -> Before:
    """Raises: ValueError."""
    found = int(number)
    if not 0 < found <= _LARGEST_ID:
        raise ValueError("no id of ours")
    return Before(moment(at), found)


@router.post(
    "/{dead_letter_id}/replay",
    response_model=ReplayedLetter,
    responses=documented(
        Kind.NOT_FOUND, Kind.WRONG_STATE, Kind.IDEMPOTENCY_KEY_REUSED, Kind.STILL_IN_PROGRESS
    ),
)
async def replay_dead_letter(dead_letter_id: DeadLetterId, by: Write) -> JSONResponse:
    """Send it again, with all its attempts, under the same id. Scope: `webhooks:write`."""

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        await _replay(tx, by.actor, dead_letter_id)
        return ReplayedLetter(dead_letter_id=dead_letter_id).model_dump()

    return await by.once([f"POST /dead-letters/{dead_letter_id}/replay"], write)


async def _replay(tx: AsyncConnection, actor: str, dead_letter_id: int) -> None:
    """Raises: Problem."""
    try:
        is_found = await replays.replay_dead_letter(tx, actor, dead_letter_id)
    except replays.ReceiverGone:
        raise Problem(Kind.WRONG_STATE, "its subscription was deleted") from None
    if not is_found:
        raise Problem(Kind.NOT_FOUND, f"there is no dead letter {dead_letter_id}")
