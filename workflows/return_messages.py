"""What a return's story is told: its input and its updates. Ids and small facts only."""

from dataclasses import dataclass, field

from domain.naming import return_workflow_id as return_workflow_id  # noqa: PLC0414 - told on
from domain.naming import run_of_return as run_of_return  # noqa: PLC0414 - told on
from domain.timings import Timings


@dataclass(frozen=True)
class ReturnInput:
    rma: str
    order_id: str
    channel: str
    timings: Timings = field(default_factory=Timings)


@dataclass(frozen=True)
class ReturnResult:
    rma: str
    outcome: str


@dataclass(frozen=True)
class ReturnDecision:
    """Updates "approve", "refuse" and "cancel"; reasons stay in our database, as remarks."""

    actor: str


@dataclass(frozen=True)
class ReturnArrival:
    """Update "receive": so many units of each item have come so far.

    `strangers`: other SKUs that were in the parcel; `is_all`: no more is expected.
    """

    actor: str
    items: tuple[tuple[int, int], ...]
    strangers: tuple[tuple[str, int], ...] = ()
    location: str | None = None
    is_all: bool = True


@dataclass(frozen=True)
class ReturnInspection:
    """Update "inspect": (item, disposition, quantity, accepted, location) of every unit."""

    actor: str
    found: tuple[tuple[int, str, int, bool, str | None], ...]


@dataclass(frozen=True)
class ReturnStanding:
    """Answer of every update: where the return stands now."""

    state: str
    outcome: str | None = None
