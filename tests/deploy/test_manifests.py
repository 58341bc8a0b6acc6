"""The manifests: valid, locked down, and true of the product."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from tests.deploy.files import (
    IMAGE,
    KUBERNETES,
    ROOT,
    VERSION,
    containers,
    known_variables,
    manifests,
    pods,
    understood,
)
from workers.serving import DRAIN_S
from workers.worker import GRACE, QUEUES

CHECK = ROOT / "scripts" / "check_manifests.py"
CONTAINERS = dict(containers())
CONFIG = manifests("ConfigMap")["oms-config"]["data"]
EXAMPLE = yaml.safe_load((KUBERNETES / "overlays/example/kustomization.yaml").read_text())


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(CHECK), str(folder)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_schemas_accept_them_and_refuse_a_spoiled_one(tmp_path: Path) -> None:
    assert check(KUBERNETES).returncode == 0
    spoiled = (KUBERNETES / "base/api.yaml").read_text().replace("runAsUser:", "runAsUsr:")
    (tmp_path / "api.yaml").write_text(spoiled)
    refused = check(tmp_path)
    assert refused.returncode == 1
    assert "runAsUsr" in refused.stderr


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl is installed")
def test_kustomize_makes_valid_manifests_of_the_example(tmp_path: Path) -> None:
    words = ["kubectl", "kustomize", str(KUBERNETES / "overlays/example")]
    made = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    (tmp_path / "example.yaml").write_text(made)
    assert check(tmp_path).returncode == 0
    resources = list(yaml.safe_load_all(made))
    scaled = [r["spec"] for r in resources if r["kind"] in ("Deployment", "Job")]
    assert len(scaled) == 4
    for spec in scaled:
        assert "replicas" not in spec
        for container in spec["template"]["spec"]["containers"]:
            assert container["image"] == f"registry.example.com/{IMAGE}"
    first = {r["kind"] for r in resources if r["metadata"]["labels"].get("oms/step") == "first"}
    assert first == {"Namespace", "ConfigMap", "NetworkPolicy", "Job"}


def test_everything_that_kustomize_names_is_there_and_nothing_is_forgotten() -> None:
    for file in KUBERNETES.rglob("kustomization.yaml"):
        named = yaml.safe_load(file.read_text())
        for each in [*named["resources"], *named.get("components", ())]:
            assert (file.parent / each).exists()
        beside = {path.name for path in file.parent.glob("*.yaml")} - {file.name}
        assert beside <= set(named["resources"])


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_runs_a_command_of_this_version(name: str) -> None:
    assert CONTAINERS[name]["image"] == IMAGE
    assert understood(CONTAINERS[name]["args"])


@pytest.mark.parametrize("name", CONTAINERS)
def test_each_container_is_locked_down(name: str) -> None:
    assert CONTAINERS[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    resources = CONTAINERS[name]["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}  # a limit of CPU would stall it while cores idle


@pytest.mark.parametrize("name", pods())
def test_each_pod_is_nobody_and_mounts_its_secrets(name: str) -> None:
    pod = pods()[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    kinds = {key for volume in pod["volumes"] for key in volume if key != "name"}
    assert kinds == {"emptyDir", "secret"}


def test_every_setting_exists_and_no_secret_is_among_them() -> None:
    known = known_variables()
    patched = [yaml.safe_load(each["patch"])["data"] for each in EXAMPLE["patches"]]
    for data in [CONFIG, *patched]:
        assert set(data) <= known
        assert all(isinstance(value, str) for value in data.values())
    secret = {name.removesuffix("_FILE") for name in known if name.endswith("_FILE")}
    assert not secret & set(CONFIG)
    assert all(v.startswith("/run/secrets/oms/") for k, v in CONFIG.items() if k.endswith("_FILE"))
    assert manifests("Secret") == {}


def test_long_running_ones_are_probed_and_may_end_in_peace() -> None:
    for name, each in manifests("Deployment").items():
        pod = each["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert {"startupProbe", "readinessProbe"} <= set(container), name
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {"seconds": 0})
        needed = DRAIN_S if name == "api" else GRACE.total_seconds()
        assert pod["terminationGracePeriodSeconds"] > needed + pause["seconds"]
        assert each["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        labels = each["spec"]["template"]["metadata"]["labels"].items()
        budget = manifests("PodDisruptionBudget")[name]["spec"]
        for selector in (budget["selector"], each["spec"]["selector"]):
            assert selector["matchLabels"].items() <= labels


def test_the_workers_together_serve_every_queue_once() -> None:
    served = [
        queue
        for name, each in CONTAINERS.items()
        if name.endswith("/worker")
        for queue in each["args"][-1].split(",")
    ]
    assert sorted(served) == sorted(QUEUES)


def test_each_release_prepares_under_a_name_of_its_own() -> None:
    assert set(manifests("Job")) == {f"prepare-{VERSION.replace('.', '-')}"}


def test_the_service_and_the_way_in_lead_to_the_api() -> None:
    (service,) = manifests("Service").values()
    (deployment,) = (each for n, each in manifests("Deployment").items() if n == "api")
    template = deployment["spec"]["template"]
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    ports = {port["name"]: port for port in template["spec"]["containers"][0]["ports"]}
    assert service["spec"]["ports"][0]["targetPort"] in ports
    (ingress,) = manifests("Ingress").values()
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Waiting(Strict):
    """Source: https://keda.sh/docs/2.22/scalers/temporal/ : all values are text."""

    endpoint: str
    namespace: str
    taskQueue: Literal["core", "payments", "carriers", "channels"]  # noqa: N815 - KEDA's word
    queueTypes: Annotated[str, StringConstraints(pattern="^(workflow,)?activity$")]  # noqa: N815
    targetQueueSize: Annotated[str, StringConstraints(pattern="^[0-9]+$")]  # noqa: N815


class Trigger(Strict):
    type: Literal["temporal"]
    metadata: Waiting


class Fallback(Strict):
    failureThreshold: int  # noqa: N815
    replicas: int
    behavior: Literal["static", "currentReplicas", "currentReplicasIfHigher"]


class ScaledObjectSpec(Strict):
    """What we use of https://keda.sh/docs/2.22/reference/scaledobject-spec/ ."""

    scaleTargetRef: dict[Literal["name"], str]  # noqa: N815
    minReplicaCount: int = Field(ge=1)  # noqa: N815
    maxReplicaCount: int  # noqa: N815
    pollingInterval: int  # noqa: N815
    fallback: Fallback
    advanced: dict[Literal["horizontalPodAutoscalerConfig"], dict[Literal["behavior"], Any]]
    triggers: list[Trigger]


def test_what_waits_in_each_queue_scales_the_workers_that_serve_it(tmp_path: Path) -> None:
    scaled = manifests("ScaledObject")
    for name, each in scaled.items():
        assert each["apiVersion"] == "keda.sh/v1alpha1"
        spec = ScaledObjectSpec.model_validate(each["spec"])
        queues = [trigger.metadata.taskQueue for trigger in spec.triggers]
        assert spec.scaleTargetRef == {"name": name}
        assert CONTAINERS[f"{name}/worker"]["args"][-1].split(",") == queues
        assert all(t.metadata.endpoint == CONFIG["OMS_TEMPORAL_ADDRESS"] for t in spec.triggers)
        behavior = spec.advanced["horizontalPodAutoscalerConfig"]["behavior"]
        (tmp_path / f"{name}.yaml").write_text(json.dumps(_autoscaler(name, behavior)))
    assert len(scaled) == 2
    assert check(tmp_path).returncode == 0


def _autoscaler(name: str, behavior: dict[str, Any]) -> dict[str, Any]:
    """What KEDA makes of it, as far as we say it."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": target, "maxReplicas": 2, "behavior": behavior},
    }


def test_little_comes_in_and_private_addresses_are_not_outside() -> None:
    policies = {name: each["spec"] for name, each in manifests("NetworkPolicy").items()}
    assert policies.pop("nothing-else") == {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"],
    }  # fmt: skip
    component = "app.kubernetes.io/component"
    entered = {
        port["port"]: (each["podSelector"]["matchLabels"].get(component), "from" in rule)
        for each in policies.values()
        for rule in each.get("ingress", ())
        for port in rule["ports"]
    }
    figures = {int(CONFIG["OMS_METRICS_PORT"]), int(CONFIG["OMS_TEMPORAL_METRICS_PORT"])}
    assert entered == {7080: ("api", True)} | dict.fromkeys(figures, (None, True))
    blocks = [to["ipBlock"] for rule in policies["out"]["egress"] for to in rule.get("to", ())]
    assert all("169.254.0.0/16" in block["except"] for block in blocks)
