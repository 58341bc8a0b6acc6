"""Nothing answers without a key but health, readiness and signed webhooks; scopes bound a key."""

import pytest

from api.context import Context
from db.inbox import keys
from db.inbox.keys import create_key, revoke_key
from tests.api.world import Api, caller

OPEN = {"/health", "/ready", "/docs", "/", "/openapi.json"}
READS = {
    "/orders": "orders:read",
    "/orders/shop-1": "orders:read",
    "/fulfillments": "fulfillments:read",
    "/exceptions": "exceptions:read",
    "/stock": "stock:read",
    "/ats?channel=shop&sku=A-1": "stock:read",
}


def test_every_route_but_the_open_ones_asks_for_a_key(api: Api) -> None:
    asked = {}
    for path, operations in api.app.openapi()["paths"].items():
        for operation in operations.values():
            asked[path] = bool(operation.get("security"))
    unasked = {path for path, is_asked in asked.items() if not is_asked}
    signed = {f"/webhooks/{vendor}" for vendor in ("stripe", "easypost", "shopify")}
    assert unasked == (OPEN & set(asked)) | signed


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize(
    "secret", [None, "x", "oms_000000000000_" + "0" * 64, "oms_000000000000_" + "0" * 64 + "\n"]
)
async def test_without_a_valid_key_there_is_no_answer(
    api: Api, path: str, secret: str | None
) -> None:
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}".encode()}
    async with caller(api.app, None) as client:
        answer = await client.get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "scope"), READS.items())
async def test_a_key_opens_what_its_scopes_name(api: Api, path: str, scope: str) -> None:
    others = sorted(keys.SCOPES - {scope, keys.ADMIN})
    async with api.engine.begin() as tx:
        right = await create_key(tx, "right", [scope])
        wrong = await create_key(tx, "wrong", others)
    async with caller(api.app, right.secret) as client:
        assert (await client.get(path)).status_code != 403
    async with caller(api.app, wrong.secret) as client:
        answer = await client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert scope in answer.json()["detail"]


async def test_reading_does_not_allow_writing(api: Api) -> None:
    async with api.engine.begin() as tx:
        reader = await create_key(tx, "reader", ["orders:read", "fulfillments:read"])
    async with caller(api.app, reader.secret) as client:
        placed = await client.post(
            "/orders", json=api.document(), headers={"Idempotency-Key": "reader"}
        )
        cancelled = await client.post("/orders/shop-1/cancel", json={"reason": "x"})
    assert placed.status_code == cancelled.status_code == 403


async def test_a_revoked_key_is_refused_once_it_is_forgotten(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api.engine.begin() as tx:
        key = await create_key(tx, "short", ["stock:read"])
    async with caller(api.app, key.secret) as client:
        assert (await client.get("/stock")).status_code == 200
        async with api.engine.begin() as tx:
            assert await revoke_key(tx, key.key_id)
        context = api.app.state.context
        assert isinstance(context, Context)
        context.keys._seen.clear()
        assert (await client.get("/stock")).status_code == 401
