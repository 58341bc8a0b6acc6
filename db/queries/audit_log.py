"""The audit log as it is read: newest first, by subject, actor or action."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows

# What a caller said in words can be erased; this log cannot.
_SAID: Final = """
    (SELECT text FROM remarks WHERE remarks.subject = audit_log.subject
        AND (action, about) IN (('OrderCancellationAsked', 'cancelled'),
            ('ExceptionResolutionAsked', 'note'),
            ('HoldPlacingAsked', 'hold:' || (after ->> 'key')),
            ('HoldReleaseAsked', 'released:' || (after ->> 'number'))))
"""


@dataclass(frozen=True)
class AuditFilter:
    subject: str | None = None
    actor: str | None = None
    action: str | None = None


async def list_audit(
    connection: AsyncConnection, wanted: AuditFilter, *, before: int | None, limit: int
) -> list[dict[str, Any]]:
    """`before`: the `audit_id` at which the page before ended."""
    given = {name: value for name, value in vars(wanted).items() if value is not None}
    conditions = ["true", *(f"{name} = :{name}" for name in given)]
    if before is not None:
        conditions.append("audit_id < :before")
    found = await rows(
        connection,
        f"""
        SELECT audit_id, at, actor, action, subject, coalesce(reason, {_SAID}) AS reason,
            before, after
        FROM audit_log
        WHERE {" AND ".join(conditions)} ORDER BY audit_id DESC LIMIT :limit
        """,  # noqa: S608 - the filter's own names
        **given,
        before=before,
        limit=limit,
    )
    return [each._asdict() for each in found]
