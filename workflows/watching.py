"""What watches the rest on schedules: books are reconciled, and what waits too long is told."""

from dataclasses import replace
from typing import Final

from temporalio import workflow

from workflows.messages import LookedSoFar, Reconcile
from workflows.steps import reconciling
from workflows.steps.reconciling import RUNS, LookAt

# What is between two books for a moment is seen once: twice makes it a difference.
LOOKS: Final = 2
# Few enough for one history, and for a replay that no worker notices.
PAGES_A_RUN: Final = 100


@workflow.defn
class EscalationWorkflow:
    """Tells owners of overdue exceptions and open tasks; returns of how many."""

    @workflow.run
    async def run(self, again_after_s: float) -> int:
        return await reconciling.escalate(again_after_s)


@workflow.defn
class ReconciliationWorkflow:
    """Compares somebody's books with ours; every difference becomes a task, none is repaired."""

    @workflow.run
    async def run(self, what: Reconcile) -> None:
        so_far = what.so_far or await _begin(what.scope, 1)
        while True:
            look = _look(what, so_far)
            if what.scope != RUNS:
                await self._read(what, look, so_far)
            suspected = await reconciling.compare(look)
            if not suspected or look.number == LOOKS:
                break
            await workflow.sleep(what.pause_s)
            so_far = await _begin(what.scope, look.number + 1)
        await reconciling.forget_lines(_run())

    async def _read(self, what: Reconcile, look: LookAt, so_far: LookedSoFar) -> None:
        """Read page after page; longer books are read on by a run anew."""
        cursor = so_far.cursor
        for _ in range(PAGES_A_RUN):
            cursor = (await reconciling.read_page(look, cursor)).next_cursor
            if cursor is None:
                return
        workflow.continue_as_new(replace(what, so_far=replace(so_far, cursor=cursor)))


async def _begin(scope: str, number: int) -> LookedSoFar:
    began = await reconciling.begin_look(scope)
    return LookedSoFar(number, began.since, began.until)


def _look(what: Reconcile, so_far: LookedSoFar) -> LookAt:
    return LookAt(
        run=_run(),
        scope=what.scope,
        number=so_far.number,
        since=so_far.since,
        until=so_far.until,
        grace_s=what.grace_s,
    )


def _run() -> str:
    """The same for a run that was continued as new."""
    return workflow.info().first_execution_run_id
