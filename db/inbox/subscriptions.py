"""Merchants' subscriptions: made, changed, deleted; their secrets shown once and rotated."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from db.inbox import audit
from domain.subscriptions import fault_of_events, fault_of_url

# How long the old secret signs beside the new one: time to carry the new one to every receiver.
ROTATION_H: Final = 24
# Standard Webhooks asks for 24 to 64.
SECRET_BYTES: Final = 32


@dataclass
class BadSubscription(Exception):
    """What was asked for cannot be; `field` is where."""

    field: str
    detail: str


@dataclass(frozen=True)
class Wish:
    """What a subscription shall be; None leaves it as it is."""

    url: str | None = None
    events: Sequence[str] | None = None
    enabled: bool | None = None

    def check(self, *, allow_private: bool) -> None:
        """Raises: BadSubscription."""
        if self.url is not None:
            _refuse("url", fault_of_url(self.url, allow_private=allow_private))
        if self.events is not None:
            _refuse("events", fault_of_events(self.events))

    def audited(self) -> dict[str, Any]:
        """Without path and query, in which some receivers carry a password."""
        told = {
            "host": self.url and urlsplit(self.url).netloc,
            "events": self.events and sorted(self.events),
            "enabled": self.enabled,
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Rotated:
    secret: str
    previous_valid_until: datetime


def _refuse(field: str, fault: str | None) -> None:
    if fault:
        raise BadSubscription(field, fault)


async def subscribe(tx: AsyncConnection, actor: str, wish: Wish) -> tuple[str, str]:
    """Return the id and the secret of a new subscription; the wish was checked and names both."""
    subscription_id = f"sub_{secrets.token_hex(8)}"
    await run(
        tx,
        """
        INSERT INTO webhook_subscriptions (subscription_id, url, events, enabled)
        VALUES (:subscription_id, :url, :events, coalesce(:enabled, true))
        """,
        subscription_id=subscription_id,
        url=wish.url,
        events=_unique(wish.events),
        enabled=wish.enabled,
    )
    secret = await _add_secret(tx, subscription_id)
    await audit.record(
        tx, actor, "WebhookSubscribed", subscription_id, audit.Change(after=wish.audited())
    )
    return subscription_id, secret


async def change(tx: AsyncConnection, actor: str, subscription_id: str, wish: Wish) -> bool:
    """Change what the checked wish names; False when there is no such subscription."""
    changed = await run(
        tx,
        """
        UPDATE webhook_subscriptions SET url = coalesce(:url, url),
            events = coalesce(CAST(:events AS text[]), events),
            enabled = coalesce(:enabled, enabled)
        WHERE subscription_id = :subscription_id AND deleted_at IS NULL
        """,
        subscription_id=subscription_id,
        url=wish.url,
        events=_unique(wish.events),
        enabled=wish.enabled,
    )
    if changed:
        action = "WebhookSubscriptionChanged"
        await audit.record(tx, actor, action, subscription_id, audit.Change(after=wish.audited()))
    return bool(changed)


async def unsubscribe(tx: AsyncConnection, actor: str, subscription_id: str) -> bool:
    """End a subscription and drop what waits for it; False when there is none.

    What is being sent at this moment is locked, and left to its end.
    """
    ended = await run(
        tx,
        """
        UPDATE webhook_subscriptions SET deleted_at = now(), enabled = false
        WHERE subscription_id = :subscription_id AND deleted_at IS NULL
        """,
        subscription_id=subscription_id,
    )
    if not ended:
        return False
    named = {"subscription_id": subscription_id}
    await run(tx, "DELETE FROM webhook_secrets WHERE subscription_id = :subscription_id", **named)
    await run(
        tx,
        """
        DELETE FROM outbox WHERE outbox_id IN (
            SELECT outbox_id FROM outbox WHERE subscription_id = :subscription_id
                AND delivered_at IS NULL AND dead_at IS NULL FOR UPDATE SKIP LOCKED
        )
        """,
        **named,
    )
    await audit.record(tx, actor, "WebhookUnsubscribed", subscription_id)
    return True


async def rotate_secret(tx: AsyncConnection, actor: str, subscription_id: str) -> Rotated | None:
    """Make a new secret; the current one signs beside it for `ROTATION_H` hours."""
    until = await row(
        tx,
        """
        UPDATE webhook_secrets w SET expires_at = now() + make_interval(hours => :hours)
        FROM webhook_subscriptions s
        WHERE w.subscription_id = :subscription_id AND w.expires_at IS NULL
            AND s.subscription_id = w.subscription_id AND s.deleted_at IS NULL
        RETURNING w.expires_at
        """,
        subscription_id=subscription_id,
        hours=ROTATION_H,
    )
    if until is None:
        return None
    await run(
        tx,
        """
        DELETE FROM webhook_secrets
        WHERE subscription_id = :subscription_id AND expires_at <= now()
        """,
        subscription_id=subscription_id,
    )
    secret = await _add_secret(tx, subscription_id)
    await audit.record(tx, actor, "WebhookSecretRotated", subscription_id)
    return Rotated(secret, until.expires_at)


async def _add_secret(tx: AsyncConnection, subscription_id: str) -> str:
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"
    await run(
        tx,
        """
        INSERT INTO webhook_secrets (subscription_id, secret) VALUES (:subscription_id, :secret)
        """,
        subscription_id=subscription_id,
        secret=secret,
    )
    return secret


def _unique(events: Sequence[str] | None) -> list[str] | None:
    return None if events is None else sorted(set(events))
