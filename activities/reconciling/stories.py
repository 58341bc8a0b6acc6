"""Database against Temporal: what is open runs, what runs is open, and nothing failed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio.client import Client

from activities.reconciling import runs
from activities.reconciling.violation import Violation
from db.queries import audit
from domain.naming import fulfillment_workflow_id, order_workflow_id, return_workflow_id

# Which run an exception waits in: the second its run began, as the desk names it.
_RAISED_IN: Final = re.compile(r"-x(?P<moment>\d+)-\d+$")
_LATE: Final = re.compile(r"^late-(?P<order_id>.+)-t\d+$")
_RETURN: Final = re.compile(r"^order-(?P<order_id>[^/]+)/r/\d+$")
_ORDER: Final = re.compile(r"^order-(?P<order_id>[^/]+)$")


@dataclass(frozen=True)
class Unfinished:
    """What the database says is still to be done."""

    open_orders: list[Any]
    waiting: list[Any]
    parcels: list[Any]
    exceptions: list[Any]
    returns: list[Any] = field(default_factory=list)


async def read_unfinished(tx: AsyncConnection) -> Unfinished:
    return Unfinished(
        open_orders=await audit.open_orders(tx),
        waiting=await audit.waiting_documents(tx),
        parcels=await audit.open_parcels(tx),
        exceptions=await audit.open_exceptions(tx),
        returns=await audit.open_returns(tx),
    )


@dataclass(frozen=True)
class Compared:
    """`late`: closed orders to which money is being given back: a late payment, or for a return."""

    violations: list[Violation]
    late: set[str]


async def compare(client: Client, known: Unfinished) -> Compared:
    listed = await runs.running_ids(client)
    late = {
        match["order_id"] for each in listed if (match := _LATE.match(each) or _RETURN.match(each))
    }
    violations = [
        *await _open_orders(client, known, listed),
        *await _parcels(client, known, listed),
        *await _returns(client, known, listed),
        *await _orphans(client, known, listed),
        *await _exceptions(client, known.exceptions),
        *(
            Violation("no_run_failed", workflow_id, run_id).between(
                None, {"workflow_id": workflow_id, "run_id": run_id}
            )
            for run_id, workflow_id in (await runs.failed_runs(client)).items()
        ),
    ]
    return Compared(violations, late)


async def _open_orders(client: Client, known: Unfinished, listed: set[str]) -> list[Violation]:
    orders = {order_workflow_id(order.order_id): order for order in known.open_orders}
    absent = await runs.not_running(client, orders, listed)
    found = []
    for workflow_id, status in absent.items():
        order = orders[workflow_id]
        missing = Violation(
            "open_order_has_a_running_workflow", order.order_id, f"its run is: {status}"
        )
        ours = {"order_id": order.order_id, "next_step": order.next_step}
        found.append(missing.between(ours, _run(workflow_id, status)))
    return found


async def _parcels(client: Client, known: Unfinished, listed: set[str]) -> list[Violation]:
    """One that is only planned gets its run when its order goes on; until then it has none."""
    parcels = {
        fulfillment_workflow_id(part.order_id, part.number): part
        for part in known.parcels
        if part.is_under_way
    }
    absent = await runs.not_running(client, parcels, listed)
    found = []
    for workflow_id, status in absent.items():
        part = parcels[workflow_id]
        missing = Violation(
            "parcel_under_way_has_a_running_workflow",
            part.fulfillment_id,
            f"{part.state}, its run is: {status}",
        )
        ours = {"fulfillment_id": part.fulfillment_id, "state": part.state}
        found.append(missing.between(ours, _run(workflow_id, status)))
    return found


async def _returns(client: Client, known: Unfinished, listed: set[str]) -> list[Violation]:
    returns = {return_workflow_id(each.order_id, each.number): each for each in known.returns}
    absent = await runs.not_running(client, returns, listed)
    found = []
    for workflow_id, status in absent.items():
        back = returns[workflow_id]
        missing = Violation(
            "open_return_has_a_running_workflow", back.rma, f"{back.state}, its run is: {status}"
        )
        ours = {"rma": back.rma, "state": back.state}
        found.append(missing.between(ours, _run(workflow_id, status)))
    return found


async def _orphans(client: Client, known: Unfinished, listed: set[str]) -> list[Violation]:
    """Find runs of orders that are closed, or that nobody placed."""
    expected = {each.order_id for each in (*known.open_orders, *known.waiting)}
    found = {
        each: match["order_id"]
        for each in listed
        if (match := _ORDER.match(each)) and match["order_id"] not in expected
    }
    gone = await runs.not_running(client, found, set())
    return [
        Violation("running_workflow_has_an_open_order", order_id, f"{workflow_id} runs").between(
            None, _run(workflow_id, "running")
        )
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
            stale = Violation("open_exception_can_be_resolved", exception.exception_id, detail)
            ours = {"exception_id": exception.exception_id, "order_id": exception.order_id}
            found.append(stale.between(ours, _run(exception.workflow_id, status)))
    return found


def _run(workflow_id: str, status: str) -> Mapping[str, Any]:
    return {"workflow_id": workflow_id, "status": status}
