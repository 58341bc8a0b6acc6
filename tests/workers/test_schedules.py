"""Everything that must run by itself has a schedule that no hung run can silence."""

from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleActionStartWorkflow, ScheduleOverlapPolicy

from workers.schedules import apply_schedules, schedules
from workers.settings import Settings
from workers.temporal import WORKFLOWS

WITH_A_SHOP = Settings(shopify_url="https://shop.example", shopify_channel="mall")
WATCHES = {"escalate", "reconcile-payments", "reconcile-labels", "reconcile-runs"}


def test_all_books_are_reconciled_and_a_shop_s_where_there_is_one() -> None:
    without = set(schedules(Settings()))
    assert without >= WATCHES
    assert set(schedules(WITH_A_SHOP)) - without == {"sync-mall", "reconcile-orders-mall"}


@pytest.mark.parametrize("factor", [1.0, 60.0, 200_000.0])
def test_a_run_ends_before_the_next_is_due(factor: float) -> None:
    known = {story.__name__ for story in WORKFLOWS}
    for schedule in schedules(WITH_A_SHOP.model_copy(update={"time_factor": factor})).values():
        action = schedule.action
        assert isinstance(action, ScheduleActionStartWorkflow)
        assert action.workflow in known
        (every,) = schedule.spec.intervals
        assert action.execution_timeout is not None
        assert action.execution_timeout < every.every
        assert every.every >= timedelta(seconds=15)
        assert schedule.spec.jitter
        assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP


async def test_applying_them_twice_is_the_same(temporal: Client) -> None:
    first = await apply_schedules(temporal, Settings())
    try:
        assert await apply_schedules(temporal, Settings()) == first
        watch = await temporal.get_schedule_handle("reconcile-runs").describe()
        assert watch.schedule.spec.intervals[0].every == timedelta(minutes=15)
    finally:
        for name in first:
            await temporal.get_schedule_handle(name).delete()
