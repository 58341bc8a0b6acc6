"""Merchants' subscriptions and dead letters, for the command line: each in one transaction."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import make_engine
from db.inbox import replays, subscriptions
from db.inbox.subscriptions import BadSubscription, Wish
from db.queries.dead_letters import Wanted, count_dead_letters, list_dead_letters
from db.queries.subscriptions import list_subscriptions
from workers.errors import UserError
from workers.settings import Settings

ACTOR: Final = "cli"
# More is read page by page over HTTP.
MOST_SHOWN: Final = 1_000


@asynccontextmanager
async def _transaction(settings: Settings) -> AsyncIterator[AsyncConnection]:
    engine = make_engine(settings.require_database_url())
    try:
        async with engine.begin() as tx:
            yield tx
    finally:
        await engine.dispose()


def _nobody(subscription_id: str) -> UserError:
    return UserError(f"there is no subscription {subscription_id}")


async def listing(settings: Settings) -> list[str]:
    async with _transaction(settings) as tx:
        found = await list_subscriptions(tx, limit=MOST_SHOWN)
    return [
        f"{each['subscription_id']}  {each['url']}  {','.join(each['events'])}"
        f"{'' if each['enabled'] else '  disabled'}"
        for each in found
    ]


async def create(settings: Settings, url: str, events: str) -> str:
    """Return the id and the secret. Raises: UserError."""
    wish = Wish(url, [name.strip() for name in events.split(",") if name.strip()])
    try:
        wish.check(allow_private=settings.webhooks_allow_private)
    except BadSubscription as bad:
        raise UserError(f"{bad.field}: {bad.detail}") from None
    async with _transaction(settings) as tx:
        return "  ".join(await subscriptions.subscribe(tx, ACTOR, wish))


async def enable(settings: Settings, subscription_id: str, *, enabled: bool) -> None:
    """Raises: UserError."""
    async with _transaction(settings) as tx:
        if not await subscriptions.change(tx, ACTOR, subscription_id, Wish(enabled=enabled)):
            raise _nobody(subscription_id)


async def rotate(settings: Settings, subscription_id: str) -> str:
    """Return the new secret. Raises: UserError."""
    async with _transaction(settings) as tx:
        rotated = await subscriptions.rotate_secret(tx, ACTOR, subscription_id)
    if rotated is None:
        raise _nobody(subscription_id)
    return rotated.secret


async def dead_letters(settings: Settings) -> list[str]:
    async with _transaction(settings) as tx:
        found = await list_dead_letters(tx, Wanted(), limit=MOST_SHOWN)
        total = await count_dead_letters(tx, Wanted())
    lines = [
        f"{each['dead_letter_id']}  {each['kind']}  {each['order_id']}  {each['last_error']}"
        for each in found
    ]
    return [*lines, f"{total} dead letters"]


async def replay(settings: Settings, what: str, since: datetime | None) -> str:
    """Tell again a dead letter by its number, or a subscription since a moment.

    Raises: UserError.
    """
    if what.isdecimal():
        return await _replay_letter(settings, int(what))
    if since is None:
        raise UserError("a subscription is replayed --since a moment")
    async with _transaction(settings) as tx:
        count = await replays.replay_since(tx, ACTOR, what, since.replace(tzinfo=UTC))
    if count is None:
        raise _nobody(what)
    return f"{count} events"


async def _replay_letter(settings: Settings, dead_letter_id: int) -> str:
    async with _transaction(settings) as tx:
        try:
            if not await replays.replay_dead_letter(tx, ACTOR, dead_letter_id):
                raise UserError(f"there is no dead letter {dead_letter_id}")
        except replays.ReceiverGone:
            raise UserError("its subscription was deleted") from None
    return "1 dead letter"
