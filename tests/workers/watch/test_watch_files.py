"""The dashboard and the alert rules ask for nothing that no process shows."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.workers.watch.house import House, ask, until
from workers.local.ports import any_free_port
from workers.settings import Settings
from workers.temporal import connect, measuring_runtime

ROOT = Path(__file__).parents[3]
DASHBOARD = ROOT / "deploy/grafana/cauce.json"
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
# What Prometheus adds itself, and what prometheus_client shows of a process.
OF_ALL = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
TYPE = re.compile(r"^# TYPE (\S+) (\w+)$", re.MULTILINE)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def questions() -> Iterator[str]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))
    yield from (rule["expr"] for rule in rules())


def selected(node: Any) -> Iterator[Any]:
    """Every selector of series in a parsed question."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    elif isinstance(node, promql_parser.MatrixSelector):
        yield node.vector_selector
    elif isinstance(node, promql_parser.Call):
        for each in node.args:
            yield from selected(each)
    else:
        for part in ("expr", "lhs", "rhs"):
            inner = getattr(node, part, None)
            if inner is not None:
                yield from selected(inner)


def asked() -> dict[str, set[str]]:
    """Every figure that is asked for, with the labels by which it is chosen."""
    found: dict[str, set[str]] = {}
    for question in questions():
        for each in selected(promql_parser.parse(question)):
            labels = {matcher.name for matcher in each.matchers.matchers}
            found.setdefault(each.name, set()).update(labels)
    return found


def shown(text: str) -> set[str]:
    """The names of the series behind a page of figures, also where there is none yet."""
    found: set[str] = set()
    for name, kind in TYPE.findall(text):
        found.add(name)
        if kind == "histogram":
            found |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return found


@workflow.defn
class Failing:
    @workflow.run
    async def run(self) -> None:
        raise ValueError("a bug: its task is tried again and again")


@pytest.fixture(scope="session")
async def of_failing_code(house: House) -> set[str]:
    """What the SDK shows only when something goes wrong: here something does."""
    port = any_free_port()
    settings = Settings(
        temporal_address=house.settings.temporal_address, temporal_metrics_port=port
    )
    client: Client = await connect(settings, runtime=measuring_runtime(settings))
    queue = f"failing-{secrets.token_hex(4)}"
    async with Worker(
        client, task_queue=queue, workflows=[Failing], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        handle = await client.start_workflow(Failing.run, id=queue, task_queue=queue)
        await until(lambda: "workflow_task_execution_failed" in ask(port, "/metrics")[1])
        await handle.terminate()
        with pytest.raises(RPCError):
            await client.get_workflow_handle("nobody").describe()
        return shown(ask(port, "/metrics")[1])


async def test_all_that_is_asked_for_is_shown_by_a_running_process(
    house: House, trace: str, of_failing_code: set[str]
) -> None:
    pages = [await house.api.scrape(), await house.worker.scrape()]
    pages += [await each.scrape(each.sdk_port) for each in (house.api, house.worker)]
    there = OF_ALL | of_failing_code | {name for page in pages for name in shown(page)}
    assert asked().keys() - there == set()


async def test_every_figure_of_ours_is_on_the_dashboard_and_explained(
    house: House, trace: str
) -> None:
    ours = {
        name
        for page in (await house.api.scrape(), await house.worker.scrape())
        for name, _ in TYPE.findall(page)
        if name.startswith("oms_")
    }
    looked_at = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked()}
    assert ours - looked_at == set()
    explained = (ROOT / "docs/operations.md").read_text()
    assert [name for name in sorted(ours) if f"`{name}`" not in explained] == []


def test_every_alert_says_what_happened_and_where_it_is_explained() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    anchors = {line.strip("# ").lower() for line in text.splitlines() if line.startswith("####")}
    for rule in rules():
        assert rule["annotations"]["summary"], rule
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/operations.md"
        assert anchor == rule["alert"].lower()
        assert anchor in anchors
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_no_figure_is_asked_for_by_a_label_that_names_one_order_or_person() -> None:
    labels = {label for chosen in asked().values() for label in chosen}
    assert labels <= {"job", "what", "age", "kind", "outcome", "status", "method", "code",
                      "task_queue"}  # fmt: skip


def test_the_dashboard_has_places_of_its_own_for_every_panel() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
