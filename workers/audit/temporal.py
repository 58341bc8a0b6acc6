"""Database against Temporal: what is open runs, what runs is open, and nothing failed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from temporalio.client import Client

from workers import runs
from workers.audit.facts import Facts
from workers.audit.violation import Violation
from workflows.messages import fulfillment_workflow_id, order_workflow_id

# Which run an exception waits in: the second its run began, as the desk names it.
_RAISED_IN: Final = re.compile(r"-x(?P<moment>\d+)-\d+$")
_LATE: Final = re.compile(r"^late-(?P<order_id>.+)-t\d+$")
_ORDER: Final = re.compile(r"^order-(?P<order_id>[^/]+)$")


@dataclass(frozen=True)
class Compared:
    """`late`: closed orders to which a late payment is being given back right now."""

    violations: list[Violation]
    late: set[str]


async def compare(client: Client, facts: Facts) -> Compared:
    listed = await runs.running_ids(client)
    late = {match["order_id"] for each in listed if (match := _LATE.match(each))}
    violations = [
        *await _open_orders(client, facts, listed),
        *await _parcels(client, facts, listed),
        *await _orphans(client, facts, listed),
        *await _exceptions(client, facts.exceptions),
        *(
            Violation("no_run_failed", workflow_id, run_id)
            for run_id, workflow_id in (await runs.failed_runs(client)).items()
        ),
    ]
    return Compared(violations, late)


async def _open_orders(client: Client, facts: Facts, listed: set[str]) -> list[Violation]:
    ids = {order_workflow_id(order.order_id): order.order_id for order in facts.open_orders}
    absent = await runs.not_running(client, ids, listed)
    return [
        Violation("open_order_has_a_running_workflow", ids[workflow_id], f"its run is: {status}")
        for workflow_id, status in absent.items()
    ]


async def _parcels(client: Client, facts: Facts, listed: set[str]) -> list[Violation]:
    parcels = {fulfillment_workflow_id(part.order_id, part.number): part for part in facts.parcels}
    absent = await runs.not_running(client, parcels, listed)
    return [
        Violation(
            "parcel_under_way_has_a_running_workflow",
            parcels[workflow_id].fulfillment_id,
            f"{parcels[workflow_id].state}, its run is: {status}",
        )
        for workflow_id, status in absent.items()
    ]


async def _orphans(client: Client, facts: Facts, listed: set[str]) -> list[Violation]:
    """Find runs of orders that are closed, or that nobody placed."""
    expected = {each.order_id for each in (*facts.open_orders, *facts.waiting)}
    found = {
        each: match["order_id"]
        for each in listed
        if (match := _ORDER.match(each)) and match["order_id"] not in expected
    }
    gone = await runs.not_running(client, found, set())
    return [
        Violation("running_workflow_has_an_open_order", order_id, f"{workflow_id} runs")
        for workflow_id, order_id in found.items()
        if workflow_id not in gone
    ]


async def _exceptions(client: Client, exceptions: Sequence[Any]) -> list[Violation]:
    """Find exceptions that nobody can resolve, because the run that asked is no more."""
    absent = await runs.not_running(client, (each.workflow_id for each in exceptions), set())
    found = []
    for exception in exceptions:
        status = absent.get(exception.workflow_id)
        raised = _RAISED_IN.search(exception.exception_id)
        if status is None and raised is not None:
            began = await runs.started_at(client, exception.workflow_id)
            status = None if began == int(raised["moment"]) else "another than the one that asked"
        if status is not None:
            detail = f"{exception.workflow_id}, its run is: {status}"
            found.append(
                Violation("open_exception_can_be_resolved", exception.exception_id, detail)
            )
    return found
