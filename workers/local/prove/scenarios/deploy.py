"""New worker code takes over while orders are open, and what was recorded before still replays."""

from typing import Final

from temporalio.worker import Replayer

from workers.local.demo.plan import PlannedOrder
from workers.local.prove.next_version import NEXT_WORKFLOWS, PATCH
from workers.local.prove.orders import EAST, WEST, an_order
from workers.local.prove.stage import Outcome, Stage
from workers.temporal import workflow_runner

NEXT: Final = "workers.local.prove.next_version"
MOST_REPLAYED: Final = 200


async def new_code(stage: Stage) -> Outcome:
    old = _orders("old", stage.size.mix // 2)
    for order in old:
        await stage.place(order)
        await stage.parts(order)
    await stage.stack.redeploy_workers([NEXT, str(stage.points)])
    violations = await stage.drive(_orders("new", stage.size.mix // 2))
    violations += await stage.follow(old)
    violations += await _patched(stage)
    violations += await _unreplayable(stage)
    return Outcome(2 * len(old), 1, violations)


def _orders(prefix: str, count: int) -> list[PlannedOrder]:
    return [an_order(f"{prefix}-{n}", [(EAST, 1), (WEST, 1)]) for n in range(count)]


async def _patched(stage: Stage) -> list[str]:
    """Orders of both kinds must have been there, or nothing was shown."""
    patched = f'TemporalChangeVersion = "{PATCH}"'
    counts = [
        (await stage.temporal.count_workflows(f"WorkflowType = 'OrderWorkflow' AND {where}")).count
        for where in (patched, f"NOT {patched}")
    ]
    return [] if all(counts) else [f"{counts[0]} orders with the patch, {counts[1]} without"]


async def _unreplayable(stage: Stage) -> list[str]:
    replayer = Replayer(workflows=NEXT_WORKFLOWS, workflow_runner=workflow_runner(sandboxed=False))
    histories = stage.temporal.list_workflows(
        "WorkflowType = 'OrderWorkflow'", limit=MOST_REPLAYED
    ).map_histories()
    results = await replayer.replay_workflows(histories, raise_on_replay_failure=False)
    return [f"run {run} does not replay: {why}" for run, why in results.replay_failures.items()]
