"""Cancelling, reporting warehouse work and resolving exceptions: what reaches the runs."""

from typing import Any

import pytest

from tests.api.doubles import PartInput
from tests.api.world import Api
from workflows.messages import CORE_QUEUE, LinesDone, OrderInput, ResolveException


async def _running(api: Api, word: str = "ok") -> str:
    """An open order whose run is there."""
    order_id = await api.admitted(word)
    await api.temporal.start_workflow(
        "OrderWorkflow",
        OrderInput(order_id, 1, "shop"),
        id=f"order-{order_id}",
        task_queue=CORE_QUEUE,
    )
    return order_id


async def _cancel(api: Api, order_id: str, **headers: str) -> Any:
    body = {"reason": "changed my mind"}
    return await api.client.post(f"/orders/{order_id}/cancel", json=body, headers=headers)


@pytest.mark.parametrize(("word", "result"), [("ok", "cancelled"), ("partly", "partly")])
async def test_a_cancellation_is_answered_with_what_it_could_stop(
    api: Api, word: str, result: str
) -> None:
    order_id = await _running(api, word)
    answer = await _cancel(api, order_id)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"order_id": order_id, "result": result}
    audit = await api.sql("SELECT action FROM audit_log WHERE subject = :s", s=order_id)
    assert [row.action for row in audit] == ["OrderCancellationAsked"]
    said = await api.sql("SELECT about, text FROM remarks WHERE subject = :s", s=order_id)
    assert [tuple(remark) for remark in said] == [("cancelled", "changed my mind")]


async def _kept(api: Api, order_id: str) -> list[tuple[str, str | None]]:
    """State and note of each cancellation of the order in the inbox."""
    found = await api.sql(
        "SELECT state, note FROM inbox WHERE source = 'api'"
        " AND starts_with(external_id, 'cancel:' || :o || ':') ORDER BY inbox_id",
        o=order_id,
    )
    return [tuple(each) for each in found]


@pytest.mark.parametrize("word", ["gone", "late"])
async def test_a_cancellation_that_stops_nothing_is_too_late(api: Api, word: str) -> None:
    order_id = await _running(api, word)
    answer = await _cancel(api, order_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_late")
    assert await _kept(api, order_id) == [("rejected", "too_late")]
    audit = await api.sql(
        "SELECT action FROM audit_log WHERE subject = :s ORDER BY audit_id", s=order_id
    )
    assert [row.action for row in audit] == ["OrderCancellationAsked", "OrderCancellationRefused"]


async def test_a_cancellation_that_takes_long_is_accepted(api: Api) -> None:
    order_id = await _running(api, "slow")
    answer = await _cancel(api, order_id, **{"Idempotency-Key": "slow-1"})
    assert (answer.status_code, answer.json()["result"]) == (202, "accepted")
    [kept] = await api.sql(
        "SELECT kind, state, document, next_attempt_at > now() AS waits FROM inbox"
        " WHERE source = 'api' AND document ->> 'external_id' = :e",
        e=order_id.removeprefix("shop-"),
    )
    assert (kept.kind, kept.state, kept.waits) == ("webhook", "new", True)
    told_as = kept.document.pop("told_as")
    external_id, actor = order_id.removeprefix("shop-"), f"key:{api.key.key_id}"
    assert kept.document == {
        "channel": "shop",
        "external_id": external_id,
        "actor": actor,
        "update": "cancel",
        "argument": {"actor": actor, "reason": ""},
    }
    run = api.temporal.get_workflow_handle(f"order-{order_id}").get_update_handle(told_as)
    await api.temporal.get_workflow_handle(f"order-{order_id}").signal("end")
    again = await _cancel(api, order_id, **{"Idempotency-Key": "slow-1"})
    assert (again.status_code, again.json()["result"]) == (200, "cancelled")
    assert (await run.result())["result"] == "cancelled", "the loop would tell the same update"
    assert await _kept(api, order_id) == [("new", None)], "asked twice, it is one"


async def test_a_caller_who_asks_twice_without_a_key_is_told_on_twice(api: Api) -> None:
    order_id = await _running(api, "slow")
    for _ in range(2):
        assert (await _cancel(api, order_id)).status_code == 202
    assert await _kept(api, order_id) == [("new", None), ("new", None)]


async def test_a_closed_order_is_not_cancelled_and_a_cancelled_one_is_already(api: Api) -> None:
    ends: dict[str, Any] = {"closed_at": "2026-11-25", "next_step": None, "next_deadline": None}
    delivered = await api.admitted("ended", outcome="delivered", **ends)
    cancelled = await api.admitted("ended", outcome="cancelled", **ends)
    late, already = await _cancel(api, delivered), await _cancel(api, cancelled)
    assert (late.status_code, late.json()["outcome"]) == (409, "delivered")
    assert (already.status_code, already.json()["result"]) == (200, "cancelled")


async def test_an_order_without_a_run_or_unknown_is_404(api: Api) -> None:
    idle = await api.admitted("idle")
    waiting = await _cancel(api, idle)
    assert await _kept(api, idle) == [("rejected", "not_started")]
    unknown = await _cancel(api, "shop-nobody")
    assert (waiting.status_code, waiting.json()["code"]) == (404, "not_started")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


async def test_a_cancellation_needs_a_reason(api: Api) -> None:
    answer = await api.client.post("/orders/shop-x/cancel", json={"reason": "  "})
    assert answer.status_code == 422


async def _part(api: Api) -> str:
    """A fulfillment order of two units, with its run."""
    order_id = await api.admitted("part")
    await api.sql(
        """
        INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
          next_step, next_deadline)
        VALUES (:f, :o, 1, 'east', 'open', 100, 'pick', '2026-11-24')
        """,
        f=f"{order_id}-f1",
        o=order_id,
    )
    await api.temporal.start_workflow(
        "FulfillmentWorkflow",
        PartInput([(1, 2)]),
        id=f"order-{order_id}/f/1",
        task_queue=CORE_QUEUE,
    )
    return f"{order_id}-f1"


async def _report(api: Api, part: str, step: str, quantity: Any = 2, **headers: str) -> Any:
    """The double keeps no record: it is written here."""
    body = {"lines": [{"line_no": 1, "quantity": quantity}]}
    answer = await api.client.post(f"/fulfillments/{part}/{step}", json=body, headers=headers)
    if answer.status_code == 200:
        written = """
            UPDATE fulfillments SET state = :state WHERE fulfillment_id = :f AND ended_at IS NULL
        """
        await api.sql(written, state=step, f=part)
    return answer


async def test_the_warehouse_reports_picked_then_packed(api: Api) -> None:
    part = await _part(api)
    early = await _report(api, part, "packed")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    wrong = await _report(api, part, "picked", 1)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "wrong_quantities")
    for step in ("picked", "packed"):
        answer = await _report(api, part, step)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"fulfillment_id": part, "status": step}
    run = api.temporal.get_workflow_handle(f"order-{part[:-3]}/f/1")
    reports = await run.query("reported", result_type=list[LinesDone])
    assert {report.actor for report in reports} == {f"key:{api.key.key_id}"}


async def test_a_short_pick_says_why(api: Api) -> None:
    part = await _part(api)
    body = {"lines": [{"line_no": 1, "quantity": 1}], "reason": "damaged"}
    unknown = await api.client.post(
        f"/fulfillments/{part}/picked", json=body | {"reason": "bad luck"}
    )
    assert unknown.status_code == 422
    answer = await api.client.post(f"/fulfillments/{part}/picked", json=body)
    assert (answer.status_code, answer.json()["status"]) == (200, "picked")
    run = api.temporal.get_workflow_handle(f"order-{part[:-3]}/f/1")
    [report] = await run.query("reported", result_type=list[LinesDone])
    assert (report.lines, report.reason) == (((1, 1),), "damaged")
    audit = await api.sql("SELECT after FROM audit_log WHERE subject = :s", s=part)
    assert audit[0].after == {"state": "picked", "lines": [[1, 1]], "reason": "damaged"}


async def test_a_location_rejects_what_it_does_not_ship(api: Api) -> None:
    part = await _part(api)
    key = {"Idempotency-Key": f"r-{part}"}
    for _ in range(2):
        answer = await api.client.post(
            f"/fulfillments/{part}/rejected", json={"reason": "no_capacity"}, headers=key
        )
        assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    again = await api.client.post(f"/fulfillments/{part}/rejected", json={"reason": "closed"})
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    run = api.temporal.get_workflow_handle(f"order-{part[:-3]}/f/1")
    assert await run.query("rejections") == ["no_capacity"]
    audit = await api.sql("SELECT action, after FROM audit_log WHERE subject = :s", s=part)
    assert audit[0].action == "FulfillmentRejectedReported"
    assert audit[0].after == {"state": "rejected", "reason": "no_capacity"}


async def test_a_repeated_report_hears_the_same_answer(api: Api) -> None:
    part = await _part(api)
    first = await _report(api, part, "picked", **{"Idempotency-Key": f"p-{part}"})
    second = await _report(api, part, "picked", **{"Idempotency-Key": f"p-{part}"})
    assert first.status_code == second.status_code == 200
    assert second.headers["idempotency-replayed"] == "true"
    other = await _report(api, part, "picked", 1, **{"Idempotency-Key": f"p-{part}"})
    assert other.json()["code"] == "idempotency_key_reused"


_END_PART = """
    UPDATE fulfillments SET state = 'delivered', ended_at = now(), next_step = NULL,
      next_deadline = NULL WHERE fulfillment_id = :f
"""
_END_ORDER = """
    UPDATE orders SET outcome = 'delivered', closed_at = now(), next_step = NULL,
      next_deadline = NULL WHERE order_id = :o
"""
_END_EXCEPTION = """
    UPDATE exceptions SET state = 'resolved', resolved_at = now(), resolution = 'retry',
      resolved_by = 'key:x' WHERE exception_id = :x
"""


async def test_a_repeat_hears_the_first_answer_whatever_has_ended_since(api: Api) -> None:
    """The caller whose first answer was lost on the way must not hear that it is too late."""
    part, order_id = await _part(api), await _running(api, "partly")
    _, exception_id = await _exception(api, "ok")
    key = {"Idempotency-Key": f"lost-{part}"}

    async def ask() -> list[Any]:
        return [
            await _report(api, part, "picked", **key),
            await _cancel(api, order_id, **{"Idempotency-Key": f"lost-{order_id}"}),
            await _resolve(api, exception_id, "retry", **{"Idempotency-Key": "lost-x"}),
        ]

    first = await ask()
    await api.sql(_END_PART, f=part)
    await api.sql(_END_ORDER, o=order_id)
    await api.sql(_END_EXCEPTION, x=exception_id)
    again = await ask()
    assert [answer.status_code for answer in again] == [200, 200, 200], [a.text for a in again]
    assert [answer.json() for answer in again] == [answer.json() for answer in first]


async def test_a_refused_report_may_be_made_again_with_the_same_key(api: Api) -> None:
    part = await _part(api)
    key = {"Idempotency-Key": f"again-{part}"}
    assert (await _report(api, part, "packed", **key)).status_code == 409
    await _report(api, part, "picked")
    assert (await _report(api, part, "packed", **key)).status_code == 200


async def test_a_report_about_what_has_ended_is_refused(api: Api) -> None:
    part = await _part(api)
    await api.sql(
        """
        UPDATE fulfillments SET state = 'cancelled', ended_at = now(), next_step = NULL,
          next_deadline = NULL WHERE fulfillment_id = :f
        """,
        f=part,
    )
    answer = await _report(api, part, "picked")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert (await _report(api, "shop-nobody-f1", "picked")).status_code == 404


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "2", 10**30, None])
async def test_a_quantity_that_is_none_is_refused(api: Api, quantity: Any) -> None:
    answer = await _report(api, "shop-nobody-f1", "picked", quantity)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def _exception(api: Api, word: str) -> tuple[str, str]:
    order_id = await _running(api, word)
    exception_id = f"{order_id}-x1-1"
    await api.sql(
        """
        INSERT INTO exceptions (exception_id, workflow_id, order_id, step, reason, detail, owner,
          deadline, resolutions, state)
        VALUES (:x, :w, :o, 'take payment', 'vendor_away', 'no answer', 'operations',
          '2026-11-30', '{retry,skip}', 'open')
        """,
        x=exception_id,
        w=f"order-{order_id}",
        o=order_id,
    )
    return order_id, exception_id


async def _resolve(api: Api, exception_id: str, resolution: str, **headers: str) -> Any:
    body = {"resolution": resolution, "note": "looked at it"}
    path = f"/exceptions/{exception_id}/resolve"
    return await api.client.post(path, json=body, headers=headers)


async def test_a_decision_reaches_the_run_that_waits(api: Api) -> None:
    order_id, exception_id = await _exception(api, "ok")
    answer = await _resolve(api, exception_id, "retry")
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"exception_id": exception_id, "status": "resolved"}
    run = api.temporal.get_workflow_handle(f"order-{order_id}")
    decided = await run.query("decision", result_type=ResolveException)
    # What the person wrote may name a customer: it waits in the database for the run's record.
    assert decided == ResolveException(exception_id, "retry", f"key:{api.key.key_id}")
    said = await api.sql("SELECT about, text FROM remarks WHERE subject = :s", s=exception_id)
    assert [tuple(remark) for remark in said] == [("note", "looked at it")]


async def test_a_decision_that_is_not_permitted_or_comes_twice_is_refused(api: Api) -> None:
    _, exception_id = await _exception(api, "moot")
    wrong = await _resolve(api, exception_id, "override")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "not_permitted")
    moot = await _resolve(api, exception_id, "retry")
    assert (moot.status_code, moot.json()["code"]) == (404, "unknown_exception")
    await api.sql(_END_EXCEPTION, x=exception_id)
    done = await _resolve(api, exception_id, "retry")
    assert (done.status_code, done.json()["code"]) == (409, "wrong_state")
    assert (await _resolve(api, "nobody", "retry")).status_code == 404
    assert (await _resolve(api, exception_id, "wish")).status_code == 422
