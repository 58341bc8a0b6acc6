"""The inbox loop: starts orders that have no run, at a pace, and hands on vendors' news."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities.connectors.carrier.easypost import webhook as easypost
from activities.news import (
    AskedNews,
    CancellationNews,
    NotYetDone,
    NotYetKnown,
    ParcelNews,
    SlipNews,
    asked_news,
    cancellation_news,
    carrier_news,
    payment_news,
)
from db.engine import one_by_one, row, rows, run
from db.inbox import asked, cancellations
from db.inbox.ending import end
from domain.timings import Timings
from workers.asking import ask, cancel
from workers.loop import TableLoop
from workers.starting import start_order, start_return
from workflows.aftermath import LateParcelWorkflow, LatePaymentWorkflow
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import (
    CORE_QUEUE,
    AftermathInput,
    LateParcel,
    OrderInput,
    SlipNotice,
    TrackingNews,
    fulfillment_workflow_id,
    order_workflow_id,
)
from workflows.order import OrderWorkflow
from workflows.return_messages import ReturnInput

BATCH: Final = 20
# Runs started and not yet admitted: more would only lengthen everybody's wait.
MOST_UNADMITTED: Final = 20
FIRST_RETRY_S: Final = 2
LONGEST_RETRY_S: Final = 600
# So often, within half a minute: what is never admitted takes no place from others after that.
MOST_WITH_A_PLACE: Final = 4
# What Temporal did not take is offered again after so long, for as long as it is away.
AWAY_S: Final = 5
# After this many readings (about a day) news about something unknown is set aside, visibly.
MOST_ATTEMPTS: Final = 150
_PACE_S: Final = 0.2
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Claim:
    """`has_left`: more was due than could be taken at once."""

    items: list[Any]
    has_left: bool


class InboxLoop(TableLoop):
    def __init__(self, engine: AsyncEngine, client: Client, timings: Timings) -> None:
        super().__init__(engine, "inbox")
        self._client = client
        self._timings = timings

    async def work_once(self) -> int:
        """Return 0 when nothing more is due, so that the next look can wait for a notice."""
        claim = await self._claim()
        outcomes = await asyncio.gather(*(self._handle(each) for each in _by_parcel(claim.items)))
        if claim.has_left and not any(outcomes):
            await asyncio.sleep(_PACE_S)
        return int(claim.has_left)

    async def _claim(self) -> _Claim:
        """Take due rows and put their next attempt off; a crash here only delays them."""
        async with one_by_one(self._engine) as tx:
            found = await rows(
                tx,
                """
                WITH room AS MATERIALIZED (
                    SELECT greatest(0, :most - count(*)) AS free FROM inbox
                    WHERE state = 'new' AND kind = 'order'
                        AND attempts BETWEEN 1 AND :with_a_place AND next_attempt_at > now()
                ), due AS MATERIALIZED (
                    SELECT
                        EXISTS (SELECT FROM inbox WHERE state = 'new' AND next_attempt_at <= now()
                            AND kind <> 'order' OFFSET :batch)
                        OR EXISTS (SELECT FROM inbox WHERE state = 'new'
                            AND next_attempt_at <= now() AND kind = 'order'
                            OFFSET (SELECT free FROM room)) AS has_left
                ), news AS (
                    SELECT inbox_id FROM inbox
                    WHERE state = 'new' AND next_attempt_at <= now() AND kind <> 'order'
                    ORDER BY next_attempt_at LIMIT :batch FOR UPDATE SKIP LOCKED
                ), placed AS (
                    SELECT inbox_id FROM inbox
                    WHERE state = 'new' AND next_attempt_at <= now() AND kind = 'order'
                    ORDER BY next_attempt_at LIMIT (SELECT free FROM room) FOR UPDATE SKIP LOCKED
                ), taken AS (
                    UPDATE inbox SET attempts = attempts + 1,
                        next_attempt_at = now() + make_interval(
                            secs => least(:longest, :first * power(2, least(attempts, 20))))
                    WHERE inbox_id IN (
                        SELECT inbox_id FROM news UNION ALL SELECT inbox_id FROM placed)
                    RETURNING inbox_id, source, kind, external_id, document, attempts
                )
                SELECT due.has_left, taken.* FROM due LEFT JOIN taken ON true
                """,
                most=MOST_UNADMITTED,
                with_a_place=MOST_WITH_A_PLACE,
                longest=LONGEST_RETRY_S,
                first=FIRST_RETRY_S,
                batch=BATCH,
            )
        return _Claim([each for each in found if each.inbox_id is not None], found[0].has_left)

    async def _handle(self, items: Sequence[Any]) -> bool:
        """See to one row, or to all that were claimed of one parcel."""
        try:
            await self._see_to(items)
        except NotYetDone:
            return False
        except NotYetKnown as unknown:
            given_up = [item for item in items if item.attempts >= MOST_ATTEMPTS]
            if given_up:
                await self._end(given_up, "rejected", f"never heard of {unknown}")
            return False
        except ValueError as unreadable:
            if len(items) > 1:  # each by itself: the others can be read
                return any([await self._handle([item]) for item in items])
            await self._end(items, "rejected", str(unreadable))
        except RPCError as away:
            log.warning("Temporal does not take %s: %s", _named(items), away)
            await self._give_back(items)
            return False
        return True

    async def _see_to(self, items: Sequence[Any]) -> None:
        item = items[0]
        if item.kind == "order":
            await self._start(item)
        elif item.kind == "return":
            await start_return(self._client, _return_of(item, self._timings))
            await self._end(items, "handled")
        else:
            await self._hand_on(items)

    async def _start(self, item: Any) -> None:
        """Start the order's run; admission marks the row.

        A run that refused an earlier document of this id has ended without making an order: the
        corrected one gets a run of its own.
        """
        order_id = f"{item.source}-{item.external_id}"
        try:
            await self._run(item, order_id, WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)
        except WorkflowAlreadyStartedError:
            if await self._is_admitted(order_id):
                await self._end([item], "handled", "its run has ended")
            else:
                await self._run(item, order_id, WorkflowIDReusePolicy.ALLOW_DUPLICATE)

    async def _run(self, item: Any, order_id: str, reuse: WorkflowIDReusePolicy) -> None:
        order = OrderInput(order_id, item.inbox_id, item.source, self._timings)
        await start_order(self._client, order, reuse)

    async def _is_admitted(self, order_id: str) -> bool:
        async with one_by_one(self._engine) as tx:
            found = await row(tx, "SELECT 1 FROM orders WHERE order_id = :o", o=order_id)
        return found is not None

    async def _hand_on(self, items: Sequence[Any]) -> None:
        """Write down what the news says; when that is all, the rows are ended with it."""
        async with self._engine.begin() as tx:
            news = await _read(tx, items)
        if news is None:
            return
        if isinstance(news, SlipNews):
            await self._tell_order(news)
        elif isinstance(news, ParcelNews):
            await self._tell_parcel(news)
        elif isinstance(news, CancellationNews):
            await cancel(self._client, news)
        else:
            await ask(self._client, news)
        await self._end(items, "handled")

    async def _tell_order(self, news: SlipNews) -> None:
        if not (news.is_late and news.paid):
            # A run that is lost needs no word: the one that is started anew reads our records.
            handle = self._client.get_workflow_handle(order_workflow_id(news.order_id))
            notice = SlipNotice(news.event_id, news.tender_no, news.paid)
            await _signalled(handle.signal(OrderWorkflow.slip_settled, notice))
            return
        late = AftermathInput(news.order_id, news.tender_no, self._timings)
        name = f"late-{news.order_id}-t{news.tender_no}"
        await self._start_once(
            LatePaymentWorkflow.run, late, name, f"Late payment of {news.order_id}"
        )

    async def _tell_parcel(self, news: ParcelNews) -> None:
        if news.is_late:
            await self._look_at_late_parcel(news)
            return
        workflow_id = fulfillment_workflow_id(news.order_id, news.number)
        handle = self._client.get_workflow_handle(workflow_id)
        notice = TrackingNews(news.event_id, news.status)
        await _signalled(handle.signal(FulfillmentWorkflow.tracking, notice))

    async def _look_at_late_parcel(self, news: ParcelNews) -> None:
        fulfillment_id = f"{news.order_id}-f{news.number}"
        late = LateParcel(news.order_id, fulfillment_id, self._timings)
        await self._start_once(
            LateParcelWorkflow.run, late, f"late-{fulfillment_id}", f"Late scan of {fulfillment_id}"
        )

    async def _start_once(self, story: Any, late: Any, name: str, summary: str) -> None:
        """News after the end: told again, its run goes on or was there before."""
        try:
            await self._client.start_workflow(
                story,
                late,
                id=name,
                task_queue=CORE_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                static_summary=summary,
            )
        except WorkflowAlreadyStartedError:
            log.info("%s: seen to before", name)

    async def _give_back(self, items: Sequence[Any]) -> None:
        """What nobody took was no attempt: it holds no place, and is tried again in a moment."""
        async with one_by_one(self._engine) as tx:
            await run(
                tx,
                """
                UPDATE inbox SET attempts = greatest(attempts - 1, 0),
                    next_attempt_at = now() + make_interval(secs => :away)
                WHERE inbox_id = ANY(CAST(:inbox_ids AS bigint[])) AND state = 'new'
                """,
                away=AWAY_S,
                inbox_ids=_ids(items),
            )

    async def _end(self, items: Sequence[Any], state: str, note: str | None = None) -> None:
        async with one_by_one(self._engine) as tx:
            await end(tx, _ids(items), state, note)


def _by_parcel(items: Sequence[Any]) -> list[list[Any]]:
    """Put what a carrier says of the same parcel together; all else stands by itself."""
    found: dict[object, list[Any]] = {}
    for item in items:
        is_carriers = (item.kind, item.source) == ("webhook", "easypost")
        parcel = easypost.subject(item.document) if is_carriers else None
        found.setdefault(parcel or item.inbox_id, []).append(item)
    return list(found.values())


async def _read(
    tx: AsyncConnection, items: Sequence[Any]
) -> SlipNews | ParcelNews | CancellationNews | AskedNews | None:
    """None: nobody must hear of it, and the rows are ended."""
    if items[0].source == "easypost":
        return await carrier_news(tx, [item.document for item in items], _ids(items))
    news = await _read_one(tx, items[0])
    if news is None:
        await end(tx, _ids(items), "handled")
    return news


async def _read_one(
    tx: AsyncConnection, item: Any
) -> SlipNews | CancellationNews | AskedNews | None:
    if item.source == "stripe":
        return await payment_news(tx, item.document)
    if item.source == cancellations.SOURCE:
        return await cancellation_news(tx, item.document)
    if item.source == asked.SOURCE:
        return await asked_news(tx, item.document)
    return None


def _ids(items: Sequence[Any]) -> list[int]:
    return [item.inbox_id for item in items]


def _named(items: Sequence[Any]) -> str:
    return ", ".join(f"{item.source} {item.external_id}" for item in items)


def _return_of(item: Any, timings: Timings) -> ReturnInput:
    return ReturnInput(item.document["rma"], item.document["order_id"], item.source, timings)


async def _signalled(sending: Any) -> None:
    """A run that has closed, or is lost, needs no word any more."""
    try:
        await sending
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
