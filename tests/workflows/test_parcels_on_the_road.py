"""Parcels that go wrong on the road: each trouble of the playbook, from its trigger to its end."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.engine import run
from db.inbox.webhooks import commit_webhook
from tests.workflows.conftest import World
from tests.workflows.test_short_picks import ledger, sound, work
from workflows.aftermath import LateParcelWorkflow
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import ResolveException, fulfillment_workflow_id
from workflows.order import OrderWorkflow


async def on_the_road(
    world: World, street: str, channel: str = "shop", *, units: int = 5, **timings: float
) -> tuple[Any, str]:
    """An order of two units whose parcel the carrier takes to such a street."""
    sku = await world.sku(west=units)
    document = world.document((sku, 2), channel=channel)
    document["ship_to"]["line1"] = f"1 {street} Lane"
    handle = await world.place(document, replace(world.timings, **timings))
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"{channel}-{document['external_id']}"
    await world.parts(order_id)
    await work(world, order_id, 1, (1, 2))
    return handle, order_id


async def asked(world: World, order_id: str, reason: str | None = None) -> Any:
    async def is_open() -> Any:
        return await world.row(
            "SELECT * FROM exceptions WHERE order_id = :o AND state = 'open'", o=order_id
        )

    exception = await world.until(is_open)
    assert reason in (None, exception.reason)
    return exception


async def decide(world: World, exception: Any, resolution: str, story: Any = None) -> None:
    handle = world.temporal.get_workflow_handle(exception.workflow_id)
    decision = ResolveException(exception.exception_id, resolution, "test")
    await handle.execute_update(story or FulfillmentWorkflow.resolve_exception, decision)


async def mails(world: World, order_id: str) -> set[str]:
    found = await world.rows("SELECT key FROM outbox WHERE order_id = :o", o=order_id)
    return {mail.key.removeprefix(f"{order_id}:") for mail in found}


async def claims(world: World, order_id: str) -> list[tuple[str, int]]:
    found = await world.rows(
        "SELECT cause, amount_minor FROM carrier_claims JOIN fulfillments USING (fulfillment_id)"
        " WHERE order_id = :o",
        o=order_id,
    )
    return [tuple(claim) for claim in found]


async def events(world: World, order_id: str) -> list[str]:
    found = await world.rows(
        "SELECT event FROM order_events WHERE order_id = :o ORDER BY sequence", o=order_id
    )
    return [event.event for event in found]


async def replacement_of(world: World, order_id: str) -> Any:
    return await world.row(
        "SELECT 1 FROM fulfillments WHERE order_id = :o AND replaces IS NOT NULL", o=order_id
    )


async def replaced(world: World, order_id: str) -> None:
    """Let the replacement go to a street where nothing happens, and ship it."""
    await world.until(lambda: replacement_of(world, order_id))
    async with world.engine.begin() as tx:
        await run(
            tx,
            'UPDATE orders SET ship_to = ship_to || \'{"line1": "417 Montgomery St"}\''
            " WHERE order_id = :o",
            o=order_id,
        )
    await work(world, order_id, 2, (1, 2))


async def test_a_damaged_parcel_is_replaced_where_the_channel_says_so(world: World) -> None:
    handle, order_id = await on_the_road(world, "Damaged", "careful")
    await replaced(world, order_id)
    assert (await handle.result()).outcome == "delivered"
    parts = await world.parts(order_id)
    assert [(p.state, p.share_minor, p.replaces) for p in parts] == [
        ("lost", 0, None),
        ("delivered", 2_500, f"{order_id}-f1"),
    ]
    assert await ledger(world, order_id) == (2_500, 2), "captured once, sent twice"
    assert await claims(world, order_id) == [("damaged", 2_500)]
    assert {"parcel_replaced:f1", "shipped:f2", "delivered:f2"} <= await mails(world, order_id)
    await sound(world, order_id)


async def test_what_was_replaced_and_is_damaged_again_is_a_persons_decision(world: World) -> None:
    """A street that eats parcels gets two, not as many as there are units."""
    handle, order_id = await on_the_road(world, "Damaged", "careful")
    await world.until(lambda: replacement_of(world, order_id))
    await work(world, order_id, 2, (1, 2))
    exception = await asked(world, order_id, "damaged")
    assert "reship" in exception.resolutions
    await decide(world, exception, "compensate")
    assert (await handle.result()).outcome == "lost"
    assert await ledger(world, order_id) == (0, 2)
    await sound(world, order_id)


async def test_a_lost_parcel_is_refunded_where_the_channel_says_so(world: World) -> None:
    handle, order_id = await on_the_road(world, "Declared lost", "generous")
    assert (await handle.result()).outcome == "lost"
    assert await ledger(world, order_id) == (0, 1)
    assert await claims(world, order_id) == [("lost", 2_500)]
    assert "parcel_refunded:f1" in await mails(world, order_id)
    await sound(world, order_id)


async def test_a_parcel_that_nobody_finds_is_lost_after_its_time(world: World) -> None:
    handle, order_id = await on_the_road(world, "Lost", "generous")
    assert (await handle.result()).outcome == "lost"
    assert await ledger(world, order_id) == (0, 1)
    assert {"parcel_delayed:f1", "parcel_refunded:f1"} <= await mails(world, order_id)
    await sound(world, order_id)


async def test_without_a_policy_a_person_replaces_a_lost_parcel(world: World) -> None:
    handle, order_id = await on_the_road(world, "Declared lost")
    exception = await asked(world, order_id, "lost")
    assert exception.resolutions == ["retry", "override", "compensate", "reship"]
    await decide(world, exception, "reship")
    await replaced(world, order_id)
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (2_500, 2)
    await sound(world, order_id)


async def test_what_nobody_has_cannot_be_replaced_and_is_asked_about(world: World) -> None:
    handle, order_id = await on_the_road(world, "Damaged", "careful", units=2)
    exception = await asked(world, order_id, "damaged")
    assert "reship" not in exception.resolutions
    await decide(world, exception, "compensate")
    assert (await handle.result()).outcome == "lost"
    assert await ledger(world, order_id) == (0, 1)
    await sound(world, order_id)


async def test_a_parcel_above_the_limit_is_a_persons_decision(world: World) -> None:
    sku = await world.sku(west=9)
    document = world.document((sku, 9), channel="generous")
    document["ship_to"]["line1"] = "1 Damaged Lane"
    handle = await world.place(document)
    order_id = f"generous-{document['external_id']}"
    await work(world, order_id, 1, (1, 9))
    await decide(world, await asked(world, order_id, "damaged"), "compensate")
    assert (await handle.result()).outcome == "lost"
    await sound(world, order_id)


async def test_a_slow_parcel_is_told_of_once_and_promised_anew(world: World) -> None:
    handle, order_id = await on_the_road(world, "Slow")
    assert (await handle.result()).outcome == "delivered"
    told = await world.rows(
        "SELECT key FROM outbox WHERE order_id = :o AND key LIKE '%parcel_delayed%'", o=order_id
    )
    assert [mail.key for mail in told] == [f"{order_id}:parcel_delayed:f1"]
    story = await events(world, order_id)
    assert {"ParcelDelayed", "PromiseChanged", "Delivered"} <= set(story)
    await sound(world, order_id)


@pytest.mark.parametrize(
    ("street", "reason", "claimed"),
    [("Return to sender", "returned_to_sender", []), ("Never scanned", "no_first_scan", [
        ("no_first_scan", 2_500)])],
)  # fmt: skip
async def test_a_person_decides_about_what_does_not_arrive(
    world: World, street: str, reason: str, claimed: list[Any]
) -> None:
    handle, order_id = await on_the_road(world, street)
    await decide(world, await asked(world, order_id, reason), "compensate")
    assert (await handle.result()).outcome == "lost"
    assert await ledger(world, order_id) == (0, 1)
    assert await claims(world, order_id) == claimed
    await sound(world, order_id)


async def carrier_tells_of_its_arrival(world: World, order_id: str, number: int = 1) -> None:
    label = await world.until(lambda: label_of(world, order_id))

    async def arrived() -> Any:
        answer = await world.sandbox.get(
            f"/easypost/v2/trackers/{label.tracker_id}", auth=("EZSANDBOX", "")
        )
        return answer.json() if answer.json()["status"] == "delivered" else None

    await tell_of(world, f"evt_{order_id}_{number}", await world.until(arrived))


async def carrier_scans(world: World, order_id: str, *statuses: str) -> None:
    """A carrier's machine says more of a parcel than who asks is told: an hour after the other."""
    label = await world.until(lambda: label_of(world, order_id))
    tracker = (
        await world.sandbox.get(f"/easypost/v2/trackers/{label.tracker_id}", auth=("EZSANDBOX", ""))
    ).json()
    [made] = tracker["tracking_details"]
    for hours, status in enumerate(statuses, start=1):
        at = datetime.fromisoformat(made["datetime"]) + timedelta(hours=hours)
        kind, _, detail = status.partition(":")
        scan = made | {"status": kind, "status_detail": detail, "datetime": at.isoformat()}
        tracker["tracking_details"].append(scan)
        tracker["status"] = kind
    await tell_of(world, f"evt_{order_id}_{'_'.join(statuses)}", tracker)


async def tell_of(world: World, event_id: str, tracker: dict[str, Any]) -> None:
    event = {"id": event_id, "object": "Event", "mode": "test",
             "description": "tracker.updated", "result": tracker}  # fmt: skip
    async with world.engine.begin() as tx:
        await commit_webhook(tx, "easypost", event_id, event)


async def label_of(world: World, order_id: str) -> Any:
    return await world.row(
        "SELECT l.* FROM labels l JOIN fulfillments USING (fulfillment_id)"
        " WHERE order_id = :o AND tracker_id IS NOT NULL",
        o=order_id,
    )


async def test_a_failed_delivery_is_tried_again_by_the_carrier(world: World) -> None:
    """Nobody need decide: what was asked is moot when the carrier, asked beside, has delivered."""
    handle, order_id = await on_the_road(world, "Nobody home")
    assert (await handle.result()).outcome == "delivered"
    found = await world.rows("SELECT * FROM exceptions WHERE order_id = :o", o=order_id)
    assert all(each.resolution == "moot" for each in found)
    await sound(world, order_id)


async def test_a_carrier_that_is_away_is_asked_again_beside_a_person(world: World) -> None:
    handle, order_id = await on_the_road(world, "Turns up")
    exception = await asked(world, order_id, "lost")
    await world.fault(vendor="easypost", kind="http_401", path_prefix="/v2/trackers", times=3)
    assert (await handle.result()).outcome == "delivered"
    found = await world.rows("SELECT * FROM exceptions WHERE order_id = :o", o=order_id)
    assert [(each.exception_id, each.resolution) for each in found] == [
        (exception.exception_id, "moot")
    ]
    await sound(world, order_id)


async def test_a_parcel_that_is_seen_at_last_need_not_be_decided_about(world: World) -> None:
    """It came late to the carrier's first scan, and travels: nobody has to write it off."""
    handle, order_id = await on_the_road(world, "Never scanned")
    exception = await asked(world, order_id, "no_first_scan")
    await carrier_scans(world, order_id, "in_transit")

    async def is_moot() -> bool:
        now = await world.row(
            "SELECT resolution FROM exceptions WHERE exception_id = :x", x=exception.exception_id
        )
        return bool(now.resolution == "moot")

    await world.until(is_moot)
    await carrier_scans(world, order_id, "in_transit", "delivered")
    assert (await handle.result()).outcome == "delivered"
    await sound(world, order_id)


async def test_a_first_scan_that_says_damaged_is_acted_on_at_once(world: World) -> None:
    """It ends one question and is another: nobody waits for the next poll."""
    handle, order_id = await on_the_road(world, "Never scanned", poll_s=600.0)
    await asked(world, order_id, "no_first_scan")
    await carrier_scans(world, order_id, "in_transit", "failure:damaged")

    async def is_damaged() -> Any:
        now = await asked(world, order_id)
        return now if now.reason == "damaged" else None

    await decide(world, await world.until(is_damaged), "compensate")
    assert (await handle.result()).outcome == "lost"
    await sound(world, order_id)


async def test_a_cancellation_while_the_carrier_is_asked_comes_too_late_as_well(
    world: World,
) -> None:
    handle, order_id = await on_the_road(world, "Plain")
    await world.fault(vendor="easypost", kind="http_500", path_prefix="/v2/trackers", times=50)
    [part] = await world.parts(order_id)
    run_of_it = world.temporal.get_workflow_handle(fulfillment_workflow_id(order_id, part.number))

    async def is_polling() -> bool:
        pending = (await run_of_it.describe()).raw_description.pending_activities
        return any(each.attempt > 1 for each in pending)

    await world.until(is_polling)
    await run_of_it.cancel()
    (await world.sandbox.delete("/_/faults")).raise_for_status()
    assert (await handle.result()).outcome == "delivered"
    await sound(world, order_id)


async def test_a_cancellation_on_the_road_asks_anew(world: World) -> None:
    """It comes too late for the parcel; the answer to the question before it would be nobody's."""
    handle, order_id = await on_the_road(world, "Declared lost")
    first = await asked(world, order_id, "lost")
    await world.temporal.get_workflow_handle(first.workflow_id).cancel()

    async def is_another() -> Any:
        now = await asked(world, order_id, "lost")
        return now if now.exception_id != first.exception_id else None

    await decide(world, await world.until(is_another), "compensate")
    assert (await handle.result()).outcome == "lost"
    found = await world.rows(
        "SELECT resolution FROM exceptions WHERE order_id = :o ORDER BY opened_at", o=order_id
    )
    assert [each.resolution for each in found] == ["moot", "compensate"]
    await sound(world, order_id)


async def test_what_a_person_waits_out_is_not_asked_again_at_once(world: World) -> None:
    handle, order_id = await on_the_road(world, "Turns up")
    await decide(world, await asked(world, order_id, "lost"), "retry")
    assert (await handle.result()).outcome == "delivered"
    found = await world.rows("SELECT * FROM exceptions WHERE order_id = :o", o=order_id)
    assert len(found) == 1
    await sound(world, order_id)


async def test_a_refunded_parcel_that_turns_up_is_looked_at_and_moves_no_money(
    world: World,
) -> None:
    handle, order_id = await on_the_road(world, "Turns up", "generous")
    assert (await handle.result()).outcome == "lost"
    before = await ledger(world, order_id)
    for number in (1, 2):
        await carrier_tells_of_its_arrival(world, order_id, number)
    exception = await asked(world, order_id, "turned_up")
    assert exception.resolutions == ["skip", "override"]
    await decide(world, exception, "skip", LateParcelWorkflow.resolve_exception)
    assert await ledger(world, order_id) == before == (0, 1)
    assert (await events(world, order_id)).count("LateScan") == 1
    await sound(world, order_id)
