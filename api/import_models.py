"""Imports and their rejects as they are read."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from api.fields import Answer, Moment
from api.imports.kinds import Kind
from api.imports.reading import Format

ImportId = Annotated[str, Path(pattern=r"^imp_[0-9a-f]{16}$", examples=["imp_0123456789abcdef"])]


class ImportView(Answer):
    import_id: str
    kind: Kind
    format: Format
    state: Literal["running", "done", "refused", "failed"] = Field(
        description="refused: rows were rejected, and all or nothing was asked for; failed: it "
        "broke off, send it again"
    )
    all_or_nothing: bool
    actor: str
    detail: str | None = Field(description="why it was refused, or broke off")
    created: int
    updated: int
    unchanged: int
    rejected: int
    started_at: Moment
    ended_at: Moment | None = Field(description="null: it runs, or its process died; send it again")


class ImportPage(Answer):
    items: list[ImportView]
    next_cursor: str | None = Field(description="null on the last page")


class FaultView(Answer):
    field: str = Field(description="empty: the row as a whole")
    reason: str


class RejectView(Answer):
    row: int = Field(description="as a spreadsheet numbers it: the header of a CSV file is row 1")
    faults: list[FaultView]


class ImportReport(ImportView):
    rejects: list[RejectView] = Field(description="the first ones; all are in the rejects' file")
