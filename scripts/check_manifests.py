"""Checks every manifest of a folder against Kubernetes' own schemas; exits with 1 on a fault.

Usage: check_manifests.py [FOLDER]
"""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils as validation
import yaml

FOLDER = Path(__file__).parents[1] / "deploy" / "kubernetes"
# The oldest whose pods know the pause before they stop, and the newest there is a schema of.
VERSIONS = ("1.30", "1.37")
# These are read by kustomize and by KEDA; tests/deploy looks at them.
OTHERS = ("kustomize.config.k8s.io/", "keda.sh/")

# One file holds all definitions of a version; it is read once, not once a resource.
validation.schema_contents = cache(validation.schema_contents)


def resources(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each document of each file, in their order."""
    for path in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield path, document


def faults(folder: Path) -> Iterator[str]:
    for path, resource in resources(folder):
        if resource["apiVersion"].startswith(OTHERS):
            continue
        name = f"{path}: {resource['kind']} {resource['metadata']['name']}"
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                place = ".".join(map(str, error.path))
                yield f"{name} ({version}): {place}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{name}: {error.message}"


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    found = list(faults(folder))
    for line in found:
        sys.stderr.write(f"{line}\n")
    if not found:
        sys.stdout.write(f"{sum(1 for _ in resources(folder))} manifests are valid\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
