"""Schedules: what runs by itself, made or brought up to date by one command."""

from datetime import timedelta
from typing import Any, Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
)
from temporalio.service import RPCError, RPCStatusCode

from db.engine import make_engine
from db.inbox import audit
from db.inbox.audit import Change
from domain.timings import Timings
from workers.actor import cli_actor
from workers.settings import Settings
from workers.temporal import connect
from workflows import search
from workflows.backorders import BackorderWorkflow
from workflows.housekeeping import (
    ChannelSyncWorkflow,
    PruningWorkflow,
    ReminderWorkflow,
    ReservationExpiryWorkflow,
)
from workflows.messages import CORE_QUEUE, Reconcile
from workflows.watching import EscalationWorkflow, ReconciliationWorkflow

EXPIRY_EVERY: Final = timedelta(minutes=5)
PRUNE_EVERY: Final = timedelta(hours=1)
REMIND_EVERY: Final = timedelta(minutes=5)
BACKORDERS_EVERY: Final = timedelta(minutes=5)
SYNC_EVERY: Final = timedelta(minutes=5)
ESCALATION_EVERY: Final = timedelta(minutes=5)
# What stays open is told of again after so long.
TOLD_AGAIN_AFTER: Final = timedelta(days=1)
RUNS_EVERY: Final = timedelta(minutes=15)
# A vendor's books of a month are many pages.
BOOKS_EVERY: Final = timedelta(hours=6)
BETWEEN_LOOKS: Final = timedelta(minutes=1)
# How long a thing may be late before it is one.
GRACE: Final = timedelta(minutes=15)
# Compressed calendars poll faster, but never so fast that polling is all that happens.
SHORTEST: Final = timedelta(seconds=15)
SHORTEST_WATCH: Final = timedelta(minutes=1)
SHORTEST_BETWEEN_LOOKS: Final = timedelta(seconds=2)
JITTER_SHARE: Final = 0.1
# A run that hangs must end before the next is due, or SKIP would silence the schedule for good.
TIMEOUT_SHARE: Final = 0.9


def _schedule(workflow: str, args: list[Any], name: str, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            workflow,
            args=args,
            id=name,
            task_queue=CORE_QUEUE,
            execution_timeout=every * TIMEOUT_SHARE,
        ),
        spec=ScheduleSpec(
            intervals=[ScheduleIntervalSpec(every=every)], jitter=every * JITTER_SHARE
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=3 * every),
    )


def schedules(settings: Settings) -> dict[str, Schedule]:
    """Return every schedule by its id."""
    factor = settings.time_factor
    expiry = max(EXPIRY_EVERY / factor, SHORTEST)
    remind = max(REMIND_EVERY / factor, SHORTEST)
    sync = max(SYNC_EVERY / factor, SHORTEST)
    found = {
        "expire-reservations": _schedule(
            ReservationExpiryWorkflow.__name__, [], "expire-reservations", expiry
        ),
        "remind-parcels": _schedule(ReminderWorkflow.__name__, [], "remind-parcels", remind),
    }
    found["fill-backorders"] = _schedule(
        BackorderWorkflow.__name__,
        [Timings().scaled(factor)],
        "fill-backorders",
        max(BACKORDERS_EVERY / factor, SHORTEST),
    )
    prune = max(PRUNE_EVERY / factor, SHORTEST)
    found["forget-answers"] = _schedule(PruningWorkflow.__name__, [], "forget-answers", prune)
    if settings.shopify_url:
        name = f"sync-{settings.shopify_channel}"
        found[name] = _schedule(
            ChannelSyncWorkflow.__name__, [settings.shopify_channel], name, sync
        )
    return found | _watches(settings)


def _watches(settings: Settings) -> dict[str, Schedule]:
    """Return what watches the rest: escalation, and a reconciliation for each scope."""
    factor = settings.time_factor
    told_again = max(TOLD_AGAIN_AFTER / factor, SHORTEST_WATCH)
    found = {
        "escalate": _schedule(
            EscalationWorkflow.__name__,
            [told_again.total_seconds()],
            "escalate",
            max(ESCALATION_EVERY / factor, SHORTEST),
        )
    }
    for what in reconciliations(settings):
        every = RUNS_EVERY if what.scope == "runs" else BOOKS_EVERY
        name = f"reconcile-{what.scope.replace(':', '-')}"
        found[name] = _schedule(
            ReconciliationWorkflow.__name__, [what], name, max(every / factor, SHORTEST_WATCH)
        )
    return found


def reconciliations(settings: Settings) -> list[Reconcile]:
    """Return one for each of the books that can be compared with ours."""
    scopes = ["payments", "labels", "runs"]
    if settings.shopify_url:
        scopes.append(f"orders:{settings.shopify_channel}")
    pause = max(BETWEEN_LOOKS / settings.time_factor, SHORTEST_BETWEEN_LOOKS)
    grace = max(GRACE / settings.time_factor, SHORTEST_WATCH)
    return [Reconcile(scope, pause.total_seconds(), grace.total_seconds()) for scope in scopes]


async def run_apply(settings: Settings, reason: str | None) -> list[str]:
    """Apply them to the Temporal of the settings, with an audit row before; return the ids."""
    engine = make_engine(settings.require_database_url(), pool_size=1)
    try:
        client = await connect(settings)
        change = Change(after={"schedules": list(schedules(settings))}, reason=reason)
        async with engine.begin() as tx:
            await audit.record(tx, cli_actor(), "SchedulesApplied", client.namespace, change)
        return await apply_schedules(client, settings)
    finally:
        await engine.dispose()


async def apply_schedules(client: Client, settings: Settings) -> list[str]:
    """Make or update every schedule and register the search attributes; return the ids."""
    await register_search_attributes(client)
    wanted = schedules(settings)
    for name, schedule in wanted.items():
        try:
            await client.create_schedule(name, schedule)
        except ScheduleAlreadyRunningError:
            handle = client.get_schedule_handle(name)
            await handle.update(lambda _, schedule=schedule: ScheduleUpdate(schedule=schedule))  # type: ignore[misc]
    return list(wanted)


async def register_search_attributes(client: Client) -> None:
    """Register what the workflows set; already there is no error."""
    kinds = {
        "OmsLocation": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
        "OmsNeedsHuman": IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
        "OmsPromiseBy": IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    }
    for key in search.ALL:
        kind = kinds.get(key.name, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD)
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes={key.name: kind}
        )
        try:
            await client.operator_service.add_search_attributes(request)
        except RPCError as error:
            if error.status != RPCStatusCode.ALREADY_EXISTS:
                raise
