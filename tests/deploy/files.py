"""The files of deployment as data, and what the product knows of their words."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from workers.cli import build
from workers.secret_files import secret_fields
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
VERSION = PROJECT["project"]["version"]
IMAGE = f"cauce-oms:{VERSION}"


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def manifests(kind: str = "") -> dict[str, dict[str, Any]]:
    """Every resource by its kind and name; of one kind, by its name."""
    found = {}
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        if path.name == "kustomization.yaml":
            continue
        for resource in yaml.safe_load_all(path.read_text()):
            name = resource["metadata"]["name"]
            assert (resource["kind"], name) not in found, name
            found[resource["kind"], name] = resource
    if kind:
        return {name: each for (k, name), each in found.items() if k == kind}
    return {f"{k}/{name}": each for (k, name), each in found.items()}


def pods() -> dict[str, dict[str, Any]]:
    """What each Deployment and Job makes, by its name."""
    made = manifests("Deployment") | manifests("Job")
    return {name: each["spec"]["template"]["spec"] for name, each in made.items()}


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pod in pods().items():
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            yield f"{name}/{container['name']}", container


def known_variables() -> set[str]:
    """Every variable that the settings read."""
    secrets = {f"{name}_FILE" for name in secret_fields(Settings)}
    return {f"OMS_{name.upper()}" for name in [*Settings.model_fields, *secrets]}


def understood(words: list[str]) -> bool:
    """Whether `oms` has this command with these options."""
    assert words[0] == "oms"
    command = get_command(build())
    rest = words[1:]
    context = typer.Context(command)
    while isinstance(command, TyperGroup):
        found = command.get_command(context, rest[0]) if rest else None
        if found is None:
            return False
        command, rest = found, rest[1:]
    options = {name for each in command.params for name in each.opts}
    return all(word in options for word in rest if word.startswith("--"))


def docker_steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile: keyword and words."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]  # type: ignore[misc]
