"""Tells orders' runs what was asked of them, until they have done it: a lost run forgets it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.news import AskedNews, CancellationNews, NotYetDone
from db.inbox.asked import CANCEL
from workflows.messages import RUN_CLOSED, CancelOrder, order_workflow_id

# How long a run may take to accept an update before it is told again.
TAKE_WAIT_S: Final = 5.0
# How long the loop looks whether an update is done; what was claimed beside it waits.
DONE_WAIT_S: Final = 1.0
# How often a vendor is asked on behalf of one who does not wait any more, each with some patience.
MOST_ASKED: Final = 10


async def cancel(client: Client, news: CancellationNews) -> None:
    """Tell the run, until the database says what came of it.

    Raises: NotYetDone.
    """
    await _take(client, news.order_id, CANCEL, CancelOrder(news.actor), news.told_as)
    if not news.is_done:
        raise NotYetDone(news.order_id)


async def ask(client: Client, news: AskedNews) -> None:
    """Tell the run, until it has done it.

    What a vendor had to say and did not is asked of it once more, as another update.
    Raises: NotYetDone; ValueError when the run refuses, or the vendor never says anything.
    """
    for number in range(MOST_ASKED):
        said = await _done(client, news, f"{news.told_as}-{number}" if number else news.told_as)
        if not (isinstance(said, Mapping) and said.get("is_unheard")):
            return
    raise ValueError("refused: the vendor does not answer")


async def _done(client: Client, news: AskedNews, told_as: str) -> Any:
    """The update's result, as JSON. Raises: NotYetDone, ValueError."""
    sent = await _take(client, news.order_id, news.update, dict(news.argument), told_as)
    try:
        async with asyncio.timeout(DONE_WAIT_S):
            return await sent.result(rpc_timeout=timedelta(seconds=DONE_WAIT_S))
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
        raise NotYetDone(news.order_id) from None
    except WorkflowUpdateFailedError as failed:
        if isinstance(failed.cause, ApplicationError) and failed.cause.type == RUN_CLOSED:
            # Another run does it, if the order is still open.
            raise NotYetDone(news.order_id) from None
        raise ValueError(f"refused: {failed.cause}") from None


async def _take(
    client: Client, order_id: str, update: str, argument: Any, told_as: str
) -> WorkflowUpdateHandle[Any]:
    """Have the order's run take an update. Raises: NotYetDone."""
    handle = client.get_workflow_handle(order_workflow_id(order_id))
    try:
        async with asyncio.timeout(TAKE_WAIT_S):
            return await handle.start_update(
                update,
                argument,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                id=told_as,
                rpc_timeout=timedelta(seconds=TAKE_WAIT_S),
            )
    except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
        raise NotYetDone(order_id) from None
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        # The order is open and its run is not there: another will be started.
        raise NotYetDone(order_id) from None
