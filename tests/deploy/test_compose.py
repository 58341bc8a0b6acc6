"""docker-compose.yml: pinned, closed to the outside, without a password, in the right order."""

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.deploy.files import IMAGE, ROOT, compose, known_variables, understood
from workers.serving import DRAIN_S
from workers.settings import Settings
from workers.worker import GRACE

FILE = compose()
SERVICES = FILE["services"]
OURS = {name: each for name, each in SERVICES.items() if each["image"] == IMAGE}


def test_every_part_is_there() -> None:
    assert set(OURS) == {"migrate", "schedules", "api", "worker"}
    assert set(SERVICES) - set(OURS) == {
        "postgres", "temporal-schema", "temporal", "temporal-namespace", "temporal-ui",
    }  # fmt: skip


def test_every_foreign_image_is_an_official_one_of_an_exact_version() -> None:
    for name in set(SERVICES) - set(OURS):
        image = SERVICES[name]["image"]
        assert re.fullmatch(r"(postgres|temporalio/[a-z-]+):\d+(\.\d+)+", image), image


def test_what_makes_temporals_schema_is_of_its_servers_version() -> None:
    tags = {SERVICES[name]["image"].split(":")[1] for name in SERVICES if name[:8] == "temporal"}
    assert len(tags - {SERVICES["temporal-ui"]["image"].split(":")[1]}) == 1


def test_ports_are_published_on_loopback_only() -> None:
    published = {n: each["ports"] for n, each in SERVICES.items() if "ports" in each}
    assert set(published) == {"api", "temporal-ui"}
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_password_stands_in_it() -> None:
    for name, each in SERVICES.items():
        for variable in each.get("environment", {}):
            secret = re.search(r"PASSWORD|PWD|KEY|TOKEN|SECRET|DATABASE_URL", variable)
            assert not secret or variable.endswith("_FILE"), (name, variable)
        assert set(each.get("secrets", ())) <= set(FILE["secrets"])


def test_each_is_waited_for_in_the_state_that_it_reaches() -> None:
    for each in SERVICES.values():
        for other, wanted in each.get("depends_on", {}).items():
            it = SERVICES[other]
            if wanted["condition"] == "service_healthy":
                assert it["healthcheck"]["test"]
            else:
                assert wanted["condition"] == "service_completed_successfully"
                assert it.get("restart", "no") in {"no", "on-failure"}


@pytest.mark.parametrize("name", OURS)
def test_ours_run_commands_and_settings_that_exist(name: str) -> None:
    assert understood(OURS[name]["command"])
    assert set(OURS[name]["environment"]) <= known_variables()


@pytest.mark.parametrize("name", OURS)
def test_ours_can_write_nothing_and_become_nobody(name: str) -> None:
    each = OURS[name]
    assert each["read_only"] is True
    assert each["tmpfs"] == ["/tmp"]
    assert each["cap_drop"] == ["ALL"]
    assert int(each["stop_grace_period"].removesuffix("s")) > max(DRAIN_S, GRACE.total_seconds())


def test_an_unknown_command_would_be_noticed() -> None:
    assert not understood(["oms", "wroker"])
    assert not understood(["oms", "schedules", "aply"])
    assert not understood(["oms", "worker", "--queus", "core"])


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no client of Compose is installed")
def test_a_client_of_compose_reads_it_and_refuses_a_spoiled_one(tmp_path: Path) -> None:
    def read(text: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "docker-compose.yml"
        file.write_text(text)
        words = ["docker-compose", "-f", str(file), "config", "--quiet"]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    text = (ROOT / "docker-compose.yml").read_text()
    assert read(text).returncode == 0
    refused = read(text.replace("  temporal:\n", "  elsewhere:\n"))
    assert refused.returncode != 0
    assert "temporal" in refused.stderr


def test_secrets_are_made_once_and_are_what_the_settings_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = shutil.copy(ROOT / "deploy/compose/make-secrets.sh", tmp_path)
    subprocess.run([script], check=True, capture_output=True)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(FILE["secrets"])
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    subprocess.run([script], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made
    for variable, file in OURS["api"]["environment"].items():
        if variable.endswith("_FILE"):
            monkeypatch.setenv(variable, str(folder / Path(file).name))
    assert made["oms_password"] in Settings().require_database_url()
    from workers.credentials import key_ring  # noqa: PLC0415

    assert key_ring(Settings()).seal(b"x", b"y").key_id == "first"
