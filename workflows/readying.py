"""Before a fulfillment order is picked: its units are waited for, its share of a card is held."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from temporalio import workflow

from workflows.desk import Desk
from workflows.messages import FulfillmentInput
from workflows.shares import authorize_share
from workflows.steps.parting import Planned

BACKORDERED: Final = "backordered"


async def await_stock(part: FulfillmentInput, desk: Desk, is_over: Callable[[], bool]) -> None:
    """Wait until units are found; when the promise runs out, ask.

    Raises: Refused, when the person decides to cancel what has not come.
    """
    while not is_over():
        try:
            await workflow.wait_condition(
                is_over,
                timeout=timedelta(seconds=part.timings.backorder_s),
                timeout_summary="backorder expires",
            )
        except TimeoutError:
            await desk.ask(
                "wait for stock",
                "backorder_expired",
                "the units have not come in time",
                ("retry", "compensate"),
                until=is_over,
            )


async def authorize_shares(part: FulfillmentInput, desk: Desk) -> None:
    for tender_no in part.unauthorized:
        await authorize_share(part.order_id, part.number, tender_no, desk, part.timings)


def as_it_stands(part: FulfillmentInput, now: Planned) -> FulfillmentInput:
    """The input of a fulfillment order that was divided, or found its units, since it began."""
    return replace(
        part,
        location=now.location,
        lines=now.lines,
        cards=now.cards,
        state=now.state,
        unauthorized=now.unauthorized,
        due_s=now.due_s,
    )
