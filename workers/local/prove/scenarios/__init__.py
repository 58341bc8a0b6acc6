"""The scenarios, in the order in which one stack is put through them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from workers.local.prove.scenarios.boundaries import every_boundary
from workers.local.prove.scenarios.channel import same_page_again
from workers.local.prove.scenarios.crashes import killed_processes
from workers.local.prove.scenarios.database import troubled_database
from workers.local.prove.scenarios.deploy import new_code
from workers.local.prove.scenarios.messages import unruly_messages
from workers.local.prove.scenarios.races import races
from workers.local.prove.scenarios.recovery import lost_temporal
from workers.local.prove.scenarios.vendors import failing_vendors
from workers.local.prove.stage import Outcome, Stage

BOUNDARIES: Final = "boundaries"
SCENARIOS: Final[Mapping[str, Callable[[Stage], Awaitable[Outcome]]]] = {
    BOUNDARIES: every_boundary,
    "crashes": killed_processes,
    "vendors": failing_vendors,
    "messages": unruly_messages,
    "races": races,
    "channel": same_page_again,
    "database": troubled_database,
    "deploy": new_code,
    "recovery": lost_temporal,
}
