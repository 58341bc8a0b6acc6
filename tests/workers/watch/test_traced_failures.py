"""A step that fails leaves the kind of its error in the trace, and nothing that the error said."""

import secrets
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from workers.watch.tracing import tracing_by
from workers.worker import Composition

# Not where it is raised: a traceback shows that line.
WORDS = "Ada Buyer of 1 Main Street is not at home"


@activity.defn
async def fail() -> None:
    raise RuntimeError(WORDS)


@workflow.defn
class Telling:
    @workflow.run
    async def run(self) -> None:
        once = RetryPolicy(maximum_attempts=1)
        await workflow.execute_activity(
            fail, start_to_close_timeout=timedelta(seconds=30), retry_policy=once
        )


async def test_what_an_error_said_is_in_no_span(temporal: Client) -> None:
    told = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    tracing = tracing_by(provider)
    client = Client(
        temporal.service_client, namespace=temporal.namespace, interceptors=[tracing.interceptor]
    )
    queue = f"telling-{secrets.token_hex(4)}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Telling],
        activities=[fail],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=Composition().interceptors(None),
    ):
        with tracing.span("asked"), pytest.raises(WorkflowFailureError):
            await client.execute_workflow(Telling.run, id=queue, task_queue=queue)
    spans = {span.name: span.to_json() for span in told.get_finished_spans()}
    assert {"asked", "RunActivity:fail", "StartWorkflow:Telling"} <= spans.keys()
    assert len({span.context.trace_id for span in told.get_finished_spans()}) == 1
    assert "RuntimeError" in spans["RunActivity:fail"]
    assert not [text for text in spans.values() if "Ada" in text or "Main Street" in text]
