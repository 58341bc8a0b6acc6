"""A card's hold is made anew before it lapses; a refused capture or label waits for a person."""

from dataclasses import replace
from typing import Any

from db.engine import run
from tests.workflows.conftest import World
from tests.workflows.test_parcels_on_the_road import asked, decide, mails
from tests.workflows.test_short_picks import ledger, sound, work
from workflows.order import OrderWorkflow


async def waiting(world: World, **timings: float) -> tuple[Any, str, dict[str, Any]]:
    sku = await world.sku(west=5)
    document = world.document((sku, 2))
    handle = await world.place(document, replace(world.timings, **timings))
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"shop-{document['external_id']}"
    await world.parts(order_id)
    return handle, order_id, document


async def voided(world: World, order_id: str) -> Any:
    return await world.rows(
        "SELECT 1 FROM payment_events WHERE order_id = :o AND event = 'voided'", o=order_id
    )


async def renewed(world: World, order_id: str, times: int = 1) -> Any:
    async def is_there() -> bool:
        return len(await voided(world, order_id)) >= times

    return await world.until(is_there)


async def without_a_label(world: World, **timings: float) -> tuple[Any, str, Any]:
    """A packed parcel whose carrier was away for longer than patience lasts, and is back."""
    handle, order_id, _ = await waiting(world, **timings)
    await world.fault(
        vendor="easypost", kind="http_500", method="POST", path_prefix="/v2/shipments", times=50
    )
    await work(world, order_id, 1, (1, 2))
    exception = await asked(world, order_id)
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    assert exception.step == "create shipment"
    return handle, order_id, exception


async def card_is(world: World, order_id: str, reference: str) -> None:
    async with world.engine.begin() as tx:
        await run(
            tx,
            "UPDATE tenders SET reference = :r WHERE order_id = :o",
            r=reference,
            o=order_id,
        )


async def test_a_hold_is_made_anew_while_the_warehouse_takes_its_time(world: World) -> None:
    handle, order_id, document = await waiting(world, authorization_s=1.0)
    await renewed(world, order_id)
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    payments = (await world.ledger(document))["payments"]
    assert len(payments) >= 2
    assert [p["captured_minor"] for p in payments if not p["canceled"]] == [2_500]
    await sound(world, order_id)


async def test_a_hold_is_made_anew_as_often_as_it_takes(world: World) -> None:
    handle, order_id, document = await waiting(world, authorization_s=1.0)
    await renewed(world, order_id, times=3)
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    payments = (await world.ledger(document))["payments"]
    assert [p["captured_minor"] for p in payments if not p["canceled"]] == [2_500]
    await sound(world, order_id)


async def test_a_declined_renewal_asks_and_may_be_tried_with_another_card(world: World) -> None:
    handle, order_id, document = await waiting(world, authorization_s=3.0)
    await card_is(world, order_id, "pm_card_chargeDeclined")
    exception = await asked(world, order_id, "share_declined")
    assert "payment_declined:f1" in await mails(world, order_id)
    await card_is(world, order_id, "pm_card_visa")
    await decide(world, exception, "retry")
    await renewed(world, order_id)
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    payments = (await world.ledger(document))["payments"]
    assert sum(p["captured_minor"] - p["refunded_minor"] for p in payments) == 2_500
    await sound(world, order_id)


async def test_a_declined_renewal_may_be_given_up(world: World) -> None:
    handle, order_id, _ = await waiting(world, authorization_s=3.0)
    await card_is(world, order_id, "pm_card_chargeDeclined")
    await decide(world, await asked(world, order_id, "share_declined"), "compensate")
    assert (await handle.result()).outcome == "cancelled"
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


async def test_a_refused_capture_asks_and_may_cancel_the_parcel(world: World) -> None:
    handle, order_id, _ = await waiting(world, vendor_patience_s=2.0)
    await world.fault(
        vendor="stripe", kind="http_500", path_prefix="/v1/payment_intents/pi_", times=50
    )
    await work(world, order_id, 1, (1, 2))
    exception = await asked(world, order_id)
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    assert (exception.step, exception.resolutions) == (
        "capture payment",
        ["retry", "skip", "compensate"],
    )
    await decide(world, exception, "compensate")
    assert (await handle.result()).outcome == "cancelled"
    assert (await ledger(world, order_id))[0] == 0
    await sound(world, order_id)


async def test_a_refused_label_asks_and_is_tried_anew(world: World) -> None:
    handle, order_id, exception = await without_a_label(world, vendor_patience_s=2.0)
    await decide(world, exception, "retry")
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (2_500, 1)
    await sound(world, order_id)
