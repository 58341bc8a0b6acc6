"""Orders recorded with their parcel, as scripts for twins."""

import gzip
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from workers.local.bench.script import Script, read_script

HISTORIES = Path(__file__).parents[3] / "replay" / "histories"
# Longer than what comes at once, so that a twin is asked how far it has come.
SHORT_S = 0.2


def events_of(path: str, story: str) -> list[HistoryEvent]:
    text = gzip.decompress((HISTORIES / f"path-{path}-{story}-1.json.gz").read_bytes()).decode()
    return list(WorkflowHistory.from_json(path, text).events)


def recorded(path: str) -> tuple[Script, Counter[str]]:
    """The script of an order and its one parcel, and their events by kind."""
    order, parcel = events_of(path, "OrderWorkflow"), events_of(path, "FulfillmentWorkflow")
    script = read_script(order, [read_script(parcel)])
    for each in (script, *script.children):
        each.messages = [replace(m, gap_s=min(m.gap_s, SHORT_S)) for m in each.messages]
    return script, kinds((*order, *parcel))


def kinds(events: Iterable[HistoryEvent]) -> Counter[str]:
    names = (EventType.Name(event.event_type) for event in events)
    return Counter(name.removeprefix("EVENT_TYPE_").lower() for name in names)
