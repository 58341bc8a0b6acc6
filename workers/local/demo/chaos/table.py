"""Every path by its key, in the order in which the report names them."""

from collections.abc import Mapping
from typing import Final

from workers.local.demo.chaos import changes, exchanges, holds, parcels, pickup, returns
from workers.local.demo.chaos.path import Path

PATHS: Final[Mapping[str, Path]] = {
    **holds.PATHS,
    **changes.PATHS,
    **parcels.PATHS,
    **pickup.PATHS,
    **returns.PATHS,
    **exchanges.PATHS,
}
