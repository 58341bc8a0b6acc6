"""Reconciliation tasks over HTTP: listed with both sides, and closed by a person's word."""

import json
from typing import Any

import pytest

from db.inbox.keys import create_key
from tests.api.world import Api, caller

TASKS = "/reconciliation-tasks"


async def a_task(api: Api, **changes: Any) -> int:
    values = {
        "scope": "payments", "kind": "vendor_payments_are_ours", "subject": f"pi_{api.number()}",
        "detail": "unknown here", "state": "open", "seen_by": "r/1",
        "ours": None, "theirs": json.dumps({"status": "held"}),
    } | changes  # fmt: skip
    names = ", ".join(values)
    places = ", ".join(
        f"CAST(:{name} AS jsonb)" if name in ("ours", "theirs") else f":{name}" for name in values
    )
    ((task_id,),) = await api.sql(
        f"INSERT INTO reconciliation_tasks ({names}) VALUES ({places}) RETURNING task_id", **values
    )
    return task_id


async def test_open_tasks_are_listed_oldest_first_page_by_page_with_both_sides(api: Api) -> None:
    scope = f"orders:{api.number()}"
    made = [await a_task(api, scope=scope) for _ in range(3)]
    await a_task(api, scope=scope, state="suspected")
    wanted = {"scope": scope, "state": "open", "limit": 2}
    first = (await api.client.get(TASKS, params=wanted)).json()
    assert [task["task_id"] for task in first["items"]] == made[:2]
    assert (first["items"][0]["ours"], first["items"][0]["theirs"]) == (None, {"status": "held"})
    second = await api.client.get(TASKS, params=wanted | {"cursor": first["next_cursor"]})
    assert [task["task_id"] for task in second.json()["items"]] == made[2:]
    assert second.json()["next_cursor"] is None
    other = await api.client.get(
        TASKS, params={"scope": scope, "kind": "x", "cursor": first["next_cursor"]}
    )
    assert other.json()["code"] == "invalid_cursor"
    none = await api.client.get(TASKS, params={"scope": scope, "kind": "no_run_failed"})
    assert none.json()["items"] == []


async def test_a_task_is_resolved_once_with_a_note_and_written_down(api: Api) -> None:
    task_id = await a_task(api)
    note, key = {"note": "refunded by hand"}, {"Idempotency-Key": f"settle-{task_id}"}
    path = f"{TASKS}/{task_id}/resolve"
    for _ in range(2):
        answer = await api.client.post(path, json=note, headers=key)
        assert (answer.status_code, answer.json()["status"]) == (200, "resolved")
    again = await api.client.post(path, json=note)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    task = (await api.client.get(f"{TASKS}/{task_id}")).json()
    assert (task["state"], task["resolution"], task["note"]) == (
        "resolved", "settled", "refunded by hand",
    )  # fmt: skip
    assert task["resolved_by"] == f"key:{api.key.key_id}"
    audited = await api.sql(
        "SELECT actor FROM audit_log WHERE action = 'ReconciliationTaskResolved' AND subject = :s",
        s=str(task_id),
    )
    assert [tuple(each) for each in audited] == [(task["resolved_by"],)]


async def test_a_task_needs_its_note_and_must_be_there(api: Api) -> None:
    task_id = await a_task(api)
    silent = await api.client.post(f"{TASKS}/{task_id}/resolve", json={})
    assert silent.status_code == 422
    suspected = await a_task(api, state="suspected")
    for number in (suspected, 999_999, 0, "x", 2**63):
        unknown = await api.client.post(f"{TASKS}/{number}/resolve", json={"note": "n"})
        assert unknown.status_code == 404, number
        assert (await api.client.get(f"{TASKS}/{number}")).status_code == 404


@pytest.mark.parametrize("scopes", [["exceptions:read"], ["exceptions:write"]])
async def test_reading_and_resolving_need_their_scopes(api: Api, scopes: list[str]) -> None:
    task_id = await a_task(api)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "half", scopes)
    async with caller(api.app, key.secret) as client:
        read = (await client.get(TASKS)).status_code
        resolved = await client.post(f"{TASKS}/{task_id}/resolve", json={"note": "n"})
    allowed = {"exceptions:read": (200, 403), "exceptions:write": (403, 200)}
    assert (read, resolved.status_code) == allowed[scopes[0]]


async def test_overdue_exceptions_are_listed_and_say_when_their_owner_was_told(api: Api) -> None:
    order_id = await api.admitted("overdue")
    for name, deadline in (("late", "2020-01-01"), ("in-time", "2190-01-01")):
        await api.sql(
            """
            INSERT INTO exceptions (exception_id, workflow_id, order_id, step, reason, detail,
                owner, deadline, escalated_at, resolutions, state)
            VALUES (:name, 'w', :order_id, 'pick', 'pick_overdue', 'd', 'operations',
                CAST(:deadline AS timestamptz), '2020-01-02', '{retry}', 'open')
            """,
            name=f"{order_id}-{name}", order_id=order_id, deadline=deadline,
        )  # fmt: skip
    listed = {}
    for overdue in ("true", "false"):
        answer = await api.client.get("/exceptions", params={"overdue": overdue, "limit": 200})
        listed[overdue] = {each["exception_id"]: each for each in answer.json()["items"]}
    late = listed["true"][f"{order_id}-late"]
    assert (late["overdue"], late["escalated_at"]) == (True, "2020-01-02T00:00:00Z")
    assert f"{order_id}-late" not in listed["false"]
    assert not listed["false"][f"{order_id}-in-time"]["overdue"]
    order = (await api.client.get(f"/orders/{order_id}")).json()
    assert [each["overdue"] for each in order["exceptions"]] == [True, False]
