"""The audit log: who changed what through the API, why, and what was before and after."""

from typing import Any

import pytest

from db.inbox.keys import create_key
from tests.api.test_messages import _cancel, _exception, _part, _report, _resolve, _running
from tests.api.world import Api, caller


async def _audited(api: Api, subject: str) -> list[dict[str, Any]]:
    """Oldest first, without what differs from run to run."""
    answer = await api.client.get("/audit", params={"subject": subject})
    assert answer.status_code == 200, answer.text
    rows = answer.json()["items"]
    for row in rows:
        assert row.pop("at").endswith("Z")
        assert row.pop("audit_id") > 0
        assert row.pop("subject") == subject
        assert row.pop("actor") == f"key:{api.key.key_id}"
    return rows[::-1]


async def test_a_placement_is_written_down_once(api: Api) -> None:
    document = api.document()
    await api.place(document)
    await api.place(document)
    assert await _audited(api, f"shop-{document['external_id']}") == [
        {"action": "OrderReceived", "reason": None, "before": {}, "after": {"state": "received"}}
    ]


async def test_a_cancellation_says_why(api: Api) -> None:
    order_id = await _running(api)
    await _cancel(api, order_id)
    assert await _audited(api, order_id) == [
        {
            "action": "OrderCancellationAsked",
            "reason": "changed my mind",
            "before": {"outcome": None},
            "after": {"outcome": "cancelled"},
        }
    ]


async def test_a_refusal_of_the_run_is_written_down_too(api: Api) -> None:
    order_id = await _running(api, "late")
    await _cancel(api, order_id)
    asked, refused = await _audited(api, order_id)
    assert asked["action"] == "OrderCancellationAsked"
    assert refused == {
        "action": "OrderCancellationRefused",
        "reason": None,
        "before": {},
        "after": {"code": "too_late"},
    }


async def test_the_warehouse_s_reports_are_written_down(api: Api) -> None:
    part = await _part(api)
    await _report(api, part, "picked")
    await _report(api, part, "packed")
    picked, packed = await _audited(api, part)
    assert (picked["action"], packed["action"]) == (
        "FulfillmentPickedReported",
        "FulfillmentPackedReported",
    )
    assert (picked["before"], picked["after"]) == (
        {"state": "open"},
        {"state": "picked", "lines": [[1, 2]]},
    )


async def test_a_decision_is_written_down_with_its_note(api: Api) -> None:
    _, exception_id = await _exception(api, "ok")
    await _resolve(api, exception_id, "retry")
    assert await _audited(api, exception_id) == [
        {
            "action": "ExceptionResolutionAsked",
            "reason": "looked at it",
            "before": {"state": "open"},
            "after": {"state": "resolved", "resolution": "retry"},
        }
    ]


async def test_the_log_is_read_page_by_page_newest_first_and_filtered(api: Api) -> None:
    async with api.engine.begin() as tx:
        other = await create_key(tx, "other", ["orders:write"])
    ids = []
    async with caller(api.app, other.secret) as client:
        for _ in range(5):
            document = api.document()
            placed = await client.post(
                "/orders", json=document, headers={"Idempotency-Key": document["external_id"]}
            )
            ids.append(placed.json()["order_id"])
    wanted = {"actor": f"key:{other.key_id}", "limit": "2"}
    found, cursor = [], None
    while True:
        query = wanted | ({"cursor": cursor} if cursor else {})
        page = (await api.client.get("/audit", params=query)).json()
        found += [row["subject"] for row in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == ids[::-1]
    none = await api.client.get("/audit", params=wanted | {"action": "OrderCancellationAsked"})
    assert none.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775808", "1.5", "one", ""])
async def test_a_cursor_that_names_no_row_is_refused(api: Api, number: str) -> None:
    from api.pagination import encode, fingerprint  # noqa: PLC0415 - to forge one
    from db.queries.audit_log import AuditFilter  # noqa: PLC0415

    cursor = encode(fingerprint("audit", vars(AuditFilter())), [number])
    answer = await api.client.get("/audit", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
