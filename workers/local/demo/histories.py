"""Counts events and billable actions in the histories of closed orders."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from workflows.messages import order_workflow_id

# Enough to know the mean of orders that are much alike.
SAMPLE: Final = 40
# Source: https://docs.temporal.io/evaluate/temporal-cloud/actions
_ACTIONS: Final[dict[int, int]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: 1,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: 1,
    EventType.EVENT_TYPE_TIMER_STARTED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: 1,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: 1,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: 1,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: 1,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: 1,
}


@dataclass(frozen=True)
class Cost:
    events: int = 0
    actions: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.events + other.events, self.actions + other.actions)


def cost_of(events: Iterable[HistoryEvent]) -> Cost:
    """Local activities count once a workflow task, and each retry of an activity once more."""
    count, actions = 0, 0
    marked: set[int] = set()
    for event in events:
        count += 1
        actions += _ACTIONS.get(event.event_type, 0)
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            actions += event.activity_task_started_event_attributes.attempt - 1
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            marked.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
    return Cost(count, actions + len(marked))


async def mean_cost(client: Client, order_ids: list[str]) -> tuple[float, float]:
    """Events and actions an order with its parcels, over a sample evenly spread."""
    step = max(1, len(order_ids) // SAMPLE)
    sample = order_ids[::step][:SAMPLE]
    if not sample:
        return 0.0, 0.0
    total = Cost()
    for order_id in sample:
        total += await _with_children(client, order_workflow_id(order_id))
    return round(total.events / len(sample), 1), round(total.actions / len(sample), 1)


async def _with_children(client: Client, workflow_id: str) -> Cost:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    cost = cost_of(history.events)
    for event in history.events:
        if event.event_type == EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
            child = event.start_child_workflow_execution_initiated_event_attributes.workflow_id
            cost += await _with_children(client, child)
    return cost
