"""Imports products, locations or stock from a CSV or JSON Lines file, and writes its rejects."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from sqlalchemy.ext.asyncio import AsyncEngine

from api.import_models import ImportReport
from api.importing import report
from api.imports.kinds import Kind
from api.imports.reading import Format
from api.imports.rejects import rejects_file
from api.imports.running import Asked, Unreadable, run_import
from db.engine import make_engine
from db.inbox.catalog import By
from workers.errors import UserError
from workers.settings import Settings

FORMATS: Final[dict[str, Format]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True)
class Options:
    """Without a `kind` the file's name says it; without `rejects` they lie beside the file."""

    kind: str | None = None
    all_or_nothing: bool = False
    rejects: Path | None = None


def is_bulk(file: Path) -> bool:
    return file.suffix.lower() in FORMATS


async def import_rows(
    settings: Settings, file: Path, options: Options, by: By
) -> tuple[dict[str, Any], Path | None]:
    """Return the report and where the rejects were written, if there are any.

    Raises: UserError when the file as a whole cannot be taken.
    """
    kind, file_format = _kind(file, options.kind), FORMATS[file.suffix.lower()]
    asked = Asked(kind, file_format, by, options.all_or_nothing, file.name)
    engine = make_engine(settings.require_database_url())
    try:
        with file.open("rb") as source:
            import_id = await run_import(engine, source, asked)
        about = await report(engine, import_id)
        rejects = None
        if about["rejected"]:
            rejects = options.rejects or file.with_name(f"{file.stem}.rejects{file.suffix}")
            await _write_rejects(engine, about, rejects)
    except OSError as error:
        raise UserError(f"{error.filename or file}: {error.strerror or error}") from None
    except Unreadable as fault:
        raise UserError(f"{file}: {fault}") from None
    finally:
        await engine.dispose()
    return ImportReport.model_validate(about).model_dump(mode="json"), rejects


def _kind(file: Path, given: str | None) -> Kind:
    """Raises: UserError."""
    for kind in KINDS:
        if given == kind or (given is None and file.name.startswith(kind)):
            return kind
    named = given or file.name
    raise UserError(f"{named!r} is none of {', '.join(KINDS)}: say which by --kind")


async def _write_rejects(engine: AsyncEngine, about: dict[str, Any], to: Path) -> None:
    with to.open("w", encoding="utf-8", newline="") as text:
        async for piece in rejects_file(engine, about):
            text.write(piece)
