"""Signed webhooks are kept once and acknowledged; others are refused and leave nothing."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest

from api.app import ApiConfig, create_app
from api.rate import Rate
from tests.api.world import SECRETS, Api, caller
from tests.counting import counted

NOW_S = 1_800_000_000


def _sha256(secret: str, signed: bytes) -> hmac.HMAC:
    return hmac.new(secret.encode(), signed, hashlib.sha256)


def _signed(vendor: str, payload: bytes, secret: str | None = None) -> dict[str, str]:
    secret = secret or SECRETS[vendor]
    if vendor == "stripe":
        signature = _sha256(secret, f"{NOW_S}.".encode() + payload).hexdigest()
        return {"Stripe-Signature": f"t={NOW_S},v1={signature}"}
    if vendor == "easypost":
        return {"X-Hmac-Signature": f"hmac-sha256-hex={_sha256(secret, payload).hexdigest()}"}
    digest = base64.b64encode(_sha256(secret, payload).digest()).decode()
    return {"X-Shopify-Hmac-Sha256": digest, "X-Shopify-Topic": "orders/create"}


def _event(vendor: str, event_id: str) -> dict[str, Any]:
    if vendor == "stripe":
        intent = {"id": "pi_1", "object": "payment_intent", "amount": 5, "currency": "usd"}
        return {
            "id": event_id,
            "object": "event",
            "type": "account.updated",
            "created": NOW_S,
            "data": {"object": intent},
        }
    if vendor == "easypost":
        return {
            "id": event_id,
            "object": "Event",
            "description": "batch.created",
            "mode": "test",
            "status": "completed",
            "result": {},
        }
    return _shop_order(event_id)


def _shop_order(number: str, sku: str | None = "A-1") -> dict[str, Any]:
    tenders = [{"kind": "card", "amount_minor": 2000, "reference": "pm_card_visa"}]
    address = {
        "name": "Ada Buyer", "address1": "1 Main Street", "city": "Springfield", "zip": "62701",
        "country_code": "US", "province_code": "IL",
    }  # fmt: skip
    line = {
        "id": 1, "sku": sku, "quantity": 2, "price": "10.00", "tax_lines": [],
        "discount_allocations": [],
    }  # fmt: skip
    return {
        "id": int(number),
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "created_at": "2026-11-22T10:00:00Z",
        "processed_at": "2026-11-22T10:00:00Z",
        "currency": "USD",
        "email": "ada@example.com",
        "financial_status": "paid",
        "shipping_address": address,
        "billing_address": address,
        "line_items": [line],
        "shipping_lines": [],
        "taxes_included": False,
        "total_tax": "0.00",
        "total_discounts": "0.00",
        "total_tip_received": "0.00",
        "total_price": "20.00",
        "payment_gateway_names": ["bogus"],
        "note_attributes": [{"name": "cauce_tenders", "value": json.dumps(tenders)}],
    }


async def _post(api: Api, vendor: str, payload: bytes, headers: dict[str, str]) -> Any:
    async with caller(api.app, None) as client:
        return await client.post(f"/webhooks/{vendor}", content=payload, headers=headers)


async def _kept(api: Api, **named: str) -> list[Any]:
    where = " AND ".join(f"{name} = :{name}" for name in named)
    found = await api.sql(
        f"SELECT state, document, note, next_attempt_at <= now() AS due FROM inbox WHERE {where}",
        **named,
    )
    return list(found)


@pytest.mark.parametrize("vendor", ["stripe", "easypost"])
async def test_a_signed_event_is_kept_once(api: Api, vendor: str) -> None:
    payload = json.dumps(_event(vendor, f"evt_{vendor}")).encode()
    first = await _post(api, vendor, payload, _signed(vendor, payload))
    second = await _post(api, vendor, payload, _signed(vendor, payload))
    assert first.status_code == second.status_code == 200, first.text
    assert [first.json()["status"], second.json()["status"]] == ["taken", "repeat"]
    kept = await _kept(api, source=vendor, kind="webhook", external_id=f"evt_{vendor}")
    assert [row.document["id"] for row in kept] == [f"evt_{vendor}"]


def _payment(key: str) -> dict[str, Any]:
    intent = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 5,
              "amount_received": 5, "currency": "usd", "created": NOW_S,
              "metadata": {"order": "shop-1", "key": key}}  # fmt: skip
    told = {"type": "payment_intent.succeeded", "data": {"object": intent}}
    return _event("stripe", "evt") | told


def _scanned() -> dict[str, Any]:
    tracker = {"id": "trk_1", "tracking_code": "T", "status": "in_transit"}
    return _event("easypost", "evt") | {"description": "tracker.updated", "result": tracker}


@pytest.mark.parametrize(
    ("vendor", "event", "state"),
    [
        ("stripe", _payment("shop-1:t1:slip:1"), "new"),
        ("stripe", _payment("shop-1:t1:authorize:1"), "handled"),
        ("stripe", _event("stripe", "evt"), "handled"),
        ("easypost", _scanned(), "new"),
        ("easypost", _event("easypost", "evt"), "handled"),
        ("shopify", {"id": 9}, "handled"),
    ],
    ids=["slip", "card", "account", "scan", "batch", "refund"],
)
async def test_an_event_is_kept_in_one_statement_and_waits_only_when_it_is_news(
    api: Api, vendor: str, event: dict[str, Any], state: str, request: pytest.FixtureRequest
) -> None:
    name = f"evt_{request.node.callspec.id}"
    payload = json.dumps(event | {"id": name}).encode()
    headers = _signed(vendor, payload)
    if vendor == "shopify":
        headers |= {"X-Shopify-Topic": "refunds/create"}
        name = f"refunds/create:{hashlib.sha256(payload).hexdigest()}"
    with counted(api.engine) as statements:
        assert (await _post(api, vendor, payload, headers)).json()["status"] == "taken"
    assert len(statements) == 1
    kept = await api.sql(
        "SELECT state, handled_at IS NOT NULL AS is_over FROM inbox WHERE external_id = :e", e=name
    )
    assert [tuple(row) for row in kept] == [(state, state == "handled")]


@pytest.mark.parametrize("vendor", ["stripe", "easypost", "shopify"])
async def test_an_older_secret_still_counts_while_it_is_replaced(api: Api, vendor: str) -> None:
    payload = json.dumps(_event(vendor, "4711")).encode()
    answer = await _post(api, vendor, payload, _signed(vendor, payload, "old"))
    assert (answer.status_code, answer.json()["status"]) == (200, "taken")


@pytest.mark.parametrize("signed_at", [NOW_S - 301, NOW_S + 301])
async def test_what_stripe_signed_long_ago_is_refused_and_leaves_nothing(
    api: Api, signed_at: int
) -> None:
    payload = json.dumps(_event("stripe", "evt_stale")).encode()
    digest = _sha256(SECRETS["stripe"], f"{signed_at}.".encode() + payload).hexdigest()
    answer = await _post(api, "stripe", payload, {"Stripe-Signature": f"t={signed_at},v1={digest}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert await _kept(api, external_id="evt_stale") == []


async def test_a_replay_of_the_shop_under_another_event_id_is_a_repeat(api: Api) -> None:
    """Their event id is not among what they sign."""
    payload = json.dumps({"id": 8}).encode()
    topic = {"X-Shopify-Topic": "refunds/create"}
    said = []
    for event_id in ("e-1", "e-2"):
        headers = _signed("shopify", payload) | topic | {"X-Shopify-Event-Id": event_id}
        said.append((await _post(api, "shopify", payload, headers)).json()["status"])
    assert said == ["taken", "repeat"]


async def test_too_many_wrong_signatures_are_sent_away_and_right_ones_are_not(
    api: Api, config: ApiConfig
) -> None:
    strict = replace(config.limits, failure_rate=Rate(per_s=0.001, burst=2))
    app = create_app(
        engine=api.engine, temporal=api.temporal, config=replace(config, limits=strict)
    )
    payload = json.dumps(_event("stripe", "evt_amid")).encode()
    async with caller(app, None) as client:
        answers = [await client.post("/webhooks/stripe", content=payload) for _ in range(3)]
        right = await client.post(
            "/webhooks/stripe", content=payload, headers=_signed("stripe", payload)
        )
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[2].headers["retry-after"]) > 0
    assert right.json()["status"] == "taken"


@pytest.mark.parametrize("vendor", ["stripe", "easypost", "shopify"])
@pytest.mark.parametrize("fault", ["secret", "body", "missing", "garbage"])
async def test_a_wrong_signature_is_refused(api: Api, vendor: str, fault: str) -> None:
    payload = json.dumps(_event(vendor, "424242")).encode()
    headers = _signed(vendor, payload, "another" if fault == "secret" else None)
    if fault == "missing":
        headers = {}
    if fault == "garbage":
        headers = dict.fromkeys(headers, "t=x,v1=zz=")
    sent = payload + b" " if fault == "body" else payload
    answer = await _post(api, vendor, sent, headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature")
    assert await _kept(api, external_id="424242") == []


@pytest.mark.parametrize("vendor", ["stripe", "easypost", "shopify"])
@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 3_000])
async def test_a_signed_body_that_is_no_event_is_unreadable(
    api: Api, vendor: str, payload: bytes
) -> None:
    answer = await _post(api, vendor, payload, _signed(vendor, payload))
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable_webhook")


async def test_a_nul_in_a_signed_event_does_not_lose_it(api: Api) -> None:
    event = _event("stripe", "evt_nul") | {"note": "a\0b\ud800"}
    payload = json.dumps(event).replace("\\ud800", "").encode()
    assert (await _post(api, "stripe", payload, _signed("stripe", payload))).status_code == 200
    assert (await _kept(api, external_id="evt_nul"))[0].document[
        "note"
    ] == "a\N{REPLACEMENT CHARACTER}b"


async def test_an_order_of_the_shop_enters_as_a_canonical_document_once(api: Api) -> None:
    payload = json.dumps(_shop_order("5001")).encode()
    first = await _post(api, "shopify", payload, _signed("shopify", payload))
    assert first.status_code == 200, first.text
    paid = {**_signed("shopify", payload), "X-Shopify-Topic": "orders/paid"}
    assert (await _post(api, "shopify", payload, paid)).json()["status"] == "repeat"
    kept = await _kept(api, source="shopify", kind="order", external_id="5001")
    assert [(row.state, row.due) for row in kept] == [("new", True)]
    assert kept[0].document["channel"] == "shopify"
    assert kept[0].document["lines"][0]["sku"] == "A-1"
    audited = await api.sql("SELECT actor FROM audit_log WHERE subject = 'shopify-5001'")
    assert [row.actor for row in audited] == ["webhook:shopify"]


async def test_a_changed_order_of_the_shop_leaves_the_first(api: Api) -> None:
    for price in ("20.00", "20.00"):
        order = _shop_order("5002") | {"total_price": price, "email": f"{price}@example.com"}
        payload = json.dumps(order).encode()
        await _post(api, "shopify", payload, _signed("shopify", payload))
    changed = json.dumps(_shop_order("5002") | {"email": "other@example.com"}).encode()
    answer = await _post(api, "shopify", changed, _signed("shopify", changed))
    assert (answer.status_code, answer.json()["status"]) == (200, "repeat")
    kept = await _kept(api, source="shopify", kind="order", external_id="5002")
    assert kept[0].document["customer"]["email"] == "20.00@example.com"


async def test_an_order_of_the_shop_that_cannot_be_read_is_kept_as_rejected(api: Api) -> None:
    payload = json.dumps(_shop_order("5003") | {"line_items": []}).encode()
    assert (await _post(api, "shopify", payload, _signed("shopify", payload))).status_code == 200
    kept = await _kept(api, source="shopify", kind="order", external_id="5003")
    assert [row.state for row in kept] == ["rejected"]
    assert kept[0].note
    seen = await api.client.get("/orders/shopify-5003")
    assert (seen.status_code, seen.json()["outcome"]) == (200, "rejected_input")


async def test_an_unpaid_order_of_the_shop_leaves_its_place_free(api: Api) -> None:
    waiting = json.dumps(_shop_order("5004") | {"financial_status": "pending"}).encode()
    assert (await _post(api, "shopify", waiting, _signed("shopify", waiting))).status_code == 200
    assert await _kept(api, source="shopify", kind="order", external_id="5004") == []
    paid = json.dumps(_shop_order("5004")).encode()
    assert (await _post(api, "shopify", paid, _signed("shopify", paid))).json()["status"] == "taken"


async def test_other_topics_are_kept(api: Api) -> None:
    payload = json.dumps({"id": 7}).encode()
    headers = _signed("shopify", payload) | {
        "X-Shopify-Topic": "orders/cancelled",
    }
    assert (await _post(api, "shopify", payload, headers)).status_code == 200
    event_id = f"orders/cancelled:{hashlib.sha256(payload).hexdigest()}"
    kept = await _kept(api, source="shopify", kind="webhook", external_id=event_id)
    assert kept[0].document == {"topic": "orders/cancelled", "payload": {"id": 7}}


async def _tell(api: Api, order: dict[str, Any], topic: str = "orders/create") -> str:
    payload = json.dumps(order).encode()
    headers = _signed("shopify", payload) | {"X-Shopify-Topic": topic}
    answer = await _post(api, "shopify", payload, headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["status"])


async def _audited(api: Api, order_id: str) -> list[tuple[Any, ...]]:
    statement = "SELECT actor, action FROM audit_log WHERE subject = :s ORDER BY audit_id"
    found = await api.sql(statement, s=order_id)
    return [tuple(row) for row in found]


CANCELLED = {"cancelled_at": "2026-11-22T11:00:00Z", "financial_status": "refunded"}


async def test_a_cancellation_of_a_known_order_is_kept_once_however_it_is_told(api: Api) -> None:
    order = _shop_order("5005")
    assert await _tell(api, order) == "taken"
    topics = ("orders/updated", "orders/cancelled", "orders/cancelled", "orders/paid")
    said = [
        await _tell(api, order | CANCELLED | {"note": str(number)}, topic)
        for number, topic in enumerate(topics)
    ]
    assert said == ["taken", "repeat", "repeat", "repeat"]
    kept = await _kept(api, source="channel", kind="webhook", external_id="cancelled:shopify-5005")
    assert [(row.state, row.due) for row in kept] == [("new", True)]
    assert kept[0].document == {"channel": "shopify", "external_id": "5005"}
    (document,) = await _kept(api, source="shopify", kind="order", external_id="5005")
    assert document.state == "new"
    assert await _audited(api, "shopify-5005") == [
        ("webhook:shopify", "OrderReceived"),
        ("webhook:shopify", "OrderCancellationAsked"),
    ]


async def test_an_order_cancelled_before_it_came_is_found_and_never_taken(api: Api) -> None:
    """The shop's webhooks come in any order: what it said first may come last."""
    order = _shop_order("5006")
    assert await _tell(api, order | CANCELLED, "orders/cancelled") == "taken"
    assert await _tell(api, order) == "repeat"
    assert await _tell(api, order | {"line_items": []}) == "repeat"
    assert await _tell(api, order | CANCELLED, "orders/updated") == "repeat"
    kept = await _kept(api, source="shopify", kind="order", external_id="5006")
    assert [(row.state, row.note) for row in kept] == [("rejected", "cancelled at the channel")]
    assert await _kept(api, external_id="cancelled:shopify-5006") == []
    seen = await api.client.get("/orders/shopify-5006")
    assert (seen.status_code, seen.json()["outcome"]) == (200, "rejected_input")
    assert await _audited(api, "shopify-5006") == [("webhook:shopify", "OrderReceived")]


async def test_what_was_refused_for_a_fault_is_not_taken_once_it_is_cancelled(api: Api) -> None:
    order = _shop_order("5007")
    assert await _tell(api, order | {"line_items": []}) == "taken"
    assert await _tell(api, order | CANCELLED, "orders/cancelled") == "taken"
    assert await _tell(api, order) == "repeat"
    kept = await _kept(api, source="shopify", kind="order", external_id="5007")
    assert [(row.state, row.note) for row in kept] == [("rejected", "cancelled at the channel")]


async def test_nothing_of_the_buyer_is_kept_with_a_cancellation(api: Api) -> None:
    await _tell(api, _shop_order("5008") | CANCELLED, "orders/cancelled")
    (row,) = await _kept(api, source="shopify", external_id="5008")
    assert row.document == {"external_id": "5008", "reason": "cancelled at the channel"}
