"""Nothing answers without a key but what is open by name; scopes and roles bound a key."""

from dataclasses import dataclass

import pytest
from fastapi.routing import APIRoute

from api import app as api_app
from api.auth import Needs
from api.context import Context
from db.inbox.keys import create_key, revoke_key
from domain.access import ADMIN, ROLES, SCOPES
from tests.api.world import Api, caller

OPEN = {
    "GET /health", "GET /ready", "GET /docs", "GET /", "POST /webhooks/stripe",
    "POST /webhooks/easypost", "POST /webhooks/shopify",
    # The link itself is the proof.
    "GET /o/{token}", "POST /o/{token}/unsubscribe", "POST /o/{token}/subscribe",
}  # fmt: skip
# Every other route, and the one scope it asks for.
SCOPE_OF = {
    "POST /orders": "orders:write",
    "GET /orders": "orders:read",
    "GET /orders/export": "orders:read",
    "GET /views": "orders:read",
    "GET /views/{name}": "orders:read",
    "PUT /views/{name}": "admin",
    "DELETE /views/{name}": "admin",
    "GET /orders/{order_id}": "orders:read",
    "POST /orders/{order_id}/cancel": "orders:write",
    "GET /orders/{order_id}/changes": "orders:read",
    "POST /orders/{order_id}/changes": "orders:write",
    "POST /orders/{order_id}/intercept": "orders:write",
    "POST /orders/{order_id}/address": "orders:write",
    "POST /orders/{order_id}/delivery": "orders:write",
    "GET /orders/{order_id}/holds": "orders:read",
    "POST /orders/{order_id}/holds": "orders:write",
    "POST /orders/{order_id}/holds/{number}/release": "orders:write",
    "POST /orders/{order_id}/holds/{number}/correct-address": "orders:write",
    "GET /orders/{order_id}/fraud-assessment": "fraud:review",
    "GET /orders/{order_id}/documents": "orders:read",
    "GET /documents/{number}.pdf": "orders:read",
    "GET /documents/{number}.xml": "orders:read",
    "GET /fulfillments/{fulfillment_id}/packing-slip.pdf": "fulfillments:read",
    "GET /fulfillments": "fulfillments:read",
    "GET /fulfillments/{fulfillment_id}": "fulfillments:read",
    "POST /fulfillments/{fulfillment_id}/picked": "fulfillments:write",
    "POST /fulfillments/{fulfillment_id}/packed": "fulfillments:write",
    "POST /fulfillments/{fulfillment_id}/rejected": "fulfillments:write",
    "POST /fulfillments/{fulfillment_id}/collected": "fulfillments:write",
    "POST /orders/{order_id}/returns": "returns:write",
    "GET /orders/{order_id}/returns": "returns:read",
    "GET /returns": "returns:read",
    "GET /returns/{rma}": "returns:read",
    "POST /returns/{rma}/approve": "returns:handle",
    "POST /returns/{rma}/refuse": "returns:handle",
    "POST /returns/{rma}/cancel": "returns:write",
    "POST /returns/{rma}/receive": "returns:handle",
    "POST /returns/{rma}/inspect": "returns:handle",
    "GET /unmatched-goods": "returns:read",
    "POST /unmatched-goods": "returns:handle",
    "POST /unmatched-goods/{goods_id}/resolve": "returns:handle",
    "GET /exceptions": "exceptions:read",
    "GET /exceptions/{exception_id}": "exceptions:read",
    "POST /exceptions/{exception_id}/resolve": "exceptions:write",
    "GET /stock": "stock:read",
    "GET /stock/{sku:path}": "stock:read",
    "GET /ats": "stock:read",
    "GET /claims": "exceptions:read",
    "POST /claims/{fulfillment_id}/settled": "exceptions:write",
    "POST /claims/{fulfillment_id}/refused": "exceptions:write",
    "GET /count-tasks": "stock:read",
    "POST /count-tasks/{count_task_id}/counted": "fulfillments:write",
    **{
        f"{method} /{part}{place}": f"catalog:{'read' if method == 'GET' else 'write'}"
        for part in ("products", "locations", "channels", "pools", "carrier-accounts")
        for method, place in (
            ("GET", ""),
            *((m, "/{code:path}") for m in ("GET", "PUT", "PATCH", "DELETE")),
        )
    },
    "POST /imports": "catalog:write",
    "GET /imports": "catalog:read",
    "GET /imports/{import_id}": "catalog:read",
    "GET /imports/{import_id}/rejects.csv": "catalog:read",
    "GET /imports/{import_id}/rejects.jsonl": "catalog:read",
    "GET /audit": "audit:read",
    "POST /codec/decode": "codec:read",
    "POST /codec/encode": "codec:read",
    "GET /reconciliation-tasks": "exceptions:read",
    "GET /reconciliation-tasks/{task_id}": "exceptions:read",
    "POST /reconciliation-tasks/{task_id}/resolve": "exceptions:write",
    "GET /webhook-subscriptions": "webhooks:read",
    "POST /webhook-subscriptions": "webhooks:write",
    "GET /webhook-subscriptions/{subscription_id}": "webhooks:read",
    "PATCH /webhook-subscriptions/{subscription_id}": "webhooks:write",
    "DELETE /webhook-subscriptions/{subscription_id}": "webhooks:write",
    "POST /webhook-subscriptions/{subscription_id}/rotate-secret": "webhooks:write",
    "POST /webhook-subscriptions/{subscription_id}/replay": "webhooks:write",
    "GET /dead-letters": "webhooks:read",
    "POST /dead-letters/{dead_letter_id}/replay": "webhooks:write",
}
NAMED = {
    "{order_id}": "shop-nobody",
    "{number}": "1",
    "{fulfillment_id}": "shop-nobody-f1",
    "{exception_id}": "nobody",
    "{rma}": "shop-nobody-r1",
    "{goods_id}": "1",
    "{task_id}": "1",
    "{subscription_id}": "sub_nobody",
    "{dead_letter_id}": "1",
    "{sku:path}": "A-1",
    "{code:path}": "nobody",
    "{import_id}": "imp_nobody",
}


@dataclass(frozen=True)
class Call:
    method: str
    path: str


def call_of(route: str) -> Call:
    method, _, path = route.partition(" ")
    for name, value in NAMED.items():
        path = path.replace(name, value)
    return Call(method, path)


def test_every_route_is_open_by_name_or_asks_for_the_scope_of_the_table(api: Api) -> None:
    routes = [route for module in api_app._ROUTERS for route in module.router.routes]
    names = set()
    for route in routes:
        assert isinstance(route, APIRoute)
        names |= {f"{method} {route.path}" for method in route.methods}
    assert names == OPEN | set(SCOPE_OF)
    described = api.app.openapi()["paths"]
    assert set(described) <= {name.partition(" ")[2].replace(":path", "") for name in names}


@pytest.mark.parametrize("route", SCOPE_OF)
@pytest.mark.parametrize(
    "secret", [None, "x", "oms_000000000000_" + "0" * 64, "oms_000000000000_" + "0" * 64 + "\n"]
)
async def test_without_a_valid_key_there_is_no_answer(
    api: Api, route: str, secret: str | None
) -> None:
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}".encode()}
    call = call_of(route)
    async with caller(api.app, None) as client:
        answer = await client.request(call.method, call.path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("route", "scope"), SCOPE_OF.items())
async def test_a_key_opens_what_its_scopes_name(api: Api, route: str, scope: str) -> None:
    async with api.engine.begin() as tx:
        right = await create_key(tx, "right", [scope])
        wrong = await create_key(tx, "wrong", sorted(SCOPES - {scope, ADMIN}))
    call = call_of(route)
    async with caller(api.app, right.secret) as client:
        assert (await client.request(call.method, call.path)).status_code not in (401, 403)
    async with caller(api.app, wrong.secret) as client:
        answer = await client.request(call.method, call.path)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert scope in answer.json()["detail"]


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_do_exactly_what_its_scopes_say(api: Api, role: str) -> None:
    async with api.engine.begin() as tx:
        key = await create_key(tx, role, ROLES[role])
    allowed = set()
    async with caller(api.app, key.secret) as client:
        for route in SCOPE_OF:
            call = call_of(route)
            if (await client.request(call.method, call.path)).status_code != 403:
                allowed.add(route)
    expected = {route for route, scope in SCOPE_OF.items() if scope in ROLES[role]}
    assert allowed == (set(SCOPE_OF) if role == "admin" else expected)


def test_a_route_cannot_ask_for_a_scope_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no scope"):
        Needs("orders:reed")


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


@pytest.mark.parametrize("name", ["", "  ", "till\n2", "\x1b[31mred"])
async def test_a_key_s_name_can_be_read_in_a_list(api: Api, name: str) -> None:
    async with api.engine.begin() as tx:
        with pytest.raises(ValueError, match="printable"):
            await create_key(tx, name, ["orders:read"])
