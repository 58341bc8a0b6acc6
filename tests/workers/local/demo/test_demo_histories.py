"""Events are counted as they are, actions as they would be billed."""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from workers.local.demo.histories import Cost, cost_of


def _event(kind: "EventType.ValueType") -> HistoryEvent:
    return HistoryEvent(event_type=kind)


def _marker(task: int) -> HistoryEvent:
    event = _event(EventType.EVENT_TYPE_MARKER_RECORDED)
    event.marker_recorded_event_attributes.workflow_task_completed_event_id = task
    return event


def _attempt(number: int) -> HistoryEvent:
    event = _event(EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    event.activity_task_started_event_attributes.attempt = number
    return event


def test_local_activities_of_one_task_are_one_action() -> None:
    assert cost_of([_marker(4), _marker(4), _marker(9)]) == Cost(events=3, actions=2)


def test_each_retry_of_an_activity_is_one_more() -> None:
    scheduled = _event(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    assert cost_of([scheduled, _attempt(1)]).actions == 1
    assert cost_of([scheduled, _attempt(3)]).actions == 3


def test_workflow_tasks_cost_events_only() -> None:
    kinds = (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
        EventType.EVENT_TYPE_TIMER_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    )
    assert cost_of([_event(kind) for kind in kinds]) == Cost(events=7, actions=3)
