"""Keeps what became of each import: its counts, and every row that was rejected; for a while."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows, run
from db.inbox import audit
from db.inbox.catalog import By, Fault
from db.inbox.content import storable

# For so long rejects can be fetched to be corrected.
KEPT_FOR_DAYS: Final = 90
# None takes so long: one that still runs died with its process.
LOST_AFTER_HOURS: Final = 6
# One transaction's share: nobody waits long for its locks.
FORGOTTEN_AT_ONCE: Final = 5_000


@dataclass(frozen=True)
class Rejected:
    """A row as it was sent, and why it was not taken."""

    row: int
    sent: dict[str, Any]
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Wish:
    kind: str
    format: str
    columns: Sequence[str] = ()
    delimiter: str | None = None
    all_or_nothing: bool = False


@dataclass
class Counts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def add(self, other: "Counts") -> None:
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass(frozen=True)
class End:
    """Refused: nothing of the file was taken. Failed: it broke off. `detail` says why."""

    state: Literal["done", "refused", "failed"] = "done"
    detail: str | None = None


DONE: Final = End()


async def begin(tx: AsyncConnection, wish: Wish, by: By, file: str | None = None) -> str:
    """Return the new import's id; `file` is how its file is called, where it has a name."""
    import_id = f"imp_{secrets.token_hex(8)}"
    await run(
        tx,
        """
        INSERT INTO imports (import_id, kind, format, columns, delimiter, all_or_nothing, actor,
            state)
        VALUES (:import_id, :kind, :format, :columns, :delimiter, :all_or_nothing, :actor,
            'running')
        """,
        import_id=import_id,
        actor=by.actor,
        **vars(wish) | {"columns": list(wish.columns)},
    )
    begun = {"kind": wish.kind, "format": wish.format, "file": storable(file)}
    await audit.record(
        tx, by.actor, "ImportBegun", import_id, audit.Change(after=begun, reason=by.reason)
    )
    return import_id


async def reject(tx: AsyncConnection, import_id: str, rejected: Sequence[Rejected]) -> None:
    items = [
        {
            "row": each.row,
            "entry": storable(each.sent),
            "faults": storable([vars(fault) for fault in each.faults]),
        }
        for each in rejected
    ]
    await run(
        tx,
        """
        INSERT INTO import_rejects (import_id, row, faults, entry)
        SELECT :import_id, r.row, r.faults, r.entry
        FROM jsonb_to_recordset(CAST(:items AS jsonb)) AS r(row bigint, faults jsonb, entry jsonb)
        """,
        import_id=import_id,
        items=json.dumps(items),
    )


async def count(tx: AsyncConnection, import_id: str, counts: Counts) -> None:
    """Add what one batch came to, in the batch's own transaction."""
    await run(
        tx,
        """
        UPDATE imports SET created = created + :created, updated = updated + :updated,
            unchanged = unchanged + :unchanged, rejected = rejected + :rejected
        WHERE import_id = :import_id
        """,
        import_id=import_id,
        **vars(counts),
    )


async def end(
    tx: AsyncConnection, import_id: str, by: By, counts: Counts, outcome: End = DONE
) -> None:
    """Once: what is said later is not heard."""
    ended = await run(
        tx,
        """
        UPDATE imports SET state = :state, detail = CAST(:detail AS text), ended_at = now()
        WHERE import_id = :import_id AND state = 'running'
        """,
        import_id=import_id,
        **vars(outcome),
    )
    if ended:
        change = audit.Change(after={"state": outcome.state, **vars(counts)}, reason=by.reason)
        await audit.record(tx, by.actor, "CatalogueImported", import_id, change)


async def end_lost(tx: AsyncConnection) -> int:
    """End some whose process died without a word; return how many, 0 when none is left."""
    lost = await rows(
        tx,
        """
        SELECT import_id, created, updated, unchanged, rejected FROM imports
        WHERE state = 'running' AND started_at < now() - make_interval(hours => :hours)
        LIMIT :most FOR UPDATE SKIP LOCKED
        """,
        hours=LOST_AFTER_HOURS,
        most=FORGOTTEN_AT_ONCE,
    )
    why = "its process ended before it did: send the file again, nothing is taken twice"
    for each in lost:
        await end(tx, each.import_id, By("system"), Counts(*each[1:]), End("failed", why))
    return len(lost)


async def forget_old(tx: AsyncConnection) -> int:
    """Delete some of what is older than `KEPT_FOR_DAYS`; return how much, 0 when none is left."""
    rejects = await run(
        tx,
        """
        DELETE FROM import_rejects WHERE ctid = ANY(ARRAY(
            SELECT r.ctid FROM import_rejects r JOIN imports i USING (import_id)
            WHERE i.started_at < now() - make_interval(days => :days)
            LIMIT :most FOR UPDATE OF r SKIP LOCKED))
        """,
        days=KEPT_FOR_DAYS,
        most=FORGOTTEN_AT_ONCE,
    )
    return rejects or await run(
        tx,
        "DELETE FROM imports WHERE started_at < now() - make_interval(days => :days)",
        days=KEPT_FOR_DAYS,
    )
