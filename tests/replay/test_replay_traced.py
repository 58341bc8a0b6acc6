"""Who is traced replays what was recorded untraced, and the other way round."""

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.replay.test_replay import HISTORIES, read
from workers.settings import Settings
from workers.temporal import WORKFLOWS, workflow_runner
from workers.watch.tracing import open_tracing, tracing_by

# One history of each kind, and what happens on a bad day.
SOME = list({path.name.rsplit("-", 1)[0]: path for path in HISTORIES}.values())


@pytest.mark.parametrize("sandboxed", [True, False])
@pytest.mark.parametrize("path", SOME, ids=lambda path: path.name.removesuffix(".json.gz"))
async def test_a_recorded_story_replays_traced(path: Path, *, sandboxed: bool) -> None:
    told = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(sandboxed=sandboxed),
        interceptors=[tracing_by(provider).interceptor],
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(path.stem, read(path)))
    assert told.get_finished_spans() == ()  # a replay is no news


async def test_who_names_no_collector_is_not_traced() -> None:
    async with open_tracing(Settings(), "test") as tracing:
        assert tracing is None
