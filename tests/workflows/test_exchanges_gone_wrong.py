"""Exchanges that do not go as they should, on a real server: no money is given or kept twice."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from db.inbox.returns import NewLine
from tests.workflows.conftest import PATIENCE_S, World
from tests.workflows.test_exchanges import exchanged, kept, send
from tests.workflows.test_parcels_on_the_road import asked as exception_of
from tests.workflows.test_parcels_on_the_road import decide
from tests.workflows.test_renewing import card_is
from tests.workflows.test_returns import Back, asked, delivered, start_anew
from workflows.messages import fulfillment_workflow_id
from workflows.return_messages import ReturnDecision
from workflows.returning import ReturnWorkflow

LONE_MINOR = 1_500  # one unit and its freight


def id_of(document: dict[str, Any]) -> str:
    return f"shop-{document['external_id']}"


async def one_delivered(world: World, units: int = 1) -> dict[str, Any]:
    return await delivered(world, (await world.sku(west=3), units))


async def sent_ahead(
    world: World, document: dict[str, Any], sku: str, total_minor: int = 1_000, **changes: Any
) -> Back:
    return await asked(
        world, document, 1, instead=(NewLine(sku, 1, total_minor),), resolution="exchange",
        payment_reference="pm_card_visa", advance=True, **changes,
    )  # fmt: skip


async def canceled(world: World, document: dict[str, Any]) -> list[bool]:
    return sorted(each["canceled"] for each in (await world.ledger(document))["payments"])


async def mend(world: World) -> None:
    (await world.sandbox.delete("/_/faults")).raise_for_status()


async def ended(back: Back) -> Any:
    """Its row, once its run has done all that it does."""
    async with asyncio.timeout(PATIENCE_S):
        await back.run.result()
    return await back.until(state="closed")


async def test_a_capture_nobody_heard_of_is_refunded_when_the_exchange_is_given_up(
    world: World,
) -> None:
    document = await one_delivered(world)
    impatient = replace(world.timings, vendor_patience_s=2.0)
    back = await exchanged(world, document, await world.sku(west=1), 1_700, timings=impatient)
    await world.fault(
        vendor="stripe", kind="cut_after_effect", path_prefix="/v1/payment_intents/pi_",
        about="amount_to_capture=700", times=50,
    )  # fmt: skip
    await send(world, back)
    exception = await exception_of(world, id_of(document))
    await mend(world)
    assert exception.step == "capture payment"
    await decide(world, exception, "compensate")
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.refund_minor) == ("refunded", 1_000)
    assert await kept(world, document) == LONE_MINOR - 1_000


async def test_a_hold_nobody_heard_of_is_let_go_when_the_exchange_is_given_up(
    world: World,
) -> None:
    document = await one_delivered(world)
    await world.fault(
        vendor="stripe", kind="cut_after_effect", path_prefix="/v1/payment_intents",
        about=id_of(document), times=50,
    )  # fmt: skip
    impatient = replace(world.timings, vendor_patience_s=2.0)
    back = await exchanged(world, document, await world.sku(west=1), 1_700, timings=impatient)
    exception = await exception_of(world, id_of(document))
    await mend(world)
    assert exception.step == "authorize exchange"
    await decide(world, exception, "compensate", ReturnWorkflow.resolve_exception)
    assert (await back.until(state="closed")).outcome == "refunded"
    assert await canceled(world, document) == [False, True]
    assert await kept(world, document) == LONE_MINOR - 1_000


async def test_what_is_held_is_let_go_when_the_security_is_declined(world: World) -> None:
    document = await one_delivered(world)
    await world.fault(
        vendor="stripe", kind="refused", method="POST", path_prefix="/v1/payment_intents",
        about=id_of(document), skip=1,
    )  # fmt: skip
    back = await sent_ahead(world, document, await world.sku(west=1), 1_700)
    exception = await exception_of(world, id_of(document), "exchange_declined")
    await decide(world, exception, "compensate", ReturnWorkflow.resolve_exception)
    assert (await back.until(state="closed")).outcome == "never_arrived"
    assert await canceled(world, document) == [False, True]
    assert await kept(world, document) == LONE_MINOR


async def test_the_security_of_a_parcel_that_was_called_off_is_let_go(world: World) -> None:
    document = await one_delivered(world)
    slow = replace(world.timings, pick_s=0.5, return_arrival_s=15.0)
    back = await sent_ahead(world, document, await world.sku(west=1), timings=slow)
    exception = await exception_of(world, id_of(document), "pick_overdue")
    await decide(world, exception, "compensate")
    assert (await ended(back)).outcome == "never_arrived"
    assert await canceled(world, document) == [False, True]
    assert await kept(world, document) == LONE_MINOR


async def test_a_security_that_may_have_lapsed_is_held_anew_before_it_is_taken(
    world: World,
) -> None:
    document = await one_delivered(world)
    lapsing = replace(world.timings, authorization_s=0.1)
    back = await sent_ahead(world, document, await world.sku(west=1), timings=lapsing)
    await send(world, back)
    assert (await back.until(state="closed")).outcome == "exchanged"
    assert await canceled(world, document) == [False, False, True]
    assert await kept(world, document) == LONE_MINOR + 1_000


@pytest.mark.parametrize(("resolution", "more_minor"), [("retry", 1_000), ("skip", 0)])
async def test_a_security_that_is_declined_anew_is_tried_again_or_let_be(
    world: World, resolution: str, more_minor: int
) -> None:
    document = await one_delivered(world)
    lapsing = replace(world.timings, authorization_s=0.1)
    back = await sent_ahead(world, document, await world.sku(west=1), timings=lapsing)
    await send(world, back)
    await card_is(world, id_of(document), "pm_card_chargeDeclined")
    exception = await exception_of(world, id_of(document), "exchange_declined")
    assert (exception.step, exception.resolutions) == ("capture payment", ["retry", "skip"])
    await card_is(world, id_of(document), "pm_card_visa")
    await decide(world, exception, resolution, ReturnWorkflow.resolve_exception)
    assert (await back.until(state="closed")).outcome == "exchanged"
    assert await kept(world, document) == LONE_MINOR + more_minor


async def test_a_return_called_off_while_nothing_is_there_to_send_asks_nobody_any_more(
    world: World,
) -> None:
    document = await one_delivered(world)
    back = await sent_ahead(world, document, await world.sku())
    exception = await exception_of(world, id_of(document), "exchange_short")
    await back.tell(ReturnWorkflow.cancel, ReturnDecision("test"))
    assert (await ended(back)).outcome == "cancelled"
    query = "SELECT resolution FROM exceptions WHERE exception_id = :x"
    assert (await world.row(query, x=exception.exception_id)).resolution == "moot"


async def test_goods_that_come_while_nothing_is_there_to_send_are_refunded_once(
    world: World,
) -> None:
    document = await one_delivered(world, 2)
    back = await sent_ahead(world, document, await world.sku())
    await exception_of(world, id_of(document), "exchange_short")
    await back.receive((1, 1))
    await back.inspect((1, "restock", 1, True))
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.refund_minor) == ("refunded", 1_000)
    assert await kept(world, document) == LONE_MINOR


async def test_a_run_started_anew_knows_what_was_sent_ahead(world: World) -> None:
    document = await one_delivered(world)
    back = await sent_ahead(world, document, await world.sku(west=1))
    part = await send(world, back)
    await world.temporal.get_workflow_handle(
        fulfillment_workflow_id(part.order_id, part.number)
    ).result()
    await back.receive((1, 1))
    await start_anew(back)
    await back.inspect((1, "scrap", 1, False))
    assert (await back.until(state="closed")).outcome == "exchanged"
    assert await kept(world, document) == LONE_MINOR + 1_000


async def test_rejected_goods_are_exchanged_for_nothing(world: World) -> None:
    document = await one_delivered(world)
    wish = {"resolution": "exchange", "payment_reference": "pm_card_visa"}
    instead = (NewLine(await world.sku(west=1), 1, 1_000),)
    back = await asked(world, document, 1, instead=instead, **wish)
    await back.receive((1, 1))
    await back.inspect((1, "scrap", 1, False))
    assert (await back.until(state="closed")).outcome == "rejected"
    assert await kept(world, document) == LONE_MINOR
