"""Holds in the database: placed once, on what can still be stopped, and never on a closed order."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.admission import AdmissionActivities, Admit
from activities.connectors.errors import Rejected
from activities.connectors.fraud.port import Question
from activities.fulfillment import HandOver
from activities.holds import Alter, HoldActivities, Look, Place, Placed
from activities.scoring import ScoreOrder, ScoringActivities
from db.inbox import corrections
from domain.fraud import Facts
from tests.activities.shop import HOUR_S, Shop, at_once

SPARE_S = HOUR_S
POLICY = {"review_from": 40, "large_minor": {"USD": 1_000}}


def desk(shop: Shop) -> HoldActivities:
    return HoldActivities(shop.engine)


def asked(order_id: str, kind: str = "customer_request", key: str = "k", **more: Any) -> Place:
    return Place(order_id, kind, key, "anna", **({"within_s": HOUR_S} | more))


async def give_up(shop: Shop, order_id: str) -> None:
    """Cancel what was only placed to be looked at."""
    await shop.holding.release_stock(order_id)
    await shop.close(order_id, "cancelled")


async def held(shop: Shop) -> str:
    order_id = await shop.admitted((await shop.sku(east=5), 2))
    await shop.reserve(order_id)
    await shop.take(order_id)
    return order_id


async def test_the_same_request_is_one_hold_and_hears_the_same_number(shop: Shop) -> None:
    order_id = await held(shop)
    answers = await at_once(6, lambda _: desk(shop).place_hold(asked(order_id)))
    assert answers == [Placed(1)] * 6
    assert await desk(shop).place_hold(asked(order_id, key="other")) == Placed(2)
    assert (await shop.story(order_id)).count("HoldPlaced") == 2
    await desk(shop).alter_hold(Alter(order_id, 1, "released", "anna"))
    assert await desk(shop).place_hold(asked(order_id)) == Placed(1), "ended is not asked for anew"
    await give_up(shop, order_id)


async def test_many_requests_at_once_are_numbered_without_gaps(shop: Shop) -> None:
    order_id = await held(shop)
    answers = await at_once(8, lambda n: desk(shop).place_hold(asked(order_id, key=f"k{n}")))
    assert sorted(answer.number for answer in answers) == list(range(1, 9))
    await give_up(shop, order_id)


async def test_an_order_that_is_not_admitted_yet_takes_no_hold(shop: Shop) -> None:
    refused = await desk(shop).place_hold(asked("shop-nobody"))
    assert refused == Placed(refused="unadmitted")


async def test_a_hold_ends_once_however_often_it_is_said(shop: Shop) -> None:
    order_id = await held(shop)
    await desk(shop).place_hold(asked(order_id))
    for how in ("released", "expired", "released"):
        await desk(shop).alter_hold(Alter(order_id, 1, how, "anna"))  # type: ignore[arg-type]
    hold = await shop.row("SELECT * FROM holds WHERE order_id = :o", o=order_id)
    assert (hold.state, hold.ended_by) == ("released", "anna")
    assert (await shop.story(order_id))[-2:] == ["HoldPlaced", "HoldReleased"]
    await give_up(shop, order_id)


async def test_an_order_on_hold_is_not_routed_and_keeps_its_stock_beyond_the_hold(
    shop: Shop,
) -> None:
    order_id = await held(shop)
    until = datetime.now(UTC) + timedelta(days=30)
    await desk(shop).place_hold(asked(order_id, until=until, within_s=None))
    assert (await shop.route(order_id)).on_hold
    [seen] = (await desk(shop).look_at_holds(Look(order_id, SPARE_S))).holds
    assert (seen.kind, seen.deadline) == ("customer_request", until)
    kept = await shop.row("SELECT expires_at FROM reservations WHERE order_id = :o", o=order_id)
    assert kept.expires_at == until + timedelta(seconds=SPARE_S)
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (order.next_step, order.next_deadline) == ("release hold 1: customer_request", until)
    await desk(shop).alter_hold(Alter(order_id, 1, "released", "anna"))
    routed = await shop.route(order_id)
    assert (len(routed.plan), routed.blocked) == (1, ())


async def test_looking_at_no_holds_changes_nothing(shop: Shop) -> None:
    order_id = await held(shop)
    before = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (await desk(shop).look_at_holds(Look(order_id, SPARE_S))).holds == ()
    assert await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id) == before
    await give_up(shop, order_id)


async def test_a_closed_order_takes_no_hold_and_closing_ends_those_it_has(shop: Shop) -> None:
    order_id = await held(shop)
    await desk(shop).place_hold(asked(order_id))
    await give_up(shop, order_id)
    hold = await shop.row("SELECT state FROM holds WHERE order_id = :o", o=order_id)
    assert hold.state == "closed"
    assert await desk(shop).place_hold(asked(order_id, key="late")) == Placed(refused="closed")
    assert await desk(shop).place_hold(asked(order_id)) == Placed(1), "its own record comes first"
    await desk(shop).alter_hold(Alter(order_id, 1, "released", "late"))
    await desk(shop).look_at_holds(Look(order_id, SPARE_S))
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (order.next_step, order.outcome) == (None, "cancelled")


async def test_a_parcel_on_hold_does_not_leave_and_keeps_its_deadline(shop: Shop) -> None:
    [part] = await shop.routed((await shop.sku(east=5), 1))
    order_id = part.fulfillment_id.rpartition("-f")[0]
    await shop.labelled(part.fulfillment_id)
    await desk(shop).place_hold(asked(order_id, "payment_review", within_s=20 * HOUR_S))
    await desk(shop).look_at_holds(Look(order_id, SPARE_S))
    with pytest.raises(ApplicationError, match="on hold"):
        await shop.fulfillment.begin_hand_over(HandOver(part.fulfillment_id, HOUR_S))
    found = await shop.row(
        "SELECT next_deadline - now() AS left FROM fulfillments WHERE order_id = :o", o=order_id
    )
    assert found.left > timedelta(hours=20)
    assert (await shop.route(order_id)).blocked == ("capture", "release", "routing", "shipping")
    await desk(shop).alter_hold(Alter(order_id, 1, "released"))
    await shop.shipped(part)


async def test_what_blocks_only_routing_or_comes_after_hand_over_is_too_late(shop: Shop) -> None:
    [part] = await shop.routed((await shop.sku(east=5), 1))
    order_id = part.fulfillment_id.rpartition("-f")[0]
    late = Placed(refused="too_late")
    assert await desk(shop).place_hold(asked(order_id, "stock_shortage")) == late
    await shop.shipped(part)
    assert await desk(shop).place_hold(asked(order_id, "fraud_review")) == late


async def test_a_hold_and_a_hand_over_at_once_agree_who_was_first(shop: Shop) -> None:
    for _ in range(5):
        [part] = await shop.routed((await shop.sku(east=5), 1))
        order_id = part.fulfillment_id.rpartition("-f")[0]
        await shop.labelled(part.fulfillment_id)

        async def act(number: int, order_id: str = order_id, part: Any = part) -> Any:
            if number:
                return await desk(shop).place_hold(asked(order_id, "fraud_review"))
            return await shop.fulfillment.begin_hand_over(HandOver(part.fulfillment_id, HOUR_S))

        left, placed = await at_once(2, act)
        if left is True:
            assert placed == Placed(refused="too_late")
        else:
            assert (type(left), placed) == (ApplicationError, Placed(1))
            await desk(shop).alter_hold(Alter(order_id, 1, "released"))
        await shop.shipped(part)


# -- rules at placement


async def scored(shop: Shop, **changes: Any) -> tuple[str, list[str], Any]:
    """Admit an order under the policy, twice; its holds and its assessment."""
    await shop.change("UPDATE channels SET fraud_policy = CAST(:p AS jsonb)", p=json.dumps(POLICY))
    try:
        order = await shop.commit(shop.document((await shop.sku(east=5), 1), **changes))
        for _ in range(2):
            assert (await shop.admission.admit(order)).problems == ()
    finally:
        await shop.change("UPDATE channels SET fraud_policy = NULL")
    found = await shop.rows(
        "SELECT kind FROM holds WHERE order_id = :o ORDER BY number", o=order.order_id
    )
    assessed = await shop.row(
        "SELECT * FROM fraud_assessments WHERE order_id = :o", o=order.order_id
    )
    return order.order_id, [hold.kind for hold in found], assessed


def buyer(shop: Shop, **more: str) -> dict[str, Any]:
    """Somebody new at a street of their own."""
    number = next(shop.numbers)
    where = shop.document()["ship_to"] | {"line1": f"{shop.prefix} Street {number}"}
    who = {"name": "New Buyer", "email": f"{shop.prefix}.{number}@example.com"} | more
    return {"customer": who, "ship_to": where}


async def test_an_order_is_scored_with_its_facts_and_without_whose_they_are(shop: Shop) -> None:
    order_id, kinds, assessed = await scored(shop, **buyer(shop))
    assert (kinds, assessed.score) == ([], 35)
    assert assessed.facts == asdict(Facts(1_000, large_minor=1_000, is_first_order=True))
    assert "example.com" not in str(tuple(assessed))
    await give_up(shop, order_id)


async def test_a_score_beyond_the_channels_limit_holds_the_order_once(shop: Shop) -> None:
    somebody = buyer(shop, country="BR")
    order_id, kinds, assessed = await scored(shop, **somebody)
    assert (kinds, assessed.score) == (["fraud_review"], 60)
    assert (await shop.story(order_id)).count("HoldPlaced") == 1
    await give_up(shop, order_id)


async def test_orders_of_a_customer_and_to_an_address_are_counted_in_any_spelling(
    shop: Shop,
) -> None:
    somebody = buyer(shop)
    for count in range(3):
        order_id, _, assessed = await scored(shop, **somebody)
        assert assessed.facts["orders_of_customer"] == count
        assert assessed.facts["orders_to_address"] == count
        assert assessed.facts["is_first_order"] is (count == 0)
        somebody["customer"] = somebody["customer"] | {
            "email": somebody["customer"]["email"].upper()
        }
        somebody["ship_to"] = somebody["ship_to"] | {"line1": f" {somebody['ship_to']['line1']} "}
        await give_up(shop, order_id)


async def test_a_channel_without_a_policy_scores_nothing(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(east=5), 1))
    assert await shop.rows("SELECT 1 FROM fraud_assessments WHERE order_id = :o", o=order_id) == []
    await give_up(shop, order_id)


async def test_grace_and_preorder_come_from_times_and_goods(shop: Shop) -> None:
    sku = await shop.sku(east=5)
    until = datetime.now(UTC) + timedelta(days=3)
    await shop.change("UPDATE products SET available_from = :u WHERE sku = :s", u=until, s=sku)
    order = await shop.commit(shop.document((sku, 1)))
    await shop.admission.admit(Admit(order.order_id, order.inbox_id, HOUR_S, grace_s=60.0))
    found = await shop.rows(
        "SELECT kind, deadline FROM holds WHERE order_id = :o ORDER BY number", o=order.order_id
    )
    assert [hold.kind for hold in found] == ["grace_period", "preorder_date"]
    assert found[1].deadline == until
    later = until + timedelta(days=1)
    await shop.change("UPDATE products SET available_from = :u WHERE sku = :s", u=later, s=sku)
    await desk(shop).alter_hold(Alter(order.order_id, 2, "expired"))
    moved = await shop.row(
        "SELECT * FROM holds WHERE order_id = :o AND number = 2", o=order.order_id
    )
    assert (moved.state, moved.deadline) == ("open", later)
    await give_up(shop, order.order_id)


# -- addresses


async def correct(shop: Shop, order_id: str, line1: str) -> None:
    address = shop.document()["ship_to"] | {"line1": line1, "line2": None}
    async with shop.engine.begin() as tx:
        await corrections.keep(tx, order_id, address, "anna")


async def test_a_correction_is_verified_in_place_of_the_given_address(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.road.faults.before = [Rejected("road", "no such street", "address_undeliverable")]
    first = await shop.admission.verify_address(order_id)
    assert (first.deliverable, first.may_wait) == (False, False), "the channel refuses by default"
    await desk(shop).place_hold(asked(order_id, "address_problem"))
    await correct(shop, order_id, "1 Better Street")
    for _ in range(2):
        assert (await shop.admission.verify_address(order_id)).deliverable
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (order.ship_to["line1"], order.address_verified) == ("1 Better Street", True)
    hold = await shop.row("SELECT state FROM holds WHERE order_id = :o", o=order_id)
    assert hold.state == "released"
    await give_up(shop, order_id)


async def test_an_address_that_was_verified_can_be_corrected_too(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    assert (await shop.admission.verify_address(order_id)).deliverable
    await desk(shop).place_hold(asked(order_id, "address_problem"))
    await correct(shop, order_id, "2 Better Street")
    assert (await shop.admission.verify_address(order_id)).deliverable
    order = await shop.row("SELECT ship_to FROM orders WHERE order_id = :o", o=order_id)
    assert order.ship_to["line1"] == "2 Better Street"
    await give_up(shop, order_id)


async def test_an_order_that_ended_keeps_its_address(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    await correct(shop, order_id, "3 Late Street")
    await give_up(shop, order_id)
    assert (await shop.admission.verify_address(order_id)).deliverable
    order = await shop.row("SELECT ship_to FROM orders WHERE order_id = :o", o=order_id)
    assert order.ship_to["line1"] != "3 Late Street"


# -- a second opinion


class Oracle:
    """An external scorer that always says the same, and counts how often it was asked."""

    vendor = "oracle"

    def __init__(self, opinion: int) -> None:
        self.opinion = opinion
        self.asked: list[Question] = []

    async def score(self, question: Question) -> int:
        self.asked.append(question)
        return self.opinion


async def test_a_second_opinion_can_only_make_an_order_more_suspicious(shop: Shop) -> None:
    order_id, kinds, _ = await scored(shop, **buyer(shop))
    assert kinds == []
    for opinion in (90, 5):  # its first word stands
        scoring = ScoringActivities(shop.engine, Oracle(opinion))
        await scoring.score_order(ScoreOrder(order_id, HOUR_S))
    assessed = await shop.row("SELECT * FROM fraud_assessments WHERE order_id = :o", o=order_id)
    assert (assessed.score, assessed.scorer, assessed.facts["external_score"]) == (90, "oracle", 90)
    [hold] = await shop.rows("SELECT kind, key FROM holds WHERE order_id = :o", o=order_id)
    assert tuple(hold) == ("fraud_review", "placement:fraud_review")
    await give_up(shop, order_id)


async def test_a_scorer_is_told_facts_and_asked_only_about_what_was_assessed(shop: Shop) -> None:
    order_id, _, assessed = await scored(shop, **buyer(shop))
    oracle = Oracle(0)
    scoring = ScoringActivities(shop.engine, oracle)
    await scoring.score_order(ScoreOrder(order_id, HOUR_S))
    assert oracle.asked == [Question(order_id, "USD", Facts(**assessed.facts))]
    plain = await shop.admitted((await shop.sku(east=1), 1))
    await scoring.score_order(ScoreOrder(plain, HOUR_S))
    assert len(oracle.asked) == 1
    for each in (order_id, plain):
        await give_up(shop, each)


async def test_a_run_asks_the_scorer_when_there_is_one_and_it_was_not_heard(shop: Shop) -> None:
    order_id, _, _ = await scored(shop, **buyer(shop))
    admission = AdmissionActivities(shop.engine, shop.road, has_scorer=True)
    inbox = await shop.row("SELECT inbox_id FROM inbox WHERE external_id = :e", e=order_id[5:])
    again = Admit(order_id, inbox.inbox_id, HOUR_S)
    assert (await admission.admit(again)).asks_scorer
    assert not (await shop.admission.admit(again)).asks_scorer, "there is none"
    await ScoringActivities(shop.engine, Oracle(0)).score_order(ScoreOrder(order_id, HOUR_S))
    assert not (await admission.admit(again)).asks_scorer
    await give_up(shop, order_id)
