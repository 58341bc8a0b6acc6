"""Returns over HTTP with real workers: previewed, asked for, refused, reported on, read."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from api.app import ApiConfig, create_app
from db.inbox.keys import create_key
from tests.api.world import caller
from tests.workflows.conftest import World
from tests.workflows.test_returns import delivered


@pytest.fixture(scope="module")
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.engine.begin() as tx:
        key = await create_key(tx, "returns", ["returns:read", "returns:write", "orders:read"])
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
            {"c": channel, "r": __import__("json").dumps(rules)},
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
    rma = (await ask(http, document)).json()["rma"]
    arrived = {"items": [{"item_no": 9, "quantity": 1}]}
    assert (await http.post(f"/returns/{rma}/receive", json=arrived)).status_code == 422
