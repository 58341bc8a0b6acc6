"""Reads out of recorded histories, step by step, what a twin has to do to look the same."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from workers.errors import UserError

# What a twin does: a word, what it is about, and the number that ties a beginning to its end.
Step = tuple[str, str, int]

LOCAL: Final = "local"  # a local activity
BEGIN: Final = "begin"  # an activity, on this queue
END: Final = "end"  # its result
TIMER: Final = "timer"  # of so many seconds
FIRES: Final = "fires"
CANCEL: Final = "cancel"  # a timer that did not fire
CHILD: Final = "child"
STARTED: Final = "started"  # a child's run is there
CLOSED: Final = "closed"  # a child's result
UPDATE: Final = "update"  # one is accepted
ANSWER: Final = "answer"  # to the oldest update not answered yet
SIGNAL: Final = "signal"
SEARCH: Final = "search"  # search attributes are written
PATCH: Final = "patch"

# How long a timer runs that is to be cancelled: a disturbed machine must not let it fire.
NEVER_S: Final = "86400"

_LOCAL_MARKER: Final = "core_local_activity"
_PATCH_MARKER: Final = "core_patch"
# A patch writes this one by itself.
_PATCHES: Final = "TemporalChangeVersion"


@dataclass(frozen=True)
class Message:
    """An update or a signal from outside: after so many events, and so long after the last."""

    kind: str
    after: int
    gap_s: float


@dataclass
class Script:
    """One run: its steps, the messages it is sent, and the scripts of its children."""

    steps: list[Step] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    children: "list[Script]" = field(default_factory=list)

    def kinds(self) -> Counter[str]:
        """How many steps of each kind, children included."""
        found = Counter(what if does == BEGIN else does for does, what, _ in self.steps)
        for child in self.children:
            found += child.kinds()
        return found


class _Reader:
    """Folds the events of one run into a script."""

    def __init__(self) -> None:
        self.script = Script()
        self._times: dict[int, float] = {}
        self._readers = {
            "MARKER_RECORDED": self._marker,
            "ACTIVITY_TASK_SCHEDULED": self._scheduled,
            "ACTIVITY_TASK_COMPLETED": self._completed,
            "TIMER_STARTED": self._timer,
            "TIMER_FIRED": self._fired,
            "TIMER_CANCELED": self._cancelled,
            "START_CHILD_WORKFLOW_EXECUTION_INITIATED": self._child,
            "CHILD_WORKFLOW_EXECUTION_STARTED": self._started,
            "CHILD_WORKFLOW_EXECUTION_COMPLETED": self._closed,
            "WORKFLOW_EXECUTION_UPDATE_ACCEPTED": self._update,
            "WORKFLOW_EXECUTION_UPDATE_COMPLETED": self._answer,
            "WORKFLOW_EXECUTION_SIGNALED": self._signal,
            "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": self._search,
        }

    def read(self, event: HistoryEvent) -> None:
        """Raises: UserError for what a plain order never has."""
        self._times[event.event_id] = event.event_time.ToNanoseconds() / 1e9
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        reader = self._readers.get(name)
        if reader is not None:
            reader(event.event_id, getattr(event, event.WhichOneof("attributes") or ""))
        elif name not in _WITHOUT_A_STEP:
            raise UserError(f"a twin knows nothing like {name}: this was no plain order")

    def _add(self, does: str, what: str = "", number: int = 0) -> None:
        self.script.steps.append((does, what, number))

    def _marker(self, event_id: int, marker: Any) -> None:
        if marker.marker_name == _LOCAL_MARKER:
            self._add(LOCAL)
        elif marker.marker_name == _PATCH_MARKER:
            self._add(PATCH, f"twin-{event_id}")
        else:
            raise UserError(f"a twin knows no marker {marker.marker_name}")

    def _scheduled(self, event_id: int, scheduled: Any) -> None:
        self._add(BEGIN, scheduled.task_queue.name, event_id)

    def _completed(self, _: int, completed: Any) -> None:
        self._add(END, "", completed.scheduled_event_id)

    def _timer(self, event_id: int, timer: Any) -> None:
        seconds = timer.start_to_fire_timeout.ToNanoseconds() / 1e9
        self._add(TIMER, f"{seconds:g}", event_id)

    def _fired(self, _: int, timer: Any) -> None:
        self._add(FIRES, "", timer.started_event_id)

    def _cancelled(self, _: int, timer: Any) -> None:
        self._add(CANCEL, "", timer.started_event_id)

    def _child(self, event_id: int, child: Any) -> None:
        self._add(CHILD, child.workflow_id, event_id)

    def _started(self, _: int, child: Any) -> None:
        self._add(STARTED, "", child.initiated_event_id)

    def _closed(self, _: int, child: Any) -> None:
        self._add(CLOSED, "", child.initiated_event_id)

    def _update(self, _: int, accepted: Any) -> None:
        # It came when the workflow task was scheduled that accepted it.
        self._hear(UPDATE, accepted.accepted_request_sequencing_event_id)

    def _answer(self, _: int, __: Any) -> None:
        self._add(ANSWER)

    def _signal(self, event_id: int, _: Any) -> None:
        self._hear(SIGNAL, event_id)

    def _hear(self, kind: str, came_as: int) -> None:
        """`came_as`: the event that its coming made."""
        last = came_as - 1
        self.script.messages.append(Message(kind, last, self._times[came_as] - self._times[last]))
        self._add(kind)

    def _search(self, _: int, upsert: Any) -> None:
        if set(upsert.search_attributes.indexed_fields) != {_PATCHES}:
            self._add(SEARCH)


# Workflow tasks follow from the rest.
_WITHOUT_A_STEP: Final = frozenset(
    {
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_COMPLETED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_TASK_TIMED_OUT",
        "WORKFLOW_TASK_FAILED",
        "ACTIVITY_TASK_STARTED",
    }
)


def children_of(events: Iterable[HistoryEvent]) -> list[str]:
    """The ids of the runs that this run started, in their order."""
    return [
        event.start_child_workflow_execution_initiated_event_attributes.workflow_id
        for event in events
        if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED
    ]


def read_script(events: Iterable[HistoryEvent], children: Sequence[Script] = ()) -> Script:
    """Children are given in the order of their start; their ids become their numbers."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    numbers = iter(range(len(children)))
    cancelled = {number for does, _, number in reader.script.steps if does == CANCEL}

    def named(does: str, what: str, number: int) -> str:
        if does == CHILD:
            return str(next(numbers))
        return NEVER_S if does == TIMER and number in cancelled else what

    reader.script.steps = [
        (does, named(does, what, number), number) for does, what, number in reader.script.steps
    ]
    reader.script.children = list(children)
    return reader.script
