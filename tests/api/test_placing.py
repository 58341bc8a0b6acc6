"""POST /orders: what it answers, what it keeps, and what a repeat hears."""

import asyncio
import json

import pytest

from tests.api.world import Api
from workflows.messages import CORE_QUEUE, OrderInput


async def test_an_admitted_order_is_answered_201_and_is_in_the_inbox(api: Api) -> None:
    document = api.document()
    answer = await api.place(document)
    order_id = f"shop-{document['external_id']}"
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "order_id": order_id,
        "status": "admitted",
        "links": {"self": f"/orders/{order_id}"},
    }
    kept = await api.sql(
        "SELECT kind, state, document FROM inbox WHERE source = 'shop' AND external_id = :e",
        e=document["external_id"],
    )
    assert [(row.kind, row.state) for row in kept] == [("order", "new")]
    assert kept[0].document["lines"][0]["sku"] == "A-1"
    audit = await api.sql("SELECT actor, action FROM audit_log WHERE subject = :s", s=order_id)
    assert [tuple(row) for row in audit] == [(f"key:{api.key.key_id}", "OrderReceived")]


async def test_a_bank_slip_is_awaited(api: Api) -> None:
    answer = await api.place(api.document("slip"))
    assert (answer.status_code, answer.json()["status"]) == (201, "awaiting_payment")


@pytest.mark.parametrize(
    ("word", "status", "outcome"),
    [
        ("stock", 409, "refused_stock"),
        ("card", 402, "refused_payment"),
        ("address", 422, "refused_address"),
        ("input", 422, "rejected_input"),
    ],
)
async def test_a_refusal_is_a_problem_that_names_order_and_outcome(
    api: Api, word: str, status: int, outcome: str
) -> None:
    document = api.document(word)
    answer = await api.place(document, key=f"refusal-{word}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == body["outcome"] == outcome
    assert body["order_id"] == f"shop-{document['external_id']}"
    repeat = await api.place(document, key=f"refusal-{word}")
    assert repeat.status_code == status
    assert repeat.json() == body
    assert repeat.headers["idempotency-replayed"] == "true"


async def test_an_order_not_admitted_in_time_is_accepted_and_can_be_asked_again(api: Api) -> None:
    document = api.document("mute")
    answer = await api.place(document, key="mute-1")
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    run = api.temporal.get_workflow_handle(f"order-shop-{document['external_id']}")
    await run.signal("end")
    again = await api.place(document, key="mute-1")
    assert again.status_code == 201, again.text
    assert "idempotency-replayed" not in again.headers


async def test_respond_async_keeps_the_order_and_starts_nothing(api: Api) -> None:
    document = api.document()
    answer = await api.place(document, Prefer="respond-async")
    assert (answer.status_code, answer.json()["status"]) == (202, "accepted")
    found = await api.client.get(answer.json()["links"]["self"])
    assert found.status_code == 202
    assert found.json()["next"]["step"] == "admission"
    kept = await api.sql(
        "SELECT next_attempt_at <= now() AS due FROM inbox WHERE external_id = :e",
        e=document["external_id"],
    )
    assert kept[0].due, "the inbox loop starts it at once"


async def test_the_same_order_with_another_key_is_the_same_order(api: Api) -> None:
    document = api.document()
    first, second = await api.place(document), await api.place(document)
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


async def test_the_same_id_with_other_content_is_refused(api: Api) -> None:
    document = api.document()
    await api.place(document)
    answer = await api.place(document | {"locale": "de"})
    assert (answer.status_code, answer.json()["code"]) == (409, "content_differs")


async def test_a_repeat_with_the_same_key_hears_the_stored_answer(api: Api) -> None:
    document = api.document()
    first = await api.place(document, key="repeat-1")
    second = await api.place(document, key="repeat-1")
    assert second.json() == first.json()
    assert second.status_code == first.status_code
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_key_cannot_be_used_for_another_order(api: Api) -> None:
    await api.place(api.document(), key="reused-1")
    answer = await api.place(api.document(), key="reused-1")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


async def test_simultaneous_repeats_make_one_order(api: Api) -> None:
    document = api.document()
    answers = await asyncio.gather(*(api.place(document, key="rush-1") for _ in range(6)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert any(answer.status_code == 201 for answer in answers)
    kept = await api.sql("SELECT 1 FROM inbox WHERE external_id = :e", e=document["external_id"])
    assert len(kept) == 1


async def test_an_order_whose_run_has_ended_is_answered_from_the_record(api: Api) -> None:
    document = api.document("brief")
    assert (await api.place(document, Prefer="respond-async")).status_code == 202
    order_id = f"shop-{document['external_id']}"
    await api.temporal.execute_workflow(
        "OrderWorkflow",
        OrderInput(order_id, 1, "shop"),
        id=f"order-{order_id}",
        task_queue=CORE_QUEUE,
    )
    await api.sql(
        """
        INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
          customer_name, customer_email, ship_to, placed_at, outcome, outcome_reason, closed_at)
        VALUES (:o, 'shop', :e, 'USD', 'en', 2500, 'A', 'a@b', '{}', now(), 'refused_stock',
          'sold out', now())
        """,
        o=order_id,
        e=document["external_id"],
    )
    answer = await api.place(document)
    assert (answer.status_code, answer.json()["outcome"]) == (409, "refused_stock")
    assert answer.json()["detail"] == "sold out"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"lines": []}, "/lines"),
        ({"lines": [{"sku": "A-1", "quantity": 0, "unit_price_minor": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": -1, "unit_price_minor": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": 1.5, "unit_price_minor": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": 2.0, "unit_price_minor": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": "2", "unit_price_minor": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "A-1", "quantity": True, "unit_price_minor": 1}]}, "/lines/0/quantity"),
        ({"lines": [{"sku": "NONE", "quantity": 2, "unit_price_minor": 1000}]}, "/lines/0/sku"),
        ({"lines": [{"sku": "A\0", "quantity": 2, "unit_price_minor": 1000}]}, "/lines/0/sku"),
        ({"channel": "nowhere"}, "/channel"),
        ({"channel": "No Where"}, "/channel"),
        ({"currency": "CHF"}, "/currency"),
        ({"currency": "usd"}, "/currency"),
        ({"external_id": "a/b"}, "/external_id"),
        ({"placed_at": "yesterday"}, "/placed_at"),
        ({"placed_at": "2026-11-22T10:00:00"}, "/placed_at"),
        ({"placed_at": 1_763_805_600}, "/placed_at"),
        ({"placed_at": "1763805600"}, "/placed_at"),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, "/placed_at"),
        ({"tenders": [{"kind": "card", "amount_minor": 1, "reference": "x"}]}, "/tenders"),
        ({"tenders": [{"kind": "gold", "amount_minor": 1, "reference": "x"}]}, "/tenders/0/kind"),
        ({"charges": [{"kind": "tax", "amount_minor": 10**40}]}, "/charges/0/amount_minor"),
        ({"surprise": 1}, "/surprise"),
        ({"customer": None}, "/customer"),
        ({"customer": {"name": "A", "email": "nobody"}}, "/customer/email"),
    ],
)
async def test_a_malformed_order_is_refused_with_its_place_and_nothing_is_kept(
    api: Api, changes: dict[str, object], pointer: str
) -> None:
    document = api.document("bad") | changes
    answer = await api.place(document)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == "invalid_request"
    assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
    kept = await api.sql(
        "SELECT 1 FROM inbox WHERE external_id = :e", e=str(document["external_id"])
    )
    assert kept == []


async def test_every_fault_is_named_at_once(api: Api) -> None:
    lines = [
        {"sku": "NONE", "quantity": 1, "unit_price_minor": 1_000},
        {"sku": "NEITHER", "quantity": 1, "unit_price_minor": 1_000},
    ]
    answer = await api.place(api.document(currency="CHF", lines=lines))
    pointers = [fault["pointer"] for fault in answer.json()["errors"]]
    assert pointers == ["/currency", "/lines/0/sku", "/lines/1/sku"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'"text"',
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"channel": "\\ud800"}',
        b"[" * 5_000,
        b'{"a": ' + b"9" * 5_000 + b"}",
        json.dumps({"channel": "\0"}).encode(),
    ],
)
async def test_a_body_that_is_no_order_is_a_clear_refusal(api: Api, body: bytes) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await api.client.post("/orders", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("content_type", "said"),
    [
        ("application/x-www-form-urlencoded", "not application/x-www-form-urlencoded"),
        (None, "not none"),
        ("application/json", "the body must be a JSON object"),
    ],
)
async def test_a_body_that_was_not_sent_as_a_json_object_is_told_how(
    api: Api, content_type: str | None, said: str
) -> None:
    """What curl sends when nobody names a type is the first mistake of a first user."""
    headers = {"Idempotency-Key": "k"} | ({"Content-Type": content_type} if content_type else {})
    content = b"[]" if content_type == "application/json" else json.dumps(api.document()).encode()
    answer = await api.client.post("/orders", content=content, headers=headers)
    assert answer.status_code == 422
    assert said in answer.json()["errors"][0]["detail"]


async def test_a_fault_is_told_in_words_not_in_patterns(api: Api) -> None:
    customer = {"name": "a\0b", "email": "a@b, c@d"}
    answer = await api.place(api.document(customer=customer))
    assert [fault["detail"] for fault in answer.json()["errors"]] == [
        "the NUL character cannot be stored",
        "the e-mail address of one recipient is needed: name@host",
    ]


async def test_the_idempotency_key_is_needed(api: Api) -> None:
    answer = await api.client.post("/orders", json=api.document())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"].lower() == "idempotency-key"


async def test_a_large_body_is_refused_unread(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    declared = await api.client.post("/orders", content=b" " * 300_000, headers=headers)

    async def parts() -> object:
        for _ in range(300):
            yield b" " * 1_000

    streamed = await api.client.post("/orders", content=parts(), headers=headers)
    assert declared.status_code == streamed.status_code == 413
    assert declared.json()["code"] == "too_large"
