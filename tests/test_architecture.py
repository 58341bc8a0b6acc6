"""The house rules that no linter knows: where packages live, how long files and functions get."""

import ast
import importlib
from pathlib import Path

import pytest
from temporalio.worker import UnsandboxedWorkflowRunner

from workers.temporal import WORKFLOWS, workflow_runner

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "workflows", "activities", "db", "api", "workers", "sandbox")
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


def test_production_runs_stories_unsandboxed_and_tests_inside_the_sandbox() -> None:
    assert isinstance(workflow_runner(sandboxed=False), UnsandboxedWorkflowRunner)
    assert not isinstance(workflow_runner(), UnsandboxedWorkflowRunner)
    assert len({story.__name__ for story in WORKFLOWS}) == len(WORKFLOWS)
