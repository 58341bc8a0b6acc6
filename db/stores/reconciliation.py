"""Reconciliation: what others' books said, and the tasks made of the differences."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run

FIRST_LOOK: Final = 1
# Lines of runs that died before they compared.
KEPT_FOR_DAYS: Final = 2


@dataclass(frozen=True)
class Found:
    """One difference; sides are JSON objects, None where a side knows nothing."""

    kind: str
    subject: str
    detail: str
    ours: Mapping[str, Any] | None
    theirs: Mapping[str, Any] | None


@dataclass(frozen=True)
class Look:
    """One look of one run at somebody's books."""

    run: str
    scope: str
    number: int

    @property
    def is_first(self) -> bool:
        return self.number == FIRST_LOOK

    @property
    def name(self) -> str:
        return f"{self.run}/{self.number}"


# -- what the others said


async def keep_lines(
    tx: AsyncConnection, look: Look, lines: Mapping[str, Mapping[str, Any]]
) -> None:
    """Keep a page under each line's own reference: the same page again changes nothing."""
    if not lines:
        return
    await run(
        tx,
        """
        INSERT INTO reconciliation_lines (look, ref, line)
        SELECT :look, key, value FROM jsonb_each(CAST(:lines AS jsonb))
        ON CONFLICT (look, ref) DO UPDATE SET line = excluded.line
        """,
        look=look.name,
        lines=json.dumps(lines, default=_text),
    )


async def lines(tx: AsyncConnection, look: Look) -> list[dict[str, Any]]:
    found = await rows(
        tx, "SELECT line FROM reconciliation_lines WHERE look = :look ORDER BY ref", look=look.name
    )
    return [each.line for each in found]


async def forget_lines(tx: AsyncConnection, run_id: str) -> None:
    """Drop a run's lines, and those that nobody came back for."""
    await run(
        tx,
        """
        DELETE FROM reconciliation_lines
        WHERE starts_with(look, :run || '/') OR read_at < now() - make_interval(days => :days)
        """,
        run=run_id,
        days=KEPT_FOR_DAYS,
    )


async def began(tx: AsyncConnection, scope: str, window: timedelta) -> tuple[datetime, datetime]:
    """Return since when the books are read, and now, by the database's clock.

    As far back as the oldest open task needs: it must not leave the window and seem to vanish.
    """
    found = await row(
        tx,
        """
        SELECT least(now(), min(first_seen)) - CAST(:window AS interval) AS since, now() AS until
        FROM reconciliation_tasks WHERE scope = :scope AND state <> 'resolved'
        """,
        scope=scope,
        window=window,
    )
    assert found is not None
    return found.since, found.until


# -- tasks


async def record(tx: AsyncConnection, look: Look, found: Sequence[Found]) -> int:
    """Write down what one look found; return how many differences are only suspected so far.

    What a run suspects at its first look and sees again at a later one becomes a task: things are
    often between two books for a moment. A task that is not seen any more has vanished.
    """
    values = {
        "scope": look.scope,
        "first": f"{look.run}/{FIRST_LOOK}",
        "look": look.name,
        "is_first": look.is_first,
        "found": json.dumps([vars(each) for each in found], default=_text),
    }
    # Two runs of one scope at once take turns, or each would close what the other just opened.
    await run(tx, "SELECT pg_advisory_xact_lock(hashtext('reconciliation:' || :s))", s=look.scope)
    await run(tx, _VANISHED, **values)
    await run(tx, _NO_LONGER_SUSPECTED, **values)
    if not look.is_first:
        await run(tx, _CONFIRMED, **values)
    await run(tx, _SEEN, **values)
    suspected = await row(
        tx,
        """
        SELECT count(*) AS n FROM reconciliation_tasks
        WHERE scope = :scope AND state = 'suspected' AND seen_by = :look
        """,
        scope=look.scope,
        look=look.name,
    )
    return int(suspected.n) if suspected else 0


_FOUND: Final = """
    WITH found AS (
        SELECT * FROM jsonb_to_recordset(CAST(:found AS jsonb))
            AS f(kind text, subject text, detail text, ours jsonb, theirs jsonb)
    )
"""
_IS_FOUND: Final = "(kind, subject) IN (SELECT f.kind, f.subject FROM found f)"
_VANISHED: Final = f"""
    {_FOUND}
    UPDATE reconciliation_tasks SET state = 'resolved', resolution = 'vanished',
        resolved_by = 'reconciliation', resolved_at = now()
    WHERE scope = :scope AND state = 'open' AND NOT {_IS_FOUND}
"""  # noqa: S608 - fragments of this file
_NO_LONGER_SUSPECTED: Final = f"""
    {_FOUND}
    DELETE FROM reconciliation_tasks
    WHERE scope = :scope AND state = 'suspected' AND NOT {_IS_FOUND}
"""  # noqa: S608 - fragments of this file
_CONFIRMED: Final = f"""
    {_FOUND}
    UPDATE reconciliation_tasks SET state = 'open'
    WHERE scope = :scope AND state = 'suspected' AND seen_by = :first AND {_IS_FOUND}
"""  # noqa: S608 - fragments of this file
# What a person settled stays settled while both sides stay as they were.
_SEEN: Final = f"""
    {_FOUND}
    INSERT INTO reconciliation_tasks AS t (scope, kind, subject, detail, ours, theirs, state,
        seen_by)
    SELECT DISTINCT ON (f.kind, f.subject) :scope, f.kind, f.subject, f.detail, f.ours, f.theirs,
        'suspected', :look
    FROM found f WHERE NOT EXISTS (
        SELECT FROM reconciliation_tasks s
        WHERE s.scope = :scope AND s.kind = f.kind AND s.subject = f.subject
            AND s.resolution = 'settled' AND s.ours IS NOT DISTINCT FROM f.ours
            AND s.theirs IS NOT DISTINCT FROM f.theirs)
    ON CONFLICT (scope, kind, subject) WHERE state <> 'resolved' DO UPDATE SET
        detail = excluded.detail, ours = excluded.ours, theirs = excluded.theirs,
        last_seen = now(),
        seen_by = CASE WHEN :is_first THEN excluded.seen_by ELSE t.seen_by END
"""  # noqa: S608 - fragments of this file


def _text(value: Any) -> str:
    """Moments as ISO 8601."""
    assert isinstance(value, datetime), type(value)
    return value.isoformat()
