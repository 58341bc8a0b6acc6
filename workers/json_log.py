"""A log for machines: each record one JSON object, with what is known around it.

What stands beside the message is ours: ids and names. It is redacted all the same.
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from temporalio import activity, workflow

from api.seeing import request_id

_RUN: Final = "order-"


class JsonFormatter(logging.Formatter):
    """`redact` is asked about every text of a record, wherever it comes from."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_around(),
            "exception": record.exc_text,
            "stack": record.stack_info,
        }
        known = {name: self._clean(value) for name, value in fields.items() if value is not None}
        return json.dumps(known, ensure_ascii=False)

    def _clean(self, value: Any) -> Any:
        return self._redact(value) if isinstance(value, str) else value


def _around() -> dict[str, Any]:
    """Where the record is written: in a step, in a story, in a request, or nowhere of these."""
    found: dict[str, Any] = {"request_id": request_id()}
    workflow_id: str | None = None
    if activity.in_activity():
        step = activity.info()
        workflow_id = step.workflow_id
        found |= {"activity": step.activity_type, "attempt": step.attempt}
        found["run_id"] = step.workflow_run_id
    elif workflow.in_workflow():
        story = workflow.info()
        workflow_id = story.workflow_id
        found |= {"workflow": story.workflow_type, "run_id": story.run_id}
    return found | {"workflow_id": workflow_id, "order_id": _order_of(workflow_id)}


def _order_of(workflow_id: str | None) -> str | None:
    """The order that a run of an order, a parcel or a return is about."""
    if workflow_id is None or not workflow_id.startswith(_RUN):
        return None
    return workflow_id.removeprefix(_RUN).partition("/")[0]
