"""Remembers what was answered to a caller's idempotency key, so that a repeat hears the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox.content import canonical_json

# A request that has not answered for so long died with its process: a repeat may take its place.
ABANDONED_AFTER_S: Final = 60
# A repeat after this is a new request.
KEPT_FOR_HOURS: Final = 72
# One transaction's share: nobody waits long for its locks.
FORGOTTEN_AT_ONCE: Final = 5_000

_BEGIN: Final = sa.text("""
    INSERT INTO idempotency_keys AS known (key_id, idempotency_key, request_sha256)
    VALUES (:key_id, :idempotency_key, :request_sha256)
    ON CONFLICT (key_id, idempotency_key) DO UPDATE SET created_at = now()
      WHERE known.status IS NULL
        AND known.request_sha256 = excluded.request_sha256
        AND known.created_at < now() - make_interval(secs => :abandoned_after_s)
    RETURNING body
""")
_KNOWN: Final = sa.text("""
    SELECT request_sha256, status, body FROM idempotency_keys
    WHERE key_id = :key_id AND idempotency_key = :idempotency_key
""")
_FINISH: Final = sa.text("""
    UPDATE idempotency_keys SET status = :status, body = CAST(:body AS jsonb)
    WHERE key_id = :key_id AND idempotency_key = :idempotency_key
""")
# The key stays bound to its request, but the next repeat may do the work again. What was noted is
# kept as long as an answer.
_RELEASE: Final = sa.text("""
    UPDATE idempotency_keys SET created_at = CASE WHEN body IS NULL THEN 'epoch'
        ELSE least(created_at, now() - make_interval(secs => :abandoned_after_s)) END
    WHERE key_id = :key_id AND idempotency_key = :idempotency_key AND status IS NULL
""")
_NOTE: Final = sa.text("""
    UPDATE idempotency_keys SET body = CAST(:body AS jsonb)
    WHERE key_id = :key_id AND idempotency_key = :idempotency_key AND status IS NULL
""")
_FORGET: Final = sa.text("""
    DELETE FROM idempotency_keys WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_keys
        WHERE created_at < now() - make_interval(hours => :hours)
        LIMIT :most FOR UPDATE SKIP LOCKED))
""")


class KeyReused(Exception):
    """The caller used this idempotency key for another request."""


class StillInProgress(Exception):
    """The first request with this idempotency key has not been answered yet."""


@dataclass(frozen=True)
class StoredAnswer:
    status: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """The request was taken and is not answered for good; `facts` were noted of it."""

    facts: dict[str, Any]


async def begin(
    connection: AsyncConnection, key_id: str, idempotency_key: str, request_sha256: str
) -> StoredAnswer | Taken | None:
    """Claim the key for this request; the stored answer when it was answered before.

    Raises: KeyReused, StillInProgress.
    """
    named = {"key_id": key_id, "idempotency_key": idempotency_key}
    claim = {**named, "request_sha256": request_sha256, "abandoned_after_s": ABANDONED_AFTER_S}
    claimed = (await connection.execute(_BEGIN, claim)).first()
    if claimed is not None:
        return None if claimed.body is None else Taken(claimed.body)
    known = (await connection.execute(_KNOWN, named)).one()
    if known.request_sha256 != request_sha256:
        raise KeyReused
    if known.status is None:
        raise StillInProgress
    return StoredAnswer(known.status, known.body)


async def finish(
    connection: AsyncConnection, key_id: str, idempotency_key: str, answer: StoredAnswer
) -> None:
    await connection.execute(
        _FINISH,
        {
            "key_id": key_id,
            "idempotency_key": idempotency_key,
            "status": answer.status,
            "body": canonical_json(answer.body),
        },
    )


async def note(
    connection: AsyncConnection, key_id: str, idempotency_key: str, facts: Mapping[str, Any] | None
) -> None:
    """Note what a repeat has to know of the request: what it wrote is not written twice.

    None, when nothing is left of it.
    """
    body = None if facts is None else canonical_json(facts)
    noted = {"key_id": key_id, "idempotency_key": idempotency_key, "body": body}
    await connection.execute(_NOTE, noted)


async def release(connection: AsyncConnection, key_id: str, idempotency_key: str) -> None:
    """No final answer was given: a repeat of the same request does the work again.

    Or it asks how far the work has come, by what was noted.
    """
    named = {"key_id": key_id, "idempotency_key": idempotency_key}
    await connection.execute(_RELEASE, {**named, "abandoned_after_s": ABANDONED_AFTER_S})


async def forget_old(connection: AsyncConnection) -> int:
    """Delete some of the keys older than `KEPT_FOR_HOURS`; return how many, 0 when none is left."""
    old = {"hours": KEPT_FOR_HOURS, "most": FORGOTTEN_AT_ONCE}
    return (await connection.execute(_FORGET, old)).rowcount
