"""Returns over HTTP with real workers: previewed, asked for, refused, reported on, read."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.app import ApiConfig, create_app
from db.inbox.keys import create_key
from tests.api.world import caller
from tests.workflows.conftest import World
from tests.workflows.test_exchanges import send
from tests.workflows.test_returns import Back, delivered


@pytest.fixture(scope="module")
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.engine.begin() as tx:
        key = await create_key(
            tx, "returns", ["returns:read", "returns:write", "returns:handle", "orders:read"]
        )
    config = ApiConfig(timings=world.timings)
    app = create_app(engine=world.engine, temporal=world.temporal, config=config)
    async with caller(app, key.secret) as client:
        yield client


def wish(version: int, *units: int, **changes: Any) -> dict[str, Any]:
    lines = [
        {"line_no": number, "quantity": count, "reason": "unwanted"}
        for number, count in enumerate(units, start=1)
    ]
    return {"version": version, "lines": lines} | changes


def id_of(document: dict[str, Any]) -> str:
    return f"{document['channel']}-{document['external_id']}"


async def version_of(http: httpx.AsyncClient, document: dict[str, Any]) -> int:
    return int((await http.get(f"/orders/{id_of(document)}")).json()["version"])


async def ask(http: httpx.AsyncClient, document: dict[str, Any], **changes: Any) -> Any:
    body = wish(await version_of(http, document), 1) | changes
    return await http.post(f"/orders/{id_of(document)}/returns", json=body)


async def tell(world: World, http: httpx.AsyncClient, rma: str, verb: str, **said: Any) -> Any:
    """Say something about a return, once its run is there."""

    async def taken() -> Any:
        answer = await http.post(f"/returns/{rma}/{verb}", json=said)
        return None if answer.status_code == 404 else answer

    return await world.until(taken)


async def closed(world: World, http: httpx.AsyncClient, rma: str) -> dict[str, Any]:
    async def there() -> Any:
        found = (await http.get(f"/returns/{rma}")).json()
        return found if found["state"] == "closed" else None

    found: dict[str, Any] = await world.until(there)
    return found


async def policy(world: World, **rules: Any) -> str:
    """A channel of its own with these rules."""
    channel = f"c{next(world.numbers)}"
    async with world.engine.begin() as tx:
        await tx.execute(
            sa.text(
                "INSERT INTO channels (channel, name, kind, pool, currencies)"
                " VALUES (:c, :c, 'api', 'main', '{USD}')"
            ),
            {"c": channel},
        )
        await tx.execute(
            sa.text("INSERT INTO return_policies VALUES (:c, CAST(:r AS jsonb))"),
            {"c": channel, "r": json.dumps(rules)},
        )
    return channel


async def test_a_return_is_previewed_asked_for_and_brought_to_its_end(
    world: World, http: httpx.AsyncClient
) -> None:
    document = await delivered(world, (await world.sku(west=5), 2))
    version = await version_of(http, document)
    path = f"/orders/{id_of(document)}/returns"
    seen = await http.post(path, json=wish(version, 1, dry_run=True))
    assert seen.status_code == 200, seen.text
    assert (seen.json()["decision"], seen.json()["refund_minor"]) == ("allow", 1_000)
    assert (await http.get(path)).json()["items"] == []
    key = {"Idempotency-Key": f"return-{id_of(document)}"}
    first = await http.post(path, json=wish(version, 1), headers=key)
    again = await http.post(path, json=wish(version, 1), headers=key)
    assert (first.status_code, again.status_code) == (201, 201), first.text
    rma = first.json()["rma"]
    assert again.json()["rma"] == rma == f"{id_of(document)}-r1"
    stale = await http.post(path, json=wish(version, 1))
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_version")
    arrived = {"items": [{"item_no": 1, "quantity": 1}]}
    assert (await tell(world, http, rma, "receive", **arrived)).json()["state"] == "received"
    wrong = await http.post(f"/returns/{rma}/inspect", json={"units": [
        {"item_no": 1, "quantity": 2, "disposition": "restock"}]})  # fmt: skip
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_quantities")
    units = [{"item_no": 1, "quantity": 1, "disposition": "restock"}]
    assert (await tell(world, http, rma, "inspect", units=units)).status_code == 200
    found = await closed(world, http, rma)
    assert (found["outcome"], found["refund_minor"]) == ("refunded", 1_000)
    assert (found["reception"], found["acceptance"]) == ("received", "accepted")
    order = (await http.get(f"/orders/{id_of(document)}")).json()
    assert order["axes"]["return"] == "partly_returned"
    assert order["axes"]["payment"] == "partly_refunded"
    late = await http.post(f"/returns/{rma}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")


async def test_more_than_shipped_is_refused_over_several_returns(
    world: World, http: httpx.AsyncClient
) -> None:
    document = await delivered(world, (await world.sku(west=5), 2))
    assert (await ask(http, document)).status_code == 201
    path = f"/orders/{id_of(document)}/returns"
    second = await http.post(path, json=wish(await version_of(http, document), 2))
    assert (second.status_code, second.json()["code"]) == (422, "not_returnable")
    assert second.json()["lines"][0]["reason"] == "more_than_shipped"
    assert (await ask(http, document)).status_code == 201
    third = await ask(http, document)
    assert third.json()["lines"][0]["reason"] == "already_returned"


async def test_a_return_that_is_looked_at_is_approved_or_refused_by_a_person(
    world: World, http: httpx.AsyncClient
) -> None:
    document = await delivered(world, (await world.sku(west=5), 2))
    line = {"line_no": 1, "quantity": 1, "reason": "unwanted", "condition": "used"}
    first = (await ask(http, document, lines=[line])).json()
    assert (first["state"], first["decision"]) == ("requested", "review")
    refused = await tell(world, http, first["rma"], "refuse", reason="worn by Ada")
    assert refused.json()["outcome"] == "refused", refused.text
    second = (await ask(http, document, lines=[line])).json()
    approved = await tell(world, http, second["rma"], "approve")
    assert approved.json()["state"] == "approved"
    cancelled = await tell(world, http, second["rma"], "cancel")
    assert cancelled.json()["outcome"] == "cancelled"
    order = (await http.get(f"/orders/{id_of(document)}")).json()
    assert order["axes"]["return"] == "none"


async def test_an_unknown_return_order_item_or_product_is_said(
    world: World, http: httpx.AsyncClient
) -> None:
    document = await delivered(world, (await world.sku(west=5), 1))
    assert (await http.get("/returns/shop-nobody-r1")).status_code == 404
    assert (await http.post("/returns/shop-nobody-r1/approve")).status_code == 404
    assert (await http.post("/orders/shop-nobody/returns", json=wish(1, 1))).status_code == 404
    stranger = [{"sku": "nobody", "quantity": 1, "unit_price_minor": 1}]
    wrong = await ask(http, document, resolution="exchange", instead=stranger)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    retired = [{**stranger[0], "sku": await world.sku(west=1)}]
    async with world.engine.begin() as tx:
        what = {"sku": retired[0]["sku"]}
        await tx.execute(sa.text("UPDATE products SET active = false WHERE sku = :sku"), what)
    wrong = await ask(http, document, resolution="exchange", instead=retired)
    assert wrong.json()["errors"][0]["pointer"] == "/instead/0/sku"
    rma = (await ask(http, document)).json()["rma"]
    arrived = {"items": [{"item_no": 9, "quantity": 1}]}
    assert (await http.post(f"/returns/{rma}/receive", json=arrived)).status_code == 422


async def test_goods_that_belong_to_nobody_are_a_task(
    world: World, http: httpx.AsyncClient
) -> None:
    sku = await world.sku(west=1)
    wrong = await http.post("/unmatched-goods", json={"location": "nowhere", "quantity": 1})
    assert wrong.status_code == 422
    body = {"location": "west", "sku": sku, "quantity": 2}
    key = {"Idempotency-Key": f"aside-{sku}"}
    first = await http.post("/unmatched-goods", json=body, headers=key)
    again = await http.post("/unmatched-goods", json=body, headers=key)
    assert first.status_code == 201, first.text
    goods_id = first.json()["goods_id"]
    assert again.json()["goods_id"] == goods_id
    listed = (await http.get("/unmatched-goods", params={"state": "open"})).json()["items"]
    assert goods_id in [each["goods_id"] for each in listed]
    path = f"/unmatched-goods/{goods_id}/resolve"
    done = await http.post(path, json={"resolution": "restock"})
    assert (done.status_code, done.json()["state"]) == (200, "resolved"), done.text
    twice = await http.post(path, json={"resolution": "scrap"})
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert level.on_hand == 3


async def test_goods_of_little_worth_are_refunded_and_kept(
    world: World, http: httpx.AsyncClient
) -> None:
    channel = await policy(world, keep_it_below_minor=5_000)
    document = await delivered(world, (await world.sku(west=5), 2), channel=channel)
    asked = (await ask(http, document)).json()
    assert (asked["method"], asked["refund_minor"]) == ("keep", 1_000)
    found = await closed(world, http, asked["rma"])
    assert (found["outcome"], found["reception"]) == ("refunded", "not_expected")
    assert found["refund_minor"] == 1_000


async def test_a_policy_says_how_long_goods_are_waited_for(
    world: World, http: httpx.AsyncClient
) -> None:
    patient = await policy(world, arrival_days=1_000)
    document = await delivered(world, (await world.sku(west=5), 1), channel=patient)
    rma = (await ask(http, document, method="drop_off")).json()["rma"]

    async def has_code() -> Any:
        found = (await http.get(f"/returns/{rma}")).json()
        return found if found["drop_off_code"] else None

    found = await world.until(has_code)
    left = datetime.fromisoformat(found["next_deadline"]) - datetime.now(UTC)
    assert found["next_step"] == "arrival"
    assert left.total_seconds() > 10 * world.timings.return_arrival_s
    hasty = await policy(world, arrival_days=0)
    document = await delivered(world, (await world.sku(west=5), 1), channel=hasty)
    rma = (await ask(http, document)).json()["rma"]
    assert (await closed(world, http, rma))["outcome"] == "never_arrived"


async def test_a_policy_takes_its_fees_and_gives_its_bonus(
    world: World, http: httpx.AsyncClient
) -> None:
    rules = {"restocking_fee_bp": 1_000, "return_freight_minor": 150, "credit_bonus_bp": 1_000}
    channel = await policy(world, refunds_freight=False, **rules)
    document = await delivered(world, (await world.sku(west=5), 3), channel=channel)
    seen = (await ask(http, document, dry_run=True)).json()
    assert (seen["fee_minor"], seen["return_freight_minor"], seen["refund_minor"]) == (
        100,
        150,
        750,
    )
    credit = (await ask(http, document, resolution="store_credit")).json()
    assert credit["credit_minor"] == 825
    units = [{"item_no": 1, "quantity": 1, "disposition": "refurbish"}]
    arrived = {"items": [{"item_no": 1, "quantity": 1}]}
    assert (await tell(world, http, credit["rma"], "receive", **arrived)).status_code == 200
    assert (await tell(world, http, credit["rma"], "inspect", units=units)).status_code == 200
    found = await closed(world, http, credit["rma"])
    assert (found["outcome"], found["credit_minor"]) == ("credited", 825)
    assert len(found["credit_code"]) == 5


async def test_what_the_marketplace_mandates_is_taken_and_what_it_decides_is_not_ours(
    world: World, http: httpx.AsyncClient
) -> None:
    channel = await policy(world, channel_decides=True, window_days=0)
    document = await delivered(world, (await world.sku(west=5), 2), channel=channel)
    refused = await ask(http, document)
    assert refused.json()["lines"][0]["reason"] == "channel_decides"
    mandated = await ask(http, document, source="channel")
    assert (mandated.status_code, mandated.json()["decision"]) == (201, "allow")


async def test_an_exchange_over_http_is_paid_by_the_goods(
    world: World, http: httpx.AsyncClient
) -> None:
    old, new = await world.sku(west=2), await world.sku(west=2)
    document = await delivered(world, (old, 1))
    instead = [{"sku": new, "quantity": 1, "unit_price_minor": 1_000}]
    asked = await ask(http, document, resolution="exchange", instead=instead)
    assert asked.status_code == 201, asked.text
    rma = asked.json()["rma"]
    arrived = {"items": [{"item_no": 1, "quantity": 1}]}
    await tell(world, http, rma, "receive", **arrived)
    units = [{"item_no": 1, "quantity": 1, "disposition": "restock"}]
    await tell(world, http, rma, "inspect", units=units)
    back = Back(world, document, rma)
    await send(world, back)
    found = await closed(world, http, rma)
    assert (found["outcome"], found["exchange_minor"]) == ("exchanged", 1_000)
    assert found["parcels"] == [f"{id_of(document)}-f2"]
    listed = (await http.get("/returns", params={"state": "closed", "limit": 1})).json()
    assert len(listed["items"]) == 1


async def test_what_is_refused_or_called_off_twice_is_as_it_was_wished(
    world: World, http: httpx.AsyncClient
) -> None:
    document = await delivered(world, (await world.sku(west=5), 1))
    rma = (await ask(http, document)).json()["rma"]
    for _ in range(2):
        answer = await tell(world, http, rma, "cancel")
        assert (answer.status_code, answer.json()["outcome"]) == (200, "cancelled")
