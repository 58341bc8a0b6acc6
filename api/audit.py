"""The audit log: who changed what through the API or the command line, and why."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import AuditReader
from api.context import Ctx
from api.fields import Answer, ListQuery, Moment, Text
from api.pagination import decode, fingerprint, page_of, row_number
from api.problems import Kind, documented
from db.queries.audit_log import AuditFilter, list_audit

router: Final = APIRouter(tags=["audit"])


class AuditQuery(ListQuery):
    subject: Text | None = Field(default=None, description="the id of what was changed, exactly")
    actor: Text | None = Field(default=None, description="`key:…`, `cli:…` or `webhook:…`")
    action: Text | None = Field(default=None, description="for instance `OrderCancellationAsked`")


class AuditView(Answer):
    """Ids and states, no personal data."""

    audit_id: int
    at: Moment
    actor: str
    action: str
    subject: str
    reason: str | None = Field(description="as the actor gave it")
    before: dict[str, Any]
    after: dict[str, Any] = Field(description="what was asked for")


class AuditPage(Answer):
    items: list[AuditView]
    next_cursor: str | None = Field(description="null on the last page")


@router.get("/audit", response_model=AuditPage, responses=documented(Kind.INVALID_CURSOR))
async def list_changes(
    query: Annotated[AuditQuery, Query()], context: Ctx, _: AuditReader
) -> dict[str, Any]:
    """List who changed what and why, newest first. Scope: `audit:read`."""
    wanted = AuditFilter(query.subject, query.actor, query.action)
    mark = fingerprint("audit", vars(wanted))
    before = decode(query.cursor, mark, row_number)
    async with context.engine.connect() as connection:
        found = await list_audit(connection, wanted, before=before, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda row: (str(row["audit_id"]),)))
