"""The boundaries of every activity, enumerated from the code: where a crash could do harm."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from db.engine import make_engine
from workers.settings import Settings
from workers.wiring import activities_by_queue, open_gateways
from workflows.messages import CORE_QUEUE

BEFORE_CALL: Final = "before_call"  # the vendor was not asked yet
AFTER_CALL: Final = "after_call"  # the vendor did it, and we did not write it down
BEFORE_RECORD: Final = "before_record"  # all was written, nothing committed
AFTER_RECORD: Final = "after_record"  # committed, and Temporal was not told
AT_VENDOR: Final = (BEFORE_CALL, AFTER_CALL, AFTER_RECORD)
AT_DATABASE: Final = (BEFORE_RECORD, AFTER_RECORD)
# The outbox is no activity, but it calls vendors too.
OUTBOX: Final = "outbox"


@dataclass(frozen=True, order=True)
class Boundary:
    activity: str
    moment: str

    def __str__(self) -> str:
        return f"{self.activity}.{self.moment}"


def enumerate_boundaries(
    served: Mapping[str, Sequence[Callable[..., Any]]],
) -> tuple[Boundary, ...]:
    """An activity served by a vendor's queue calls a vendor; any other only has its transaction."""
    calls = {
        each.__name__
        for queue, activities in served.items()
        for each in activities
        if queue != CORE_QUEUE
    }
    names = {each.__name__ for activities in served.values() for each in activities}
    found = [Boundary(OUTBOX, moment) for moment in (BEFORE_CALL, AFTER_CALL)]
    for name in names:
        found += [Boundary(name, each) for each in (AT_VENDOR if name in calls else AT_DATABASE)]
    return tuple(sorted(found))


async def boundaries() -> tuple[Boundary, ...]:
    """Of the activities as a worker serves them; nothing is connected to."""
    engine = make_engine("postgresql+psycopg://")
    async with open_gateways(Settings()) as gateways:
        return enumerate_boundaries(activities_by_queue(engine, gateways))
