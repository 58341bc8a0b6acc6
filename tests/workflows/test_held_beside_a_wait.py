"""While a parcel waits for a person or for a hold's end, its card's hold is made anew beside it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.conftest import World
from tests.workflows.test_cancelling import cancel
from tests.workflows.test_parcels_on_the_road import asked, decide
from tests.workflows.test_renewing import (
    card_is,
    renewed,
    voided,
    waiting,
    without_a_label,
)
from tests.workflows.test_short_picks import child, ledger, sound, work
from workflows import search
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import PlaceHold, Rejection, ReleaseHold
from workflows.order import OrderWorkflow


async def late(world: World, **timings: float) -> tuple[Any, str, Any]:
    """An order whose warehouse is late, and somebody is asked, before its hold is made anew."""
    document = world.document((await world.sku(west=5, east=5), 2))
    handle = await world.place(document, replace(world.timings, pick_s=0.3, **timings))
    order_id = f"shop-{document['external_id']}"
    return handle, order_id, await asked(world, order_id, "pick_overdue")


async def declined(world: World, order_id: str) -> Any:
    """Wait for the question about the card, beside the one about the warehouse."""
    await card_is(world, order_id, "pm_card_chargeDeclined")

    async def is_open() -> Any:
        return await world.row(
            "SELECT * FROM exceptions"
            " WHERE order_id = :o AND reason = 'share_declined' AND state = 'open'",
            o=order_id,
        )

    return await world.until(is_open)


async def decisions(world: World, order_id: str) -> dict[str, str]:
    found = await world.rows(
        "SELECT reason, resolution FROM exceptions WHERE order_id = :o", o=order_id
    )
    return {each.reason: each.resolution for each in found}


async def still_held(world: World, order_id: str) -> list[Any]:
    """What the vendor holds and nobody has taken."""
    whole = (await world.sandbox.get("/_/ledger")).json()
    mine = [each for each in whole["payments"] if each["order"] == order_id]
    return [
        each
        for each in mine
        if each["authorized_minor"] and not each["canceled"] and not each["captured_minor"]
    ]


async def test_a_late_warehouse_is_asked_about_and_the_card_held_as_often_as_it_takes(
    world: World,
) -> None:
    handle, order_id, question = await late(world, authorization_s=1.5)
    await renewed(world, order_id, times=2)
    assert (await asked(world, order_id)).exception_id == question.exception_id
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    assert await decisions(world, order_id) == {"pick_overdue": "moot"}
    assert await ledger(world, order_id) == (2_500, 1)
    assert await still_held(world, order_id) == []
    await sound(world, order_id)


async def test_a_label_that_cannot_be_bought_is_asked_about_and_the_card_held(
    world: World,
) -> None:
    handle, order_id, question = await without_a_label(
        world, vendor_patience_s=1.0, authorization_s=4.0
    )
    await renewed(world, order_id)
    await decide(world, question, "retry")
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (2_500, 1)
    await sound(world, order_id)


async def test_a_packed_parcel_of_an_order_on_hold_keeps_its_card_held(world: World) -> None:
    handle, order_id, _ = await waiting(world, correction_s=60.0, authorization_s=1.5)
    placed = await handle.execute_update(
        OrderWorkflow.place_hold, PlaceHold("anna", "address_problem", "request-1")
    )
    await work(world, order_id, 1, (1, 2))
    before = len(await voided(world, order_id))
    await renewed(world, order_id, times=before + 2)
    [part] = await world.parts(order_id)
    assert part.state == "packed"
    await handle.execute_update(OrderWorkflow.release_hold, ReleaseHold("anna", placed.number))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (2_500, 1)
    await sound(world, order_id)


async def test_who_gives_a_declined_card_up_ends_the_other_question(world: World) -> None:
    handle, order_id, _ = await late(world, authorization_s=3.0)
    await decide(world, await declined(world, order_id), "compensate")
    assert (await handle.result()).outcome == "cancelled"
    assert await decisions(world, order_id) == {
        "pick_overdue": "moot",
        "share_declined": "compensate",
    }
    assert await ledger(world, order_id) == (0, 0)
    assert await still_held(world, order_id) == []
    await sound(world, order_id)


async def test_a_declined_card_is_tried_anew_though_the_parcel_is_picked_meanwhile(
    world: World,
) -> None:
    handle, order_id, _ = await late(world, authorization_s=3.0)
    question = await declined(world, order_id)
    await work(world, order_id, 1, (1, 2))
    await card_is(world, order_id, "pm_card_visa")
    await decide(world, question, "retry")
    assert (await handle.result()).outcome == "delivered"
    assert await decisions(world, order_id) == {"pick_overdue": "moot", "share_declined": "retry"}
    assert await ledger(world, order_id) == (2_500, 1)
    assert await still_held(world, order_id) == []
    await sound(world, order_id)


@pytest.mark.parametrize("by", ["the other question", "the customer", "an operator"])
async def test_nobody_is_asked_about_the_card_of_a_parcel_that_was_cancelled(
    world: World, by: str
) -> None:
    handle, order_id, late_pick = await late(world, authorization_s=3.0)
    await declined(world, order_id)
    if by == "the other question":
        await decide(world, late_pick, "compensate")
    elif by == "the customer":
        assert await cancel(handle) == "cancelled"
    else:
        await handle.cancel()
    if by == "an operator":
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    else:
        assert (await handle.result()).outcome == "cancelled"
    assert (await decisions(world, order_id))["share_declined"] == "moot"
    assert await ledger(world, order_id) == (0, 0)
    assert await still_held(world, order_id) == []
    await sound(world, order_id)


async def is_being_made_anew(world: World, order_id: str) -> None:
    """The vendor takes its time to hold the card."""
    await world.fault(
        vendor="stripe", kind="delay", method="POST", path_prefix="/v1/payment_intents",
        seconds=2.0, about=order_id,
    )  # fmt: skip
    await world.until_pending(child(world, order_id, 1), "take")


async def test_a_hold_that_is_being_made_anew_is_let_go_of_with_a_cancellation(
    world: World,
) -> None:
    handle, order_id, _ = await late(world, authorization_s=3.0)
    await is_being_made_anew(world, order_id)
    await asyncio.gather(handle.cancel(), child(world, order_id, 1).cancel())
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert await decisions(world, order_id) == {"pick_overdue": "moot"}
    assert await ledger(world, order_id) == (0, 0)
    assert await still_held(world, order_id) == []
    await sound(world, order_id)


async def test_what_is_rejected_while_its_card_is_held_anew_keeps_the_hold_it_came_with(
    world: World,
) -> None:
    """The other location captures it: the renewal must not let go of it."""
    handle, order_id, _ = await late(world, authorization_s=3.0)
    await is_being_made_anew(world, order_id)
    first = child(world, order_id, 1)
    await first.execute_update(FulfillmentWorkflow.rejected, Rejection("test", "closed"))
    assert (await first.result())["state"] == "cancelled"
    await work(world, order_id, 2, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    assert set((await decisions(world, order_id)).values()) == {"moot"}
    assert await ledger(world, order_id) == (2_500, 1)
    assert await still_held(world, order_id) == []
    await sound(world, order_id)


async def test_nobody_is_asked_about_the_card_of_what_was_rejected(world: World) -> None:
    handle, order_id, _ = await late(world, authorization_s=3.0)
    await declined(world, order_id)
    first = child(world, order_id, 1)
    await first.execute_update(FulfillmentWorkflow.rejected, Rejection("test", "closed"))
    assert (await first.result())["state"] == "cancelled"
    await card_is(world, order_id, "pm_card_visa")
    await work(world, order_id, 2, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    assert (await decisions(world, order_id))["share_declined"] == "moot"
    assert await ledger(world, order_id) == (2_500, 1)
    await sound(world, order_id)


async def test_the_question_that_is_left_is_the_one_that_is_shown(world: World) -> None:
    _, order_id, late_pick = await late(world, authorization_s=3.0)
    question = await declined(world, order_id)
    await card_is(world, order_id, "pm_card_visa")
    await decide(world, question, "retry")
    parcel = child(world, order_id, 1)

    async def shown() -> bool:
        found = (await parcel.describe()).typed_search_attributes
        return found.get(search.EXCEPTION) == "pick_overdue"

    await world.until(shown)
    await decide(world, late_pick, "compensate")


async def test_nobody_is_asked_about_the_label_of_an_order_that_was_cancelled(
    world: World,
) -> None:
    handle, order_id, _ = await without_a_label(world, vendor_patience_s=1.0)
    assert await cancel(handle) == "cancelled"
    assert (await handle.result()).outcome == "cancelled"
    assert await decisions(world, order_id) == {"step_exhausted": "moot"}
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)
