"""Orders, fulfillments, exceptions and stock as they are read."""

from typing import Any

import pytest
import sqlalchemy as sa

from tests.api.world import Api


async def test_an_order_shows_its_axes_money_parts_and_story(api: Api) -> None:
    order_id = await api.full_order()
    answer = await api.client.get(f"/orders/{order_id}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    order = answer.json()
    assert order["axes"] == {
        "payment": "partly_paid",
        "fulfillment": "partly_shipped",
        "return": "none",
    }
    assert order["money"] == {
        "total_minor": 2500,
        "authorized_minor": 2500,
        "pending_minor": 0,
        "captured_minor": 500,
        "refunded_minor": 0,
    }
    line = order["lines"][0]
    assert (line["quantity"], line["open"], line["shipped"], line["cancelled"]) == (2, 1, 1, 0)
    assert order["charges"] == [{"charge_no": 1, "kind": "shipping", "amount_minor": 500}]
    assert order["tenders"][0]["authorizations"][0]["state"] == "held"
    assert order["tenders"][1]["reference"] == "…9876"
    first, second = order["shipments"]
    assert (first["state"], first["tracking_number"]) == ("handed_over", f"TRK{order_id}")
    assert [event["event_id"] for event in first["tracking_events"]] == ["e1", "e2"]
    assert (second["state"], second["labels"], second["tracking_number"]) == ("open", [], None)
    assert order["exceptions"][0]["resolutions"] == ["retry", "compensate"]
    assert order["promise"]["latest"].startswith("2026-11-30")
    assert order["placed_at"] == "2026-11-22T10:00:00Z"


async def test_the_timeline_ends_in_the_most_urgent_step_and_its_deadline(api: Api) -> None:
    order_id = await api.full_order()
    timeline = (await api.client.get(f"/orders/{order_id}")).json()["timeline"]
    assert [entry["kind"] for entry in timeline] == ["event", "event", "next"]
    assert [entry["event"] for entry in timeline[:2]] == ["OrderPlaced", "StockReserved"]
    assert timeline[-1] == {
        "kind": "next",
        "of": f"{order_id}-f2-x1-1",
        "step": "resolve exception: pick",
        "deadline": "2026-11-24T04:00:00Z",
    }


async def test_an_order_whose_step_raised_an_exception_waits_for_the_person(api: Api) -> None:
    """Its own deadline has passed: that is why somebody was asked."""
    order_id = await api.admitted("asked", next_step="take payment", next_deadline="2026-11-24")
    insert = """
        INSERT INTO exceptions (exception_id, workflow_id, order_id, step, reason, detail, owner,
          deadline, resolutions, state) VALUES (:o || '-x1-1', 'order-' || :o, :o, 'take payment',
            'step_exhausted', 'no answer', 'operations', '2026-11-25', '{retry}', 'open')
    """
    await api.sql(insert, o=order_id)
    shown = (await api.client.get(f"/orders/{order_id}")).json()["timeline"][-1]
    listed = (await api.client.get("/orders", params={"q": order_id[5:]})).json()["items"][0]
    assert listed["next"] == {name: shown[name] for name in ("of", "step", "deadline")}
    assert shown["step"] == "resolve exception: take payment"
    await api.sql("UPDATE exceptions SET state = 'resolved', resolved_at = now(), resolution = "
                  "'retry', resolved_by = 'key:x' WHERE order_id = :o", o=order_id)  # fmt: skip
    shown = (await api.client.get(f"/orders/{order_id}")).json()["timeline"][-1]
    assert (shown["of"], shown["step"]) == (order_id, "take payment")


async def test_a_closed_order_waits_for_nothing(api: Api) -> None:
    order_id = await api.admitted(
        "closed", outcome="delivered", closed_at="2026-11-25", next_step=None, next_deadline=None
    )
    order = (await api.client.get(f"/orders/{order_id}")).json()
    assert order["timeline"] == []
    item = (await api.client.get("/orders", params={"q": order["external_id"]})).json()["items"][0]
    assert (item["outcome"], item["next"], item["next_step"]) == ("delivered", None, None)


async def test_a_rejected_order_says_why(api: Api) -> None:
    await api.sql(
        """
        INSERT INTO inbox (source, kind, external_id, content_sha256, document, state, note)
        VALUES ('shop', 'order', 'rejected-1', '', '{}', 'rejected', 'lines: needs at least one')
        """
    )
    answer = await api.client.get("/orders/shop-rejected-1")
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "rejected_input"
    assert answer.json()["outcome_reason"] == "lines: needs at least one"


@pytest.mark.parametrize(
    "path",
    [
        "/orders/shop-nobody",
        "/orders/Not%20An%20Id",
        "/orders/shop-a%00b",
        "/fulfillments/shop-nobody-f1",
        "/fulfillments/x",
        "/exceptions/nobody",
        "/stock/NOBODY",
        "/stock/a%00b",
        "/nowhere",
    ],
)
async def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    answer = await api.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def _pages(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.client.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        assert len(page["items"]) == query["limit"]
        cursor = {"cursor": page["next_cursor"]}


async def test_pages_hold_every_order_once_newest_first(api: Api) -> None:
    moments = [f"2031-01-0{1 + n // 2}T00:00:00Z" for n in range(7)]  # pairs share a moment
    wanted = [await api.admitted("page", placed_at=moment) for moment in moments]
    items = await _pages(api, "/orders", placed_from="2031-01-01T00:00:00Z", limit=3)
    assert sorted(item["order_id"] for item in items) == sorted(wanted)
    order = [(item["placed_at"], item["order_id"]) for item in items]
    assert order == sorted(order, reverse=True)


async def test_orders_are_filtered(api: Api) -> None:
    full = await api.full_order()
    closed = await api.admitted(
        "filter", outcome="lost", closed_at="2026-11-25", next_step=None, next_deadline=None
    )

    async def ids(**query: Any) -> set[str]:
        return {item["order_id"] for item in await _pages(api, "/orders", limit=200, **query)}

    assert full in await ids(status="open")
    assert full in await ids(status="needs_person")
    assert closed not in await ids(status="open")
    assert closed in await ids(status="closed", outcome="lost", channel="shop")
    assert await ids(channel="nowhere") == set()
    assert await ids(q=full[5:]) == {full}
    assert await ids(q=full[5:], channel="shop") == {full}
    assert full not in await ids(placed_to="2026-11-22T10:00:00Z")
    assert full in await ids(placed_from="2026-11-22T10:00:00Z")


async def test_a_page_of_orders_is_one_statement(api: Api) -> None:
    await api.full_order()
    statements: list[str] = []

    def note(*args: Any) -> None:
        statements.append(args[2])

    pool = api.engine.sync_engine
    sa.event.listen(pool, "before_cursor_execute", note)
    try:
        await api.client.get("/orders", params={"limit": 200})
        pages = len(statements)
        await api.client.get(f"/orders/{await api.admitted()}")
    finally:
        sa.event.remove(pool, "before_cursor_execute", note)
    assert pages == 1
    reads = [text for text in statements[1:] if "INSERT" not in text]
    assert len(reads) == 1


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "9" * 5_000},
        {"status": "strange"},
        {"placed_from": "2026-01-01"},
        {"placed_from": "1763805600"},
        {"channel": "a\0b"},
        {"q": "a\tb"},
        {"outcome": "won"},
        {"chanel": "shop"},
        {"cursor": "x" * 2_000},
    ],
)
async def test_a_filter_that_is_none_is_refused(api: Api, query: dict[str, str]) -> None:
    answer = await api.client.get("/orders", params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_cursor_of_another_list_or_filter_is_refused(api: Api) -> None:
    for _ in range(2):
        await api.admitted()
    cursor = (await api.client.get("/orders", params={"limit": 1})).json()["next_cursor"]
    assert cursor
    for path, query in (
        ("/orders", {"channel": "shop"}),
        ("/orders", {"status": "open"}),
        ("/fulfillments", {}),
        ("/exceptions", {}),
        ("/stock", {}),
    ):
        answer = await api.client.get(path, params={**query, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), path


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "bnVsbA", "W10", "WzFd", "eyJhIjoxfQ", "é"])
async def test_a_cursor_that_is_none_is_refused(api: Api, cursor: str) -> None:
    answer = await api.client.get("/orders", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")


async def test_the_warehouse_sees_what_is_to_be_done_oldest_first(api: Api) -> None:
    order_id = await api.full_order()
    items = await _pages(api, "/fulfillments", state="open", location="west", limit=1)
    assert f"{order_id}-f2" in [item["fulfillment_id"] for item in items]
    assert {item["state"] for item in items} == {"open"}
    moments = [item["created_at"] for item in items]
    assert moments == sorted(moments)
    one = (await api.client.get(f"/fulfillments/{order_id}-f2")).json()
    assert one["lines"] == [{"line_no": 1, "sku": "A-1", "quantity": 1}]


async def test_exceptions_come_most_urgent_first(api: Api) -> None:
    order_id = await api.full_order()
    items = await _pages(api, "/exceptions", state="open", limit=1)
    assert f"{order_id}-f2-x1-1" in [item["exception_id"] for item in items]
    one = (await api.client.get(f"/exceptions/{order_id}-f2-x1-1")).json()
    assert (one["state"], one["step"], one["order_id"]) == ("open", "pick", order_id)


async def test_stock_is_shown_by_pool_and_location(api: Api) -> None:
    listed = await _pages(api, "/stock", limit=1)
    items = [item for item in listed if item["sku"] in ("A-1", "B/2", "C-3")]  # others are tests'
    assert [(item["sku"], item["pool"]) for item in items] == [
        ("A-1", "main"),
        ("A-1", "other"),
        ("B/2", "main"),
    ]
    assert items[0]["locations"] == [
        {"location": "east", "on_hand": 12, "reserved": 1},
        {"location": "west", "on_hand": 8, "reserved": 2},
    ]
    one = (await api.client.get("/stock/B/2")).json()
    assert (one["name"], [level["on_hand"] for level in one["levels"]]) == ("Chair", [2])
    assert (await api.client.get("/stock/C-3")).json()["levels"] == []


async def test_what_may_be_sold_explains_itself(api: Api) -> None:
    query = {"channel": "shop", "sku": ["A-1", "B/2", "C-3"]}
    items = (await api.client.get("/ats", params=query)).json()["items"]
    assert items[0] == {
        "sku": "A-1",
        "on_hand": 20,
        "reserved": 3,
        "open_demand": 4,
        "safety_stock": 1,
        "channel_buffer": 2,
        "waiting": 0,
        "available_to_sell": 10,
    }
    assert [item["available_to_sell"] for item in items] == [10, 0, 0]
    unknown = await api.client.get("/ats", params={"channel": "nowhere", "sku": "NONE"})
    assert [fault["pointer"] for fault in unknown.json()["errors"]] == ["sku", "channel"]
