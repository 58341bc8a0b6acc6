"""Exceptions: what waits for a person, by when, and what the person may decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run


@dataclass(frozen=True)
class NewException:
    exception_id: str
    workflow_id: str
    order_id: str
    fulfillment_id: str | None
    step: str
    reason: str
    detail: str
    owner: str
    within_s: float
    resolutions: Sequence[str]


async def open_exception(tx: AsyncConnection, new: NewException) -> bool:
    return bool(
        await run(
            tx,
            """
            INSERT INTO exceptions (exception_id, workflow_id, order_id, fulfillment_id, step,
                reason, detail, owner, deadline, resolutions, state)
            VALUES (:exception_id, :workflow_id, :order_id, :fulfillment_id, :step, :reason,
                :detail, :owner, now() + make_interval(secs => :within_s),
                CAST(:resolutions AS text[]), 'open')
            ON CONFLICT (exception_id) DO NOTHING
            """,
            exception_id=new.exception_id,
            workflow_id=new.workflow_id,
            order_id=new.order_id,
            fulfillment_id=new.fulfillment_id,
            step=new.step,
            reason=new.reason,
            detail=new.detail,
            owner=new.owner,
            within_s=new.within_s,
            resolutions=list(new.resolutions),
        )
    )


async def resolve(
    tx: AsyncConnection, exception_id: str, resolution: str, actor: str, note: str
) -> Any | None:
    """Resolve once; return the row, or None when it was resolved before."""
    return await row(
        tx,
        """
        UPDATE exceptions SET state = 'resolved', resolution = :resolution, resolved_by = :actor,
            note = :note, resolved_at = now()
        WHERE exception_id = :exception_id AND state = 'open' RETURNING *
        """,
        exception_id=exception_id,
        resolution=resolution,
        actor=actor,
        note=note,
    )
