"""Holds over HTTP: seen on orders and in lists, placed and released as messages to the run."""

from typing import Any

import pytest

from db.inbox.keys import create_key
from tests.api.world import Api, caller
from workflows.messages import CORE_QUEUE, OrderInput

REASON = "Ada says she is away"
ENDED: dict[str, Any] = {"closed_at": "2026-11-25", "next_step": None, "next_deadline": None}


async def running(api: Api, word: str = "ok") -> str:
    """An open order whose run is there."""
    order_id = await api.admitted(word)
    await api.temporal.start_workflow(
        "OrderWorkflow",
        OrderInput(order_id, 1, "shop"),
        id=f"order-{order_id}",
        task_queue=CORE_QUEUE,
    )
    return order_id


async def hold(api: Api, order_id: str, kind: str = "customer_request", **more: Any) -> None:
    row = {"state": "open", "deadline": "2026-11-26T10:00:00Z", "key": f"k{api.number()}"} | more
    await api.sql(
        """
        INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,
          placed_by, ended_at)
        VALUES (:o, (SELECT count(*) + 1 FROM holds WHERE order_id = :o), :key, :kind,
          '{routing}', 'support', 'release', :state, :deadline, 'system',
          CASE WHEN :state <> 'open' THEN now() END)
        """,
        o=order_id,
        kind=kind,
        **row,
    )


async def place(api: Api, order_id: str, key: str | None = None, **body: Any) -> Any:
    asked = {"kind": "customer_request", "reason": REASON} | body
    headers = {"Idempotency-Key": key} if key else {}
    return await api.client.post(f"/orders/{order_id}/holds", json=asked, headers=headers)


async def release(api: Api, order_id: str, number: int = 1) -> Any:
    path = f"/orders/{order_id}/holds/{number}/release"
    return await api.client.post(path, json={"reason": "spoke to her"})


async def test_a_hold_is_placed_once_for_a_key_and_audited_with_its_reason(api: Api) -> None:
    order_id = await running(api)
    answers = [await place(api, order_id, "hold-once") for _ in range(2)]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"order_id": order_id, "number": 1, "status": "placed"}
    page = (await api.client.get("/audit", params={"subject": order_id})).json()["items"]
    [row] = page
    assert (row["action"], row["reason"]) == ("HoldPlacingAsked", REASON)
    assert row["after"]["kind"] == "customer_request"
    log = await api.sql("SELECT * FROM audit_log WHERE subject = :s", s=order_id)
    assert REASON not in str(log), "words stay where they can be erased"


async def test_the_run_is_told_ids_and_no_words(api: Api) -> None:
    order_id = await running(api)
    await place(api, order_id)
    handle = api.temporal.get_workflow_handle(f"order-{order_id}")
    told = [event async for event in handle.fetch_history_events()]
    assert REASON.encode() not in b"".join(event.SerializeToString() for event in told)


async def test_a_hold_that_comes_too_late_is_refused_and_that_is_audited(api: Api) -> None:
    order_id = await running(api, "late")
    answer = await place(api, order_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
    audit = await api.sql(
        "SELECT action FROM audit_log WHERE subject = :s ORDER BY audit_id", s=order_id
    )
    assert [row.action for row in audit] == ["HoldPlacingAsked", "HoldPlacingRefused"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "grace_period"}, "/kind"),
        ({"reason": ""}, "/reason"),
        ({"until": "2020-01-01T00:00:00Z"}, "/until"),
        ({"until": "2100-01-01T00:00:00Z"}, "/until"),
        ({"until": "tomorrow"}, "/until"),
    ],
)
async def test_what_nobody_can_ask_for_is_invalid(
    api: Api, body: dict[str, Any], pointer: str
) -> None:
    answer = await place(api, "shop-x", **body)
    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


async def test_closed_and_unknown_orders_and_holds_are_refused(api: Api) -> None:
    closed = await api.admitted("ended", outcome="delivered", **ENDED)
    await hold(api, closed, state="closed")
    answers = [await place(api, closed), await release(api, closed)]
    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "too_late")] * 2
    order_id = await running(api)
    missing = [
        await place(api, "shop-nobody"),
        await release(api, order_id, 7),
        await api.client.get("/orders/shop-nobody/holds"),
        await api.client.get(f"/orders/{order_id}/fraud-assessment"),
    ]
    assert [answer.status_code for answer in missing] == [404] * 4
    received = await api.place(kept := api.document("kept"), Prefer="respond-async")
    assert received.status_code == 202
    for waits in (await api.admitted("idle"), f"shop-{kept['external_id']}"):
        waiting = await place(api, waits)
        assert (waiting.status_code, waiting.json()["code"]) == (404, "not_started")


async def test_a_hold_is_released_while_it_is_open(api: Api) -> None:
    order_id = await running(api)
    await hold(api, order_id)
    await hold(api, order_id, state="released")
    answer = await release(api, order_id)
    assert answer.json() == {"order_id": order_id, "number": 1, "status": "released"}
    [row] = (await api.client.get("/audit", params={"subject": order_id})).json()["items"]
    assert (row["action"], row["before"], row["reason"]) == (
        "HoldReleaseAsked", {"state": "open"}, "spoke to her",
    )  # fmt: skip
    again = await release(api, order_id, 2)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_fraud_review_is_released_by_reviewers_alone(api: Api) -> None:
    order_id = await running(api)
    await hold(api, order_id, "fraud_review")
    path = f"/orders/{order_id}/holds/1/release"
    async with api.engine.begin() as tx:
        keys = [
            await create_key(tx, "some", scopes)
            for scopes in (["orders:write"], ["orders:write", "fraud:review"])
        ]
    found = []
    for key in keys:
        async with caller(api.app, key.secret) as client:
            answer = await client.post(path, json={"reason": "looked"})
            found.append((answer.status_code, answer.json().get("code")))
    assert found == [(403, "forbidden"), (200, None)]


async def test_open_holds_are_the_orders_next_step_and_found_in_lists(api: Api) -> None:
    order_id = await api.admitted("held")
    await hold(api, order_id, "channel_hold")
    await hold(api, order_id, "fraud_review", state="released")
    view = (await api.client.get(f"/orders/{order_id}")).json()
    assert [(each["kind"], each["state"]) for each in view["holds"]] == [
        ("channel_hold", "open"), ("fraud_review", "released"),
    ]  # fmt: skip
    assert view["timeline"][-1]["step"] == "release hold 1: channel_hold"
    assert view["timeline"][-1]["deadline"] == "2026-11-26T10:00:00Z"
    listed = (await api.client.get(f"/orders/{order_id}/holds")).json()["items"]
    assert listed == view["holds"]

    async def ids(kind: str) -> set[str]:
        page = (await api.client.get("/orders", params={"hold": kind, "limit": 200})).json()
        return {item["order_id"] for item in page["items"]}

    assert order_id in await ids("channel_hold")
    assert order_id in await ids("any")
    assert order_id not in await ids("fraud_review")
    assert (await api.client.get("/orders", params={"hold": "x"})).status_code == 422


@pytest.mark.parametrize(("word", "status"), [("ok", "deliverable"), ("wrong", "undeliverable")])
async def test_a_corrected_address_stays_in_our_database(api: Api, word: str, status: str) -> None:
    order_id = await running(api, word)
    await hold(api, order_id, "address_problem")
    await hold(api, order_id, "channel_hold")
    to = api.document()["ship_to"] | {"line1": "2 Better Street"}
    path = f"/orders/{order_id}/holds/{{}}/correct-address"
    answer = await api.client.post(path.format(1), json={"ship_to": to})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"order_id": order_id, "status": status}
    [kept] = await api.sql("SELECT * FROM address_corrections WHERE order_id = :o", o=order_id)
    assert (kept.address["line1"], kept.applied_at) == ("2 Better Street", None)
    log = await api.sql("SELECT * FROM audit_log WHERE subject = :s", s=order_id)
    assert "Better Street" not in str(log)
    other = await api.client.post(path.format(2), json={"ship_to": to})
    assert (other.status_code, other.json()["code"]) == (409, "wrong_state")


async def test_an_assessment_shows_its_facts_and_what_each_adds(api: Api) -> None:
    order_id = await api.admitted("scored")
    await api.sql(
        """
        INSERT INTO fraud_assessments (order_id, score, review_from, facts)
        VALUES (:o, 40, 50,
          '{"total_minor": 5, "is_first_order": true, "mail_is_disposable": true}')
        """,
        o=order_id,
    )
    answer = await api.client.get(f"/orders/{order_id}/fraud-assessment")
    assert answer.status_code == 200, answer.text
    assert answer.json()["points"] == {"first_order": 10, "disposable_mail": 30}


async def test_an_order_without_a_country_of_billing_hashes_as_it_always_did(api: Api) -> None:
    document = api.document("billed")
    await api.place(document)
    [kept] = await api.sql(
        "SELECT document FROM inbox WHERE external_id = :e", e=document["external_id"]
    )
    assert "country" not in kept.document["customer"]
    document = api.document("billed")
    document["customer"] = document["customer"] | {"country": "BR"}
    await api.place(document)
    [kept] = await api.sql(
        "SELECT document FROM inbox WHERE external_id = :e", e=document["external_id"]
    )
    assert kept.document["customer"]["country"] == "BR"
