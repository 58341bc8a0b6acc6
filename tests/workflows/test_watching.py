"""How reconciliation looks: page by page, a second time only at what it suspects."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import activity
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker

from activities.reconciling.books import LookAt, Read, ReadPage
from activities.reconciling.tasks import Began
from workers.temporal import workflow_runner
from workflows.messages import CORE_QUEUE, Reconcile
from workflows.steps.call import PAYMENTS_QUEUE
from workflows.watching import PAGES_A_RUN, ReconciliationWorkflow

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NUMBERS = itertools.count(1)


@dataclass
class Books:
    """Books of so many pages; `suspected` is what each look finds."""

    pages: int = 1
    suspected: list[int] = field(default_factory=list)
    read: list[ReadPage] = field(default_factory=list)
    looks: list[LookAt] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)

    @activity.defn
    async def begin_look(self, _: str) -> Began:
        return Began(NOW - timedelta(days=30), NOW)

    @activity.defn
    async def read_payments(self, page: ReadPage) -> Read:
        self.read.append(page)
        done = int(page.cursor or 0) + 1
        return Read(str(done) if done < self.pages else None)

    @activity.defn
    async def compare_books(self, look: LookAt) -> int:
        self.looks.append(look)
        return self.suspected.pop(0)

    @activity.defn
    async def compare_runs(self, look: LookAt) -> int:
        return await self.compare_books(look)

    @activity.defn
    async def forget_lines(self, run: str) -> None:
        self.forgotten.append(run)


@pytest.fixture(scope="module")
async def namespace(temporal: Client) -> Client:
    """Of its own: workers of other tests serve the same queues' names."""
    request = RegisterNamespaceRequest(namespace="watching-tests")
    request.workflow_execution_retention_period.FromSeconds(86_400)
    await temporal.workflow_service.register_namespace(request)
    return Client(temporal.service_client, namespace="watching-tests")


@pytest.fixture
async def books(namespace: Client) -> AsyncIterator[Books]:
    books = Books()
    core = [books.begin_look, books.compare_books, books.compare_runs, books.forget_lines]
    async with AsyncExitStack() as stack:
        for queue, stories, served in (
            (CORE_QUEUE, [ReconciliationWorkflow], core),
            (PAYMENTS_QUEUE, [], [books.read_payments]),
        ):
            worker = Worker(
                namespace, task_queue=queue, workflows=stories, activities=served,
                workflow_runner=workflow_runner(),
            )  # fmt: skip
            await stack.enter_async_context(worker)
        yield books


async def reconcile(client: Client, scope: str = "payments") -> str:
    """Run it to its end; return the first run's id."""
    handle = await client.start_workflow(
        ReconciliationWorkflow.run, Reconcile(scope, pause_s=0.1), id=f"books-{next(NUMBERS)}",
        task_queue=CORE_QUEUE,
    )  # fmt: skip
    await handle.result()
    assert handle.first_execution_run_id
    return handle.first_execution_run_id


@pytest.mark.parametrize(("suspected", "looks"), [([0], [1]), ([3, 0], [1, 2]), ([3, 3], [1, 2])])
async def test_only_what_is_suspected_is_looked_at_again(
    namespace: Client, books: Books, suspected: list[int], looks: list[int]
) -> None:
    books.suspected = list(suspected)
    run = await reconcile(namespace)
    assert [(look.run, look.number) for look in books.looks] == [(run, n) for n in looks]
    assert [page.look.number for page in books.read] == looks, "each look reads anew"
    assert books.forgotten == [run]


async def test_runs_have_no_pages(namespace: Client, books: Books) -> None:
    books.suspected = [0]
    await reconcile(namespace, "runs")
    assert (books.read, len(books.looks)) == ([], 1)


async def test_books_longer_than_a_history_are_read_on_by_a_run_anew(
    namespace: Client, books: Books
) -> None:
    books.pages, books.suspected = PAGES_A_RUN + 2, [0]
    run = await reconcile(namespace)
    assert [int(page.cursor or 0) for page in books.read] == list(range(books.pages))
    assert {page.look.run for page in books.read} == {run}
    assert {page.look.since for page in books.read} == {NOW - timedelta(days=30)}
    first = namespace.get_workflow_handle(f"books-{next(NUMBERS) - 1}", run_id=run)
    assert (await first.describe()).status is WorkflowExecutionStatus.CONTINUED_AS_NEW
