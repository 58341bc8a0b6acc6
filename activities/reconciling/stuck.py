"""What stands still unseen: lost and failed runs, missed deadlines, schedules that always fail."""

from collections.abc import Iterable
from typing import Any

from temporalio.client import Client

from activities.reconciling import runs, stories
from activities.reconciling.stories import Unfinished
from activities.reconciling.violation import Violation
from domain.naming import fulfillment_workflow_id, order_workflow_id


async def compare(client: Client, unfinished: Unfinished, late: Iterable[Any]) -> list[Violation]:
    """Compare runs with what is open. `late`: rows of `db.queries.reconciliation.late_steps`."""
    compared = await stories.compare(client, unfinished)
    failed = {each.subject: each for each in compared.violations if each.rule == "no_run_failed"}
    others = [each for each in compared.violations if each.rule != "no_run_failed"]
    # One that does not run is a task already: that it failed, or is late, is no second one.
    lost = {each.theirs["workflow_id"] for each in others if each.theirs}
    return [
        *others,
        *await _unmended(client, {name: failed[name] for name in failed.keys() - lost}),
        *(_missed(row) for row in late if _workflow_id(row) not in lost),
        *await _failing_schedules(client),
    ]


async def _unmended(client: Client, failed: dict[str, Violation]) -> list[Violation]:
    """Leave out failed runs that a later run has replaced."""
    newest = await runs.not_running(client, failed, set())
    return [violation for name, violation in failed.items() if newest.get(name) == "failed"]


def _missed(row: Any) -> Violation:
    late = Violation("next_step_is_in_time", row.subject, f"{row.next_step} is overdue")
    ours = {"next_step": row.next_step, "next_deadline": row.next_deadline}
    return late.between(ours, {"workflow_id": _workflow_id(row), "status": "running"})


def _workflow_id(row: Any) -> str:
    if row.number is None:
        return order_workflow_id(row.order_id)
    return fulfillment_workflow_id(row.order_id, row.number)


async def _failing_schedules(client: Client) -> list[Violation]:
    return [
        Violation("schedule_succeeds", schedule_id, f"its last runs: {', '.join(ends)}").between(
            {"schedule": schedule_id}, {"last_runs": ends}
        )
        for schedule_id, ends in (await runs.failing_schedules(client)).items()
    ]
