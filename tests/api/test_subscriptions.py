"""Merchants subscribe, change, rotate and replay over HTTP; what was given up is counted."""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any

import pytest

from api.app import create_app
from db.inbox.keys import create_key
from db.stores import orders
from domain.events import EVENT_NAMES
from tests.api.world import Api, caller

URL = "https://erp.example.com/orders"


@pytest.fixture(autouse=True)
async def nothing_waits(api: Api) -> AsyncIterator[None]:
    """Subscriptions to every event would hear of other tests' orders, too."""
    yield
    await api.sql("DELETE FROM outbox")
    await api.sql("UPDATE webhook_subscriptions SET deleted_at = now(), enabled = false")


async def subscribe(api: Api, *events: str, key: str | None = None, url: str = URL) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"url": url, "events": list(events) or ["*"]}
    return await api.client.post("/webhook-subscriptions", json=body, headers=headers)


async def tell(api: Api, order_id: str, *events: Any) -> None:
    for event in events:
        async with api.engine.begin() as tx:
            await orders.tell(tx, order_id, event)


async def audited(api: Api, subject: str) -> list[str]:
    found = await api.sql(
        "SELECT action FROM audit_log WHERE subject = :s AND actor = :a ORDER BY audit_id",
        s=subject,
        a=f"key:{api.key.key_id}",
    )
    return [each.action for each in found]


async def test_a_secret_is_shown_once(api: Api) -> None:
    made = await subscribe(api, "Delivered", "OrderClosed")
    assert made.status_code == 201
    body = made.json()
    assert body["secret"].startswith("whsec_")
    path = f"/webhook-subscriptions/{body['subscription_id']}"
    read = (await api.client.get(path)).json()
    assert read == {name: value for name, value in body.items() if name != "secret"}
    assert read["events"] == ["Delivered", "OrderClosed"]
    assert read["enabled"] is True
    page = (await api.client.get("/webhook-subscriptions")).json()
    assert read in page["items"]
    assert "whsec_" not in json.dumps(page)
    assert await audited(api, body["subscription_id"]) == ["WebhookSubscribed"]


async def test_the_same_request_makes_one_subscription(api: Api) -> None:
    first, second = await subscribe(api, key="s-1"), await subscribe(api, key="s-1")
    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    other = await subscribe(api, "Delivered", key="s-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_refused_request_leaves_nothing_and_may_be_corrected(api: Api) -> None:
    before = await api.sql("SELECT count(*) AS n FROM webhook_subscriptions")
    refused = await subscribe(api, key="s-2", url="http://erp.example.com/")
    assert refused.status_code == 422
    assert await api.sql("SELECT count(*) AS n FROM webhook_subscriptions") == before
    assert (await subscribe(api, key="s-2")).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://erp.example.com/", "events": ["*"]}, "/url"),
        ({"url": "https://127.0.0.1/", "events": ["*"]}, "/url"),
        ({"url": "https://169.254.169.254/latest", "events": ["*"]}, "/url"),
        ({"url": URL, "events": ["*", "Delivered"]}, "/events"),
        ({"url": URL, "events": []}, "/events"),
        ({"url": URL, "events": ["Devoured"]}, "/events/0"),
        ({"url": URL}, "/events"),
        ({"url": URL, "events": ["*"], "secret": "mine"}, "/secret"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(
    api: Api, body: dict[str, Any], pointer: str
) -> None:
    answer = await api.client.post("/webhook-subscriptions", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert any(each["pointer"].startswith(pointer) for each in answer.json()["errors"])


async def test_loopback_needs_its_setting(api: Api, config: Any) -> None:
    app = create_app(
        engine=api.engine,
        temporal=api.temporal,
        config=replace(config, webhooks_allow_private=True),
    )
    async with caller(app, api.key.secret) as client:
        body = {"url": "http://127.0.0.1:9/", "events": ["*"]}
        assert (await client.post("/webhook-subscriptions", json=body)).status_code == 201


async def test_only_what_is_named_changes(api: Api) -> None:
    made = (await subscribe(api, "Delivered")).json()
    path = f"/webhook-subscriptions/{made['subscription_id']}"
    changed = (await api.client.patch(path, json={"enabled": False})).json()
    assert changed == {**{n: v for n, v in made.items() if n != "secret"}, "enabled": False}
    changed = (await api.client.patch(path, json={"events": ["Lost"], "url": f"{URL}/2"})).json()
    assert (changed["events"], changed["url"], changed["enabled"]) == (["Lost"], f"{URL}/2", False)
    refused = await api.client.patch(path, json={"url": "https://10.0.0.1/"})
    assert refused.status_code == 422
    assert await audited(api, made["subscription_id"]) == [
        "WebhookSubscribed", "WebhookSubscriptionChanged", "WebhookSubscriptionChanged",
    ]  # fmt: skip


async def test_a_deleted_subscription_is_gone(api: Api) -> None:
    made = (await subscribe(api)).json()
    path = f"/webhook-subscriptions/{made['subscription_id']}"
    assert (await api.client.delete(path)).json()["status"] == "deleted"
    answers = [
        await api.client.get(path),
        await api.client.delete(path),
        await api.client.patch(path, json={"enabled": True}),
        await api.client.post(f"{path}/rotate-secret"),
        await api.client.post(f"{path}/replay", json={"since": "2026-01-01T00:00:00Z"}),
    ]
    assert {(each.status_code, each.json()["code"]) for each in answers} == {(404, "not_found")}
    kept = await api.sql(
        "SELECT 1 FROM webhook_secrets WHERE subscription_id = :s", s=made["subscription_id"]
    )
    assert kept == []


async def test_a_secret_is_rotated(api: Api) -> None:
    made = (await subscribe(api)).json()
    path = f"/webhook-subscriptions/{made['subscription_id']}/rotate-secret"
    first, second = (await api.client.post(path)).json(), (await api.client.post(path)).json()
    assert len({made["secret"], first["secret"], second["secret"]}) == 3
    valid = await api.sql(
        "SELECT secret FROM webhook_secrets WHERE subscription_id = :s ORDER BY secret_id",
        s=made["subscription_id"],
    )
    assert [each.secret for each in valid] == [made["secret"], first["secret"], second["secret"]]


# -- replays


async def dead(api: Api, subscription_id: str) -> int:
    """Give up whatever waits; return the number of the last."""
    await api.sql(
        """
        UPDATE outbox SET dead_at = now(), last_error = 'the answer is 500', attempts = 82
        WHERE subscription_id = :s
        """,
        s=subscription_id,
    )
    found = await api.sql("SELECT max(outbox_id) AS last FROM outbox")
    return int(found[0].last)


async def test_dead_letters_are_counted_listed_and_replayed(api: Api) -> None:
    made = (await subscribe(api)).json()
    order_id = await api.admitted("dead")
    await tell(api, order_id, "OrderPlaced", "Delivered")
    await api.sql(
        "INSERT INTO outbox (key, kind, payload, dead_at, last_error) "
        "VALUES ('m', 'email', '{\"to\": \"ada@example.com\"}', now(), 'refused')"
    )
    number = await dead(api, made["subscription_id"])
    page = (await api.client.get("/dead-letters", params={"limit": 2})).json()
    assert page["total"] == 3
    rest = await api.client.get("/dead-letters", params={"limit": 2, "cursor": page["next_cursor"]})
    letters = page["items"] + rest.json()["items"]
    assert len({each["dead_letter_id"] for each in letters}) == 3
    assert "ada@" not in json.dumps(letters)
    of_mail = (await api.client.get("/dead-letters", params={"kind": "email"})).json()
    assert (of_mail["total"], of_mail["items"][0]["last_error"]) == (1, "refused")
    mine = {"subscription_id": made["subscription_id"]}
    of_mine = (await api.client.get("/dead-letters", params=mine)).json()
    assert {(each["order_id"], each["type"]) for each in of_mine["items"]} == {
        (order_id, "OrderPlaced"),
        (order_id, "Delivered"),
    }

    path = f"/dead-letters/{of_mine['items'][0]['dead_letter_id']}/replay"
    assert (await api.client.post(path)).json()["status"] == "waiting"
    assert (await api.client.post(path)).status_code == 404
    assert (await api.client.get("/dead-letters")).json()["total"] == 2
    waiting = await api.sql("SELECT attempts FROM outbox WHERE dead_at IS NULL")
    assert [each.attempts for each in waiting] == [0]
    assert number > 0


async def test_the_dead_letter_of_a_deleted_subscription_stays_dead(api: Api) -> None:
    made = (await subscribe(api)).json()
    await tell(api, await api.admitted("stays"), "OrderPlaced")
    number = await dead(api, made["subscription_id"])
    await api.client.delete(f"/webhook-subscriptions/{made['subscription_id']}")
    answer = await api.client.post(f"/dead-letters/{number}/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_subscription_is_told_again_and_of_what_it_missed(api: Api) -> None:
    made = (await subscribe(api, "OrderPlaced", "Delivered")).json()
    path = f"/webhook-subscriptions/{made['subscription_id']}"
    order_id = await api.admitted("again")
    await tell(api, order_id, "OrderPlaced", "OrderPlaced", "Picked")
    await api.sql("UPDATE outbox SET delivered_at = now() WHERE sequence = 1")
    await api.client.patch(path, json={"enabled": False})
    await tell(api, order_id, "Delivered")
    await api.client.patch(path, json={"enabled": True})
    since = await api.sql(
        "SELECT min(at) AS since FROM order_events WHERE order_id = :o", o=order_id
    )
    moment = {"since": since[0].since.isoformat()}
    replayed = (await api.client.post(f"{path}/replay", json=moment)).json()
    # The first anew, the missed one for the first time; the second waits anyway.
    assert replayed["events"] == 2
    waiting = await api.sql(
        "SELECT sequence FROM outbox WHERE delivered_at IS NULL AND order_id = :o "
        "ORDER BY sequence",
        o=order_id,
    )
    assert [each.sequence for each in waiting] == [1, 2, 4]
    assert (await audited(api, made["subscription_id"]))[-1] == "WebhooksReplayed"
    later = {"since": "2199-01-01T00:00:00Z"}
    assert (await api.client.post(f"{path}/replay", json=later)).json()["events"] == 0


# -- who may


READS = ("/webhook-subscriptions", "/webhook-subscriptions/sub_0000000000000000", "/dead-letters")


async def test_reading_and_writing_are_scopes_of_their_own(api: Api) -> None:
    async with api.engine.begin() as tx:
        reader = await create_key(tx, "reader", ["webhooks:read"])
        writer = await create_key(tx, "writer", ["webhooks:write"])
        other = await create_key(tx, "other", ["orders:read", "orders:write"])
    body = {"url": URL, "events": ["*"]}
    async with caller(api.app, reader.secret) as client:
        assert {(await client.get(path)).status_code for path in READS} == {200, 404}
        assert (await client.post("/webhook-subscriptions", json=body)).status_code == 403
        assert (await client.post("/dead-letters/1/replay")).status_code == 403
    async with caller(api.app, writer.secret) as client:
        assert {(await client.get(path)).status_code for path in READS} == {403}
        assert (await client.post("/webhook-subscriptions", json=body)).status_code == 201
    async with caller(api.app, other.secret) as client:
        assert {(await client.get(path)).status_code for path in READS} == {403}


def words(schema: Any) -> Iterable[str]:
    if isinstance(schema, dict):
        yield from (word for word in schema.get("enum", []) if isinstance(word, str))
        if "const" in schema:
            yield str(schema["const"])
        for part in schema.values():
            yield from words(part)
    if isinstance(schema, list):
        for part in schema:
            yield from words(part)


def test_the_description_names_every_event(api: Api) -> None:
    schema = api.app.openapi()["components"]["schemas"]["NewSubscription"]
    assert set(words(schema)) == {"*", *EVENT_NAMES}
