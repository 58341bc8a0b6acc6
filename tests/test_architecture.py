"""The house rules that no linter knows: where packages live, how long files and functions get."""

import ast
import importlib
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.connectors.errors import ConnectorError, Misconfigured, Rejected, Throttled
from activities.failures import translate
from workers.temporal import WORKFLOWS, workflow_runner

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "wording", "workflows", "activities", "db", "api", "workers", "sandbox")
LONGEST_FILE = 400
LONGEST_FUNCTION = 70
FILES = sorted(
    path
    for package in (*PACKAGES, "tests")
    for path in (ROOT / package).rglob("*.py")
    if "versions" not in path.parts
)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_ours(package: str) -> None:
    found = importlib.import_module(package).__file__
    assert found is not None
    assert Path(found).is_relative_to(ROOT)


def test_no_file_outgrows_its_idea() -> None:
    long = [str(path) for path in FILES if len(path.read_text().splitlines()) > LONGEST_FILE]
    assert long == []


def test_no_function_outgrows_a_page() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in FILES
        if "tests" not in path.relative_to(ROOT).parts[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_every_module_says_what_it_does() -> None:
    silent = [
        str(path)
        for path in FILES
        if path.stat().st_size and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


CLOCKS_AND_DICE = {"now", "utcnow", "today", "time", "monotonic", "uuid4", "random"}


def test_the_domain_asks_neither_clock_nor_dice() -> None:
    """What import-linter cannot see: `datetime` may be imported, its clock not read."""
    asked = [
        f"{path}:{node.lineno}"
        for path in (ROOT / "domain").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS_AND_DICE
    ]
    assert asked == []


def test_every_failure_of_a_connector_is_final_or_will_be_retried() -> None:
    for kind in ConnectorError.__subclasses__():
        about = {"retry_after_s": 7.0} if kind is Throttled else {}
        told = translate(kind("vendor", "detail", "other", **about))
        assert told.type == kind.__name__
        assert told.non_retryable is (kind in (Rejected, Misconfigured))
        assert told.next_retry_delay == (timedelta(seconds=7) if about else None)


def test_test_files_have_names_of_their_own() -> None:
    """Pytest imports them by their bare name: the second of a pair would not be found."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []


def test_production_runs_stories_unsandboxed_and_tests_inside_the_sandbox() -> None:
    assert isinstance(workflow_runner(sandboxed=False), UnsandboxedWorkflowRunner)
    assert not isinstance(workflow_runner(), UnsandboxedWorkflowRunner)
    assert len({story.__name__ for story in WORKFLOWS}) == len(WORKFLOWS)
