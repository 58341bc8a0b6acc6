"""Bulk imports over HTTP: the file is the body; the answer is the report."""

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import CatalogReader, CatalogWriter
from api.context import Ctx
from api.fields import ListQuery
from api.import_models import ImportId, ImportPage, ImportReport, ImportView
from api.imports.kinds import Kind as ImportKind
from api.imports.reading import Format, Unreadable
from api.imports.rejects import rejects_file
from api.imports.running import Asked, run_import
from api.pagination import decode, fingerprint, moment, page_of
from api.problems import Kind, Problem, documented, invalid
from db.inbox.catalog import By
from db.queries import imports

router: Final = APIRouter(tags=["catalogue"])
REJECTS_SHOWN: Final = 100
# A smaller file is kept in memory.
_SPOOL_BYTES: Final = 1 << 20
_FORMATS: Final[dict[str, Format]] = {
    "text/csv": "csv", "application/jsonl": "jsonl", "application/x-ndjson": "jsonl",
}  # fmt: skip
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string"}} for media in ("text/csv", "application/jsonl")
        },
    }
}


@router.post(
    "/imports", response_model=ImportReport, openapi_extra=_BODY,
    responses=documented(Kind.INVALID_REQUEST, Kind.TOO_LARGE, Kind.TOO_SLOW),
)  # fmt: skip
async def import_entries(
    request: Request,
    kind: ImportKind,
    context: Ctx,
    caller: CatalogWriter,
    *,
    all_or_nothing: Annotated[bool, Query(description="take all rows or none")] = False,
) -> dict[str, Any]:
    """Import a file: good rows are taken, each other is told with its reason.

    The same file again changes nothing. Scope: `catalog:write`.
    """
    asked = Asked(kind, _format_of(request), By(caller.actor), all_or_nothing)
    with SpooledTemporaryFile(max_size=_SPOOL_BYTES) as file:
        async for part in request.stream():
            file.write(part)
        import_id = await _run(context.engine, file, asked)
    return await report(context.engine, import_id)


def _format_of(request: Request) -> Format:
    """Raises: Problem."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in _FORMATS:
        detail = f"send text/csv or application/jsonl, not {given or 'none'}"
        raise invalid([{"pointer": "Content-Type", "detail": detail}])
    return _FORMATS[given]


async def _run(engine: AsyncEngine, file: IO[bytes], asked: Asked) -> str:
    try:
        return await run_import(engine, file, asked)
    except Unreadable as fault:
        raise invalid([{"pointer": "", "detail": str(fault)}]) from None


async def report(engine: AsyncEngine, import_id: str) -> dict[str, Any]:
    async with engine.connect() as connection:
        found = await imports.get_import(connection, import_id)
        if found is None:
            raise Problem(Kind.NOT_FOUND, f"there is no import {import_id}")
        rejects = await imports.list_rejects(connection, import_id, after=0, limit=REJECTS_SHOWN)
    return {**found, "rejects": rejects}


@router.get("/imports", response_model=ImportPage, responses=documented(Kind.INVALID_CURSOR))
async def list_imports(
    query: Annotated[ListQuery, Query()], context: Ctx, _: CatalogReader
) -> dict[str, Any]:
    """List imports, newest first. Scope: `catalog:read`."""
    mark = fingerprint("imports", None)
    before = decode(query.cursor, mark, lambda at, key: imports.Before(moment(at), key))
    async with context.engine.connect() as connection:
        found = await imports.list_imports(connection, before=before, limit=query.limit + 1)
    return vars(page_of(found, query.limit, mark, lambda i: (i["started_at"], i["import_id"])))


@router.get(
    "/imports/{import_id}", response_model=ImportReport, responses=documented(Kind.NOT_FOUND)
)
async def get_import(import_id: ImportId, context: Ctx, _: CatalogReader) -> dict[str, Any]:
    """Read an import's report, with the first of its rejects. Scope: `catalog:read`."""
    return await report(context.engine, import_id)


@router.get(
    "/imports/{import_id}/rejects.csv", response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}}, **documented(Kind.NOT_FOUND)},
)  # fmt: skip
async def rejects_as_csv(import_id: ImportId, context: Ctx, _: CatalogReader) -> StreamingResponse:
    """Fetch the rejects of a CSV file, to be corrected and sent again. Scope: `catalog:read`."""
    pieces = await _rejects(context.engine, import_id, "csv")
    return StreamingResponse(pieces, media_type="text/csv")


@router.get(
    "/imports/{import_id}/rejects.jsonl", response_class=StreamingResponse,
    responses={200: {"content": {"application/jsonl": {}}}, **documented(Kind.NOT_FOUND)},
)  # fmt: skip
async def rejects_as_lines(
    import_id: ImportId, context: Ctx, _: CatalogReader
) -> StreamingResponse:
    """Fetch the rejects of JSON Lines, to be corrected and sent again. Scope: `catalog:read`."""
    pieces = await _rejects(context.engine, import_id, "jsonl")
    return StreamingResponse(pieces, media_type="application/jsonl")


async def _rejects(engine: AsyncEngine, import_id: str, wanted: Format) -> AsyncIterator[str]:
    """Raises: Problem for no import, or one of another format."""
    found = ImportView.model_validate(about := await report(engine, import_id))
    if found.format != wanted:
        raise Problem(Kind.NOT_FOUND, f"what was sent was {found.format}")
    return rejects_file(engine, about)
