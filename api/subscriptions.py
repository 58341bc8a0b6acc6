"""Merchants' subscriptions to the events of their orders, delivered as signed webhooks."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import WebhooksReader
from api.context import Context, Ctx
from api.fields import ListQuery
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented, invalid
from api.subscription_models import (
    CreatedSubscription,
    DeletedSubscription,
    NewSubscription,
    Replayed,
    ReplayFrom,
    RotatedSecret,
    SubscriptionChange,
    SubscriptionPage,
    SubscriptionView,
)
from api.writes import Write
from db.inbox import replays, subscriptions
from db.inbox.subscriptions import BadSubscription, Wish
from db.queries import subscriptions as kept

router: Final = APIRouter(prefix="/webhook-subscriptions", tags=["subscriptions"])
CREATED: Final = 201
_WRITES: Final = (Kind.NOT_FOUND, Kind.IDEMPOTENCY_KEY_REUSED, Kind.STILL_IN_PROGRESS)

SubscriptionId = Annotated[str, Path(pattern=r"^sub_[0-9a-f]{16}$")]


def _wish(context: Context, asked: NewSubscription | SubscriptionChange) -> Wish:
    """Raises: Problem."""
    wish = Wish(asked.url, asked.events, asked.enabled)
    try:
        wish.check(allow_private=context.config.webhooks_allow_private)
    except BadSubscription as bad:
        raise invalid([{"pointer": f"/{bad.field}", "detail": bad.detail}]) from None
    return wish


def _known(found: Any | None, subscription_id: str) -> Any:
    """Raises: Problem."""
    if not found:
        raise Problem(Kind.NOT_FOUND, f"there is no subscription {subscription_id}")
    return found


@router.get("", response_model=SubscriptionPage, responses=documented(Kind.INVALID_CURSOR))
async def list_subscriptions(
    query: Annotated[ListQuery, Query()], context: Ctx, _: WebhooksReader
) -> dict[str, Any]:
    """List subscriptions, oldest first. Scope: `webhooks:read`."""
    mark = fingerprint("subscriptions", None)
    after = decode(query.cursor, mark, lambda at, key: kept.After(moment(at), key))
    async with context.engine.connect() as connection:
        found = await kept.list_subscriptions(connection, after=after, limit=query.limit + 1)
    return vars(
        page_of(found, query.limit, mark, lambda s: (s["created_at"], s["subscription_id"]))
    )


@router.post(
    "",
    response_model=CreatedSubscription,
    status_code=CREATED,
    responses=documented(Kind.INVALID_REQUEST, Kind.IDEMPOTENCY_KEY_REUSED, Kind.STILL_IN_PROGRESS),
)
async def create_subscription(
    asked: NewSubscription,
    by: Write,
) -> JSONResponse:
    """Subscribe to events, and read the secret that will sign them. Scope: `webhooks:write`."""
    wish = _wish(by.context, asked)

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        subscription_id, secret = await subscriptions.subscribe(tx, by.actor, wish)
        made = _known(await kept.get_subscription(tx, subscription_id), subscription_id)
        return CreatedSubscription(**made, secret=secret).model_dump(mode="json")

    request = ["POST /webhook-subscriptions", asked.model_dump()]
    return await by.once(request, write, CREATED)


@router.get(
    "/{subscription_id}", response_model=SubscriptionView, responses=documented(Kind.NOT_FOUND)
)
async def get_subscription(
    subscription_id: SubscriptionId, context: Ctx, _: WebhooksReader
) -> dict[str, Any]:
    """Read one subscription; its secret is not shown. Scope: `webhooks:read`."""
    async with context.engine.connect() as connection:
        found = await kept.get_subscription(connection, subscription_id)
    return dict(_known(found, subscription_id))


@router.patch(
    "/{subscription_id}",
    response_model=SubscriptionView,
    responses=documented(Kind.INVALID_REQUEST, *_WRITES),
)
async def change_subscription(
    subscription_id: SubscriptionId,
    asked: SubscriptionChange,
    by: Write,
) -> JSONResponse:
    """Change the address or the events, or enable and disable. Scope: `webhooks:write`."""
    wish = _wish(by.context, asked)

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        _known(await subscriptions.change(tx, by.actor, subscription_id, wish), subscription_id)
        changed = await kept.get_subscription(tx, subscription_id)
        return SubscriptionView.model_validate(changed).model_dump(mode="json")

    request = [f"PATCH /webhook-subscriptions/{subscription_id}", asked.model_dump()]
    return await by.once(request, write)


@router.delete(
    "/{subscription_id}", response_model=DeletedSubscription, responses=documented(*_WRITES)
)
async def delete_subscription(
    subscription_id: SubscriptionId,
    by: Write,
) -> JSONResponse:
    """End a subscription; what still waits for it is dropped. Scope: `webhooks:write`."""

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        ended = await subscriptions.unsubscribe(tx, by.actor, subscription_id)
        _known(ended, subscription_id)
        return DeletedSubscription(subscription_id=subscription_id).model_dump()

    request = [f"DELETE /webhook-subscriptions/{subscription_id}"]
    return await by.once(request, write)


@router.post(
    "/{subscription_id}/rotate-secret", response_model=RotatedSecret, responses=documented(*_WRITES)
)
async def rotate_secret(
    subscription_id: SubscriptionId,
    by: Write,
) -> JSONResponse:
    """Read a new secret; the old one signs beside it for 24 hours. Scope: `webhooks:write`."""

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        rotated = await subscriptions.rotate_secret(tx, by.actor, subscription_id)
        fresh = vars(_known(rotated, subscription_id))
        return RotatedSecret(subscription_id=subscription_id, **fresh).model_dump(mode="json")

    request = [f"POST /webhook-subscriptions/{subscription_id}/rotate-secret"]
    return await by.once(request, write)


@router.post("/{subscription_id}/replay", response_model=Replayed, responses=documented(*_WRITES))
async def replay_subscription(
    subscription_id: SubscriptionId,
    asked: ReplayFrom,
    by: Write,
) -> JSONResponse:
    """Tell again all that happened since a moment, under the same ids. Scope: `webhooks:write`."""

    async def write(tx: AsyncConnection) -> dict[str, Any]:
        count = await replays.replay_since(tx, by.actor, subscription_id, asked.since)
        if count is None:
            raise Problem(Kind.NOT_FOUND, f"there is no subscription {subscription_id}")
        return Replayed(subscription_id=subscription_id, events=count).model_dump()

    request = [f"POST /webhook-subscriptions/{subscription_id}/replay", asked.since.isoformat()]
    return await by.once(request, write)
