"""Orders that are changed after they were placed, over HTTP, with real workers."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.changing import ApplyChange, ChangingActivities
from db.engine import run
from db.inbox.changes import confirm
from domain.changing import Wish
from tests.workflows.conftest import World
from tests.workflows.test_parcels_on_the_road import asked, decide
from tests.workflows.test_short_picks import child, ledger, placed, sound, work
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import CancelOrder, LinesDone
from workflows.order import OrderWorkflow


async def change(
    http: httpx.AsyncClient, order_id: str, *wishes: dict[str, Any], **more: Any
) -> httpx.Response:
    """Ask with the version that is read just before."""
    version = (await http.get(f"/orders/{order_id}")).json()["version"]
    body = {"version": version, "changes": list(wishes)} | more
    return await http.post(f"/orders/{order_id}/changes", json=body)


def units(line_no: int, quantity: int) -> dict[str, Any]:
    return {"kind": "set_quantity", "line_no": line_no, "quantity": quantity}


async def mails(world: World, order_id: str) -> set[str]:
    found = await world.rows(
        "SELECT key FROM outbox WHERE order_id = :o AND kind = 'email'", o=order_id
    )
    return {mail.key.removeprefix(f"{order_id}:") for mail in found}


async def test_fewer_units_are_previewed_then_cancelled_and_less_is_charged(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=5)
    handle, order_id = await placed(world, (sku, 3))
    seen = await change(http, order_id, units(1, 1), dry_run=True)
    assert (seen.status_code, seen.json()["state"]) == (200, "previewed"), seen.text
    assert (seen.json()["refund_minor"], seen.json()["charge_minor"]) == (2_334, 0)
    assert (await http.get(f"/orders/{order_id}/changes")).json()["items"] == []
    done = await change(http, order_id, units(1, 1))
    assert (done.status_code, done.json()["state"]) == (200, "applied"), done.text
    assert done.json()["refund_minor"] == 2_334
    [listed] = (await http.get(f"/orders/{order_id}/changes")).json()["items"]
    assert (listed["number"], listed["state"], listed["refund_minor"]) == (1, "applied", 2_334)
    await work(world, order_id, 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (3_500 - 2_334, 1)
    [level] = await world.rows("SELECT on_hand, reserved FROM location_levels WHERE sku = :s",
                               s=sku)  # fmt: skip
    assert tuple(level) == (4, 0)
    assert "order_changed:c1" in await mails(world, order_id)
    await sound(world, order_id)


async def test_added_units_are_authorized_and_shipped_beside_the_others(
    world: World, http: httpx.AsyncClient
) -> None:
    first, second = await world.sku(west=5), await world.sku(east=5)
    handle, order_id = await placed(world, (first, 1))
    more = {"kind": "add_line", "sku": second, "quantity": 2, "unit_price_minor": 700}
    done = await change(http, order_id, more, {"kind": "set_priority", "priority": 5})
    assert (done.status_code, done.json()["charge_minor"]) == (200, 1_400), done.text
    assert done.json()["stock"] == [{"sku": second, "wanted": 2, "free": 5}]
    await work(world, order_id, 1, (1, 1))
    await work(world, order_id, 2, (2, 2))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_500 + 1_400, 2)
    order = await world.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (order.total_minor, order.priority) == (2_900, 5)
    assert "order_changed_up:c1" in await mails(world, order_id)
    await sound(world, order_id)


async def test_more_of_a_line_costs_as_much_as_the_line(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=5)
    handle, order_id = await placed(world, (sku, 1))
    done = await change(http, order_id, units(1, 3))
    assert (done.status_code, done.json()["charge_minor"]) == (200, 2_000), done.text
    await work(world, order_id, 1, (1, 1))
    await work(world, order_id, 2, (2, 2))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (3_500, 2)
    await sound(world, order_id)


async def test_a_declined_increase_waits_for_a_person_and_is_given_up_alone(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=5)
    handle, order_id = await placed(world, (sku, 1))
    async with world.engine.begin() as tx:
        await run(tx, "UPDATE tenders SET reference = 'pm_card_chargeDeclined' WHERE order_id = :o",
                  o=order_id)  # fmt: skip
    assert (await change(http, order_id, units(1, 2))).status_code == 200
    await decide(world, await asked(world, order_id, "share_declined"), "compensate")
    await work(world, order_id, 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (1_500, 1)
    await sound(world, order_id)


async def test_what_is_not_there_or_not_seen_changes_nothing(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=2)
    handle, order_id = await placed(world, (sku, 1))
    path = f"/orders/{order_id}/changes"
    stale = await http.post(path, json={"version": 1, "changes": [units(1, 2)]})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    scarce = await change(http, order_id, units(1, 9))
    assert (scarce.status_code, scarce.json()["reason"]) == (409, "no_stock")
    unknown = {"kind": "add_line", "sku": "NOBODY", "quantity": 1, "unit_price_minor": 1}
    assert (await change(http, order_id, unknown)).json()["reason"] == "unknown_sku"
    retired = await world.sku(west=2)
    async with world.engine.begin() as tx:
        await run(tx, "UPDATE products SET active = false WHERE sku = :s", s=retired)
    old = unknown | {"sku": retired}
    assert (await change(http, order_id, old)).json()["reason"] == "unknown_sku"
    assert (await change(http, order_id, units(1, 0))).json()["reason"] == "nothing_left"
    assert (await change(http, order_id, units(7, 0))).json()["reason"] == "unknown_line"
    assert (await http.get(path)).json()["items"] == []
    body = {"version": 1, "changes": [units(1, 1)]}
    nobody = await http.post("/orders/shop-nobody/changes", json=body)
    assert nobody.status_code == 404
    await work(world, order_id, 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    late = await change(http, order_id, units(1, 0))
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    await sound(world, order_id)


async def test_a_change_on_hold_is_accepted_and_made_once_there_are_parcels(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=5)
    document = world.document((sku, 3))
    handle = await world.place(document, replace(world.timings, grace_s=3.0))
    await handle.execute_update(OrderWorkflow.admission)
    order_id = f"shop-{document['external_id']}"
    done = await change(http, order_id, units(1, 2))
    assert done.status_code in (200, 202), done.text
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    [listed] = (await http.get(f"/orders/{order_id}/changes")).json()["items"]
    assert listed["state"] == "applied"
    assert (await ledger(world, order_id))[1] == 1
    await sound(world, order_id)


async def test_a_whole_parcel_is_cancelled_and_its_label_voided(
    world: World, http: httpx.AsyncClient
) -> None:
    first, second = await world.sku(west=5), await world.sku(east=5)
    handle, order_id = await placed(world, (first, 1), (second, 1))
    done = await change(http, order_id, {"kind": "cancel_line", "line_no": 2})
    assert (done.status_code, done.json()["state"]) == (200, "applied"), done.text
    parts = await world.parts(order_id)
    left = next(part for part in parts if part.location == "west")
    await work(world, order_id, left.number, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    states = {part.location: part.state for part in await world.parts(order_id)}
    assert states == {"west": "delivered", "east": "cancelled"}
    assert (await ledger(world, order_id))[1] == 1
    await sound(world, order_id)


async def test_a_change_is_asked_once_however_often_it_is_sent(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=5)
    handle, order_id = await placed(world, (sku, 3))
    version = (await http.get(f"/orders/{order_id}")).json()["version"]
    body = {"version": version, "changes": [{"kind": "cancel_units", "line_no": 1, "quantity": 1}]}
    key = {"Idempotency-Key": f"change-{order_id}"}
    answers = [
        await http.post(f"/orders/{order_id}/changes", json=body, headers=key) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    again = await http.post(f"/orders/{order_id}/changes", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "stale_version")
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    await sound(world, order_id)


async def test_an_intercepted_parcel_that_comes_back_is_refunded_without_asking(
    world: World, http: httpx.AsyncClient
) -> None:
    document = world.document((await world.sku(west=2), 1))
    document["ship_to"]["line1"] = "1 Return to Sender Lane"
    slow = replace(world.timings, first_poll_s=4.0, no_scan_s=600.0, lost_s=600.0)
    handle = await world.place(document, slow)
    order_id = f"shop-{document['external_id']}"
    await world.parts(order_id)
    early = await http.post(f"/orders/{order_id}/intercept", json={"reason": "wrong size"})
    assert early.json()["code"] == "wrong_state"
    await work(world, order_id, 1, (1, 1))

    async def asked_back() -> Any:
        answer = await http.post(f"/orders/{order_id}/intercept", json={"reason": "wrong size"})
        return answer if answer.status_code == 200 else None

    assert (await world.until(asked_back)).json()["numbers"] == [1]
    assert (await handle.result()).outcome == "lost"
    assert await ledger(world, order_id) == (0, 1)
    assert "parcel_intercepted:f1" in await mails(world, order_id)
    await sound(world, order_id)


async def test_another_address_is_verified_and_printed_on_the_label(
    world: World, http: httpx.AsyncClient
) -> None:
    handle, order_id = await placed(world, (await world.sku(west=2), 1))

    async def move(**changes: str) -> httpx.Response:
        seen = (await http.get(f"/orders/{order_id}")).json()
        address = {
            "name": "Ada Buyer", "line1": "1 Market St", "city": "San Francisco", "region": "CA",
            "postal_code": "94105", "country": "US",
        } | changes  # fmt: skip
        body = {"version": seen["version"], "ship_to": address}
        return await http.post(f"/orders/{order_id}/address", json=body)

    abroad = await move(country="CA")
    assert (abroad.status_code, abroad.json()["reason"]) == (409, "other_country")
    nowhere = await move(line1="1 Undeliverable St")
    assert (nowhere.status_code, nowhere.json()["reason"]) == (409, "undeliverable")
    moved = await move()
    assert (moved.status_code, moved.json()["status"]) == (200, "changed"), moved.text
    await work(world, order_id, 1, (1, 1))
    assert (await handle.result()).outcome == "delivered"
    order = await world.row("SELECT ship_to FROM orders WHERE order_id = :o", o=order_id)
    assert order.ship_to["line1"].upper() == "1 MARKET ST"
    assert {each.partition(":")[0] for each in await mails(world, order_id)} >= {"address_changed"}
    await sound(world, order_id)


async def test_a_parcel_with_a_label_keeps_its_address(
    world: World, http: httpx.AsyncClient
) -> None:
    handle, order_id = await placed(world, (await world.sku(west=2), 1))
    await work(world, order_id, 1, (1, 1))

    async def labelled() -> Any:
        return await world.row(
            "SELECT 1 FROM labels JOIN fulfillments USING (fulfillment_id) WHERE order_id = :o",
            o=order_id,
        )

    await world.until(labelled)
    seen = (await http.get(f"/orders/{order_id}")).json()
    address = {"name": "A", "line1": "1 Market St", "city": "San Francisco", "region": "CA",
               "postal_code": "94105", "country": "US"}  # fmt: skip
    body = {"version": seen["version"], "ship_to": address}
    late = await http.post(f"/orders/{order_id}/address", json=body)
    assert (late.status_code, late.json()["code"] in ("too_late", "stale_version")) == (409, True)
    assert (await handle.result()).outcome == "delivered"


def less(line_no: int, amount_minor: int) -> dict[str, Any]:
    return {"kind": "lower_price", "line_no": line_no, "amount_minor": amount_minor}


async def test_a_lowered_price_is_charged_less_and_billed_so(
    world: World, http: httpx.AsyncClient
) -> None:
    west, east = await world.sku(west=5), await world.sku(east=5)
    handle, order_id = await placed(world, (west, 2), (east, 1))
    seen = await change(http, order_id, less(1, 600), dry_run=True)
    assert (seen.status_code, seen.json()["refund_minor"]) == (200, 600), seen.text
    done = await change(http, order_id, less(1, 600))
    assert (done.status_code, done.json()["state"]) == (200, "applied"), done.text
    assert "order_changed:c1" in await mails(world, order_id)
    whole = await change(http, order_id, less(2, 1_000))
    assert (whole.status_code, whole.json()["reason"]) == (409, "too_much"), whole.text
    await work(world, order_id, 1, (1, 2))
    await work(world, order_id, 2, (2, 1))
    assert (await handle.result()).outcome == "delivered"
    assert await ledger(world, order_id) == (3_500 - 600, 2)
    found = await world.row(
        "SELECT total_minor, discount_minor FROM orders JOIN order_lines USING (order_id)"
        " WHERE order_id = :o AND line_no = 1",
        o=order_id,
    )
    assert tuple(found) == (3_500 - 600, 600)
    await sound(world, order_id)


async def test_what_was_paid_before_the_price_was_lowered_goes_back(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=5)
    tenders = [
        {"kind": "card", "amount_minor": 500, "reference": "pm_card_visa"},
        {"kind": "debit", "amount_minor": 2_000, "reference": "pm_card_visa_debit"},
    ]
    handle, order_id = await placed(world, (sku, 2), tenders=tenders)
    done = await change(http, order_id, less(1, 900))
    assert (done.status_code, done.json()["refund_minor"]) == (200, 900), done.text
    paid = (await http.get(f"/orders/{order_id}")).json()["tenders"]
    assert sum(tender["lowered_minor"] for tender in paid) == 900
    await sound(world, order_id)
    await work(world, order_id, 1, (1, 2))
    assert (await handle.result()).outcome == "delivered"
    assert (await ledger(world, order_id))[0] == 2_500 - 900
    late = await change(http, order_id, less(1, 1))
    assert (late.status_code, late.json()["code"]) == (409, "too_late")
    await sound(world, order_id)


async def test_nothing_is_added_to_an_order_that_is_being_cancelled(
    world: World, http: httpx.AsyncClient
) -> None:
    """Its parcel is still here: the carrier takes its time for the label."""
    sku = await world.sku(west=5)
    handle, order_id = await placed(world, (sku, 1))
    await world.fault(
        vendor="easypost", kind="delay", method="POST", path_prefix="/v2/shipments", seconds=5.0,
        about=order_id,
    )  # fmt: skip
    await work(world, order_id, 1, (1, 1))
    await world.until_pending(child(world, order_id, 1), "create_shipment")
    cancelled = await handle.execute_update(OrderWorkflow.cancel, CancelOrder("customer"))
    assert cancelled.result == "cancelled"
    late = await change(http, order_id, units(1, 3))
    assert (late.status_code, late.json()["reason"]) == (409, "too_late"), late.text
    [part] = await world.parts(order_id)
    assert part.state == "packed"
    assert (await handle.result()).outcome == "cancelled"
    assert [part.number for part in await world.parts(order_id)] == [1]
    assert await ledger(world, order_id) == (0, 0)
    await sound(world, order_id)


async def test_units_cancelled_a_moment_before_they_are_packed_do_not_leave(world: World) -> None:
    """The change is in the database, and the parcel's run has not heard of it."""
    sku = await world.sku(west=5)
    handle, order_id = await placed(world, (sku, 3))
    parcel = child(world, order_id, 1)
    await parcel.execute_update(FulfillmentWorkflow.picked, LinesDone("test", ((1, 3),)))
    async with world.engine.begin() as tx:
        wish = Wish("cancel_units", line_no=1, quantity=1)
        number = await confirm(tx, order_id, [wish], "test")
    made = await ChangingActivities(world.engine).apply_change(
        ApplyChange(order_id, number, world.timings.pick_s)
    )
    assert made.state == "applied"
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await parcel.execute_update(FulfillmentWorkflow.packed, LinesDone("test", ((1, 3),)))
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "WrongQuantities"
    # By now it has.
    await parcel.execute_update(FulfillmentWorkflow.packed, LinesDone("test", ((1, 2),)))
    assert (await handle.result()).outcome == "delivered"
    [level] = await world.rows("SELECT on_hand, reserved FROM location_levels WHERE sku = :s",
                               s=sku)  # fmt: skip
    assert tuple(level) == (3, 0)
    await sound(world, order_id)
