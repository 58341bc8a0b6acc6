"""The image holds the product and little else, and what it says of the product is true."""

import json
import re

from tests.deploy.files import PROJECT, ROOT, docker_steps, known_variables, understood

STEPS = docker_steps()
LAST_STAGE = STEPS[max(n for n, step in enumerate(STEPS) if step[0] == "FROM") :]


def words_of(keyword: str, steps: list[tuple[str, str]]) -> list[str]:
    return [words for key, words in steps if key == keyword]


def test_both_stages_stand_on_one_pinned_official_image() -> None:
    assert words_of("FROM", STEPS) == ["python:${PYTHON} AS build", "python:${PYTHON}"]
    (python,) = words_of("ARG", STEPS)
    assert re.fullmatch(r"PYTHON=3\.\d+\.\d+-slim-[a-z]+", python)


def test_it_is_built_from_the_lock_with_the_installer_of_the_bootstrap() -> None:
    bootstrap = (ROOT / "scripts/bootstrap").read_text()
    (version,) = re.findall(r"^UV_VERSION=(\S+)", bootstrap, re.MULTILINE)
    runs = words_of("RUN", STEPS)
    assert f"uv=={version}" in runs[0]
    assert all("--frozen" in run for run in runs if run.startswith("uv sync"))


def test_every_package_of_the_product_is_in_it() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    copied = {words.split()[0] for words in words_of("COPY", STEPS) if len(words.split()) == 2}
    assert copied == set(packages)
    seen = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in seen if line.startswith("!")} == {
        *packages, "pyproject.toml", "uv.lock", "README.md", "LICENSE",
    }  # fmt: skip


def test_the_last_stage_neither_installs_nor_runs_as_root() -> None:
    assert words_of("USER", LAST_STAGE) == ["10001"]
    (run,) = words_of("RUN", LAST_STAGE)
    assert "pip uninstall" in run
    assert not re.search(r"apt|pip install|uv ", run)


def test_its_settings_and_its_command_exist() -> None:
    (given,) = words_of("ENV", LAST_STAGE)
    ours = {each.split("=")[0] for each in given.split() if each.startswith("OMS_")}
    assert ours == {"OMS_API_HOST", "OMS_READY_FILE"}
    assert ours <= known_variables()
    (command,) = words_of("CMD", LAST_STAGE)
    assert understood(json.loads(command))
    (health,) = words_of("HEALTHCHECK", LAST_STAGE)
    assert "OMS_READY_FILE=/tmp/ready" in given
    assert '"/tmp/ready"' in health
