"""Keeps what became of each import: its counts, and every row that was rejected."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import run
from db.inbox import audit
from db.inbox.catalog import By, Fault
from db.inbox.content import storable

# For so long rejects can be fetched to be corrected.
KEPT_FOR_DAYS: Final = 90


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

    @property
    def rows(self) -> int:
        return sum(vars(self).values())


async def begin(tx: AsyncConnection, wish: Wish, by: By) -> str:
    """Return the new import's id; old ones are forgotten."""
    await run(
        tx,
        "DELETE FROM imports WHERE started_at < now() - make_interval(days => :days)",
        days=KEPT_FOR_DAYS,
    )
    import_id = f"imp_{secrets.token_hex(8)}"
    await run(
        tx,
        """
        INSERT INTO imports (import_id, kind, format, columns, all_or_nothing, actor, state)
        VALUES (:import_id, :kind, :format, :columns, :all_or_nothing, :actor, 'running')
        """,
        import_id=import_id,
        actor=by.actor,
        **vars(wish) | {"columns": list(wish.columns)},
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
    tx: AsyncConnection, import_id: str, by: By, counts: Counts, refusal: str | None = None
) -> None:
    """With a `refusal` nothing of the file was taken."""
    state = "done" if refusal is None else "refused"
    await run(
        tx,
        """
        UPDATE imports SET state = :state, detail = CAST(:refusal AS text), ended_at = now()
        WHERE import_id = :import_id
        """,
        import_id=import_id,
        state=state,
        refusal=refusal,
    )
    change = audit.Change(after={"state": state, **vars(counts)}, reason=by.reason)
    await audit.record(tx, by.actor, "CatalogueImported", import_id, change)
