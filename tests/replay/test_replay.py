"""Stories recorded earlier still replay: orders that are open live through a deploy."""

import gzip
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workers.temporal import WORKFLOWS, workflow_runner

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json.gz"))


def test_the_corpus_has_every_end() -> None:
    kinds = {path.name.rsplit("-", 1)[0] for path in HISTORIES}
    ends = ("delivered", "cancelled", "refused_payment", "refused_stock", "expired_payment")
    assert {f"OrderWorkflow-{end}" for end in ends} <= kinds
    assert {"FulfillmentWorkflow-delivered", "LatePaymentWorkflow-closed"} <= kinds
    assert {"ReconciliationWorkflow-closed", "EscalationWorkflow-closed"} <= kinds
    returned = ("refunded", "credited", "exchanged", "replaced", "rejected", "never_arrived")
    assert {f"ReturnWorkflow-{end}" for end in (*returned, "refused", "cancelled")} <= kinds


def test_every_kind_of_run_is_in_the_corpus() -> None:
    kinds = {path.name.partition("-")[0] for path in HISTORIES}
    assert {story.__name__ for story in WORKFLOWS} <= kinds


def read(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.name.removesuffix(".json.gz"))
async def test_a_recorded_story_replays(path: Path) -> None:
    history = WorkflowHistory.from_json(path.stem, read(path))
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner())
    await replayer.replay_workflow(history)
