"""What one order is made of: its events by kind, its actions, its script, read from its history."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from workers.local.bench.script import Script, children_of, read_script
from workers.local.bench.twin import TWIN
from workers.local.demo.histories import Cost, cost_of
from workflows.messages import order_workflow_id

# A schedule's tick, beside the run it starts.
# Source: https://docs.temporal.io/evaluate/temporal-cloud/actions
ACTIONS_OF_A_TICK: Final = 2
_BY_SCHEDULE: Final = "TemporalScheduledById"


@dataclass(frozen=True)
class Sampled:
    """One run with its children."""

    events: Counter[str]
    cost: Cost
    script: Script


async def sample(client: Client, workflow_id: str) -> Sampled:
    history = await client.get_workflow_handle(workflow_id).fetch_history()
    children = [await sample(client, child) for child in children_of(history.events)]
    events, cost = _kinds(history.events), cost_of(history.events)
    for child in children:
        events, cost = events + child.events, cost + child.cost
    script = read_script(history.events, [child.script for child in children])
    return Sampled(events, cost, script)


async def sample_orders(client: Client, order_ids: Iterable[str]) -> Sampled:
    """One order of the most usual shape: load or a poll now and then makes others."""
    found = [await sample(client, order_workflow_id(order_id)) for order_id in order_ids]
    return most_usual(found)


def most_usual(found: Sequence[Sampled]) -> Sampled:
    shapes = [tuple(sorted(each.script.kinds().items())) for each in found]
    usual = Counter(shapes).most_common(1)[0][0]
    alike = [each for each, shape in zip(found, shapes, strict=True) if shape == usual]
    return min(alike, key=lambda each: each.cost.events)


def _kinds(events: Iterable[HistoryEvent]) -> Counter[str]:
    names = (EventType.Name(event.event_type) for event in events)
    return Counter(name.removeprefix("EVENT_TYPE_").lower() for name in names)


@dataclass(frozen=True)
class Totals:
    """What all runs of a while cost together; `ticks` are those that a schedule started."""

    runs: int = 0
    ticks: int = 0
    cost: Cost = field(default_factory=Cost)
    of_ticks: Cost = field(default_factory=Cost)

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.runs + other.runs,
            self.ticks + other.ticks,
            self.cost + other.cost,
            self.of_ticks + other.of_ticks,
        )

    def add(self, cost: Cost, *, scheduled: bool) -> "Totals":
        if not scheduled:
            return Totals(self.runs + 1, self.ticks, self.cost + cost, self.of_ticks)
        ticked = cost + Cost(actions=ACTIONS_OF_A_TICK)
        return Totals(self.runs + 1, self.ticks + 1, self.cost + ticked, self.of_ticks + ticked)


async def totals(client: Client, began: datetime, ended: datetime) -> Totals:
    """Every run of the product that was started in between, by whomever."""
    query = (
        f"StartTime BETWEEN '{began.isoformat()}' AND '{ended.isoformat()}'"
        f" AND WorkflowType != '{TWIN}'"
    )
    found = Totals()
    async for run in client.list_workflows(query):
        handle = client.get_workflow_handle(run.id, run_id=run.run_id)
        cost = cost_of((await handle.fetch_history()).events)
        found = found.add(cost, scheduled=_BY_SCHEDULE in run.search_attributes)
    return found
