"""Finding orders through the API: texts, filters, sorting, saved views, and the export."""

import asyncio
import csv
import io
import json
from typing import Any

import pytest

from api.context import MOST_EXPORTS
from db.queries import order_export
from tests.api.world import Api, is_sent_away
from tests.workers.served import served

DELIVERED = {
    "outcome": "delivered", "closed_at": "2026-11-25", "next_step": None, "next_deadline": None,
}  # fmt: skip


async def named(api: Api, name: str, city: str = "Springfield", **changes: Any) -> str:
    ship_to = json.dumps({"name": name, "city": city, "country": "US"})
    return await api.admitted("find", customer_name=name, ship_to=ship_to, **changes)


async def page(api: Api, **query: Any) -> Any:
    answer = await api.client.get("/orders", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ids(api: Api, **query: Any) -> list[str]:
    return [item["order_id"] for item in (await page(api, **query))["items"]]


async def exported(api: Api, **query: Any) -> list[list[str]]:
    answer = await api.client.get("/orders/export", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.text)))


# -- a text


async def test_an_order_is_found_by_what_a_person_remembers_of_it(api: Api) -> None:
    order_id = await named(api, "Beatriz Quintanilha", "Florianópolis")
    for text, match in (
        (order_id, "whole"),
        (order_id.removeprefix("shop-"), "whole"),
        ("quintanilha", "whole"),
        ("florianopolis beatriz", "whole"),
        ("quintan", "beginning"),
        ("quintanihla", "similar"),
    ):
        found = await page(api, q=text)
        assert ([item["order_id"] for item in found["items"]], found["match"]) == (
            [order_id],
            match,
        ), text
    assert (await page(api))["match"] is None


async def test_what_is_erased_or_corrected_is_found_no_more(api: Api) -> None:
    order_id = await named(api, "Wilhelmina Ozgurluk")
    assert await ids(api, q="ozgurluk") == [order_id]
    await api.sql("UPDATE orders SET customer_name = 'erased', ship_to = '{}' "
                  "WHERE order_id = :o", o=order_id)  # fmt: skip
    assert await ids(api, q="ozgurluk") == []


@pytest.mark.parametrize(
    "text",
    ["%", "_", "%%%", "!!!", "' OR 1=1 --", "\\", "\u202e", "﷽", "😀", "(", "a|b&c", "@", "@@"],
)
async def test_a_text_of_signs_finds_nothing(api: Api, text: str) -> None:
    await api.admitted()
    assert (await page(api, q=text))["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"q": "x" * 201},
        {"q": "x" * 60_000},
        {"q": "a\0b"},
        {"q": "a\nb"},
        {"q": "  "},
        {"q": "a b c d e f g h i j k l m"},
        {"sort": "name"},
        {"sort": "placed_at;"},
        {"payment": "gone"},
        {"total_from_minor": "5"},
        {"total_to_minor": "-1", "currency": "USD"},
        {"sort": "-total_minor"},
        {"deadline_to": "tomorrow"},
        {"view": "Not A Name"},
        {"exception": "x" * 60},
        {"overdue": "perhaps"},
    ],
)
@pytest.mark.parametrize("path", ["/orders", "/orders/export"])
async def test_what_cannot_be_searched_is_said_precisely(
    api: Api, path: str, query: dict[str, str]
) -> None:
    answer = await api.client.get(path, params=query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] in (*query, "currency")
    assert len(answer.text) < 1_000


async def test_a_query_of_a_megabyte_is_refused_at_the_socket_and_the_api_goes_on(api: Api) -> None:
    head = f"Host: a\r\nAuthorization: Bearer {api.key.secret}\r\nConnection: close\r\n\r\n"
    async with served(api.app) as base:
        port = int(base.rpartition(":")[2])
        for text, status in (("x" * 1_000_000, b"400"), ("x", b"200"), ("x" * 1_000, b"422")):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET /orders?q={text} HTTP/1.1\r\n{head}".encode())
            answer = await reader.readline()
            writer.close()
            assert answer.split()[1] == status, answer


# -- filters and sorting


async def test_every_filter_is_met(api: Api) -> None:
    full = await api.full_order()
    wide = {"q": full, "limit": 5}
    for met in (
        {"payment": "partly_paid"},
        {"fulfillment": "partly_shipped"},
        {"returned": "none"},
        {"location": "west"},
        {"exception": "any"},
        {"exception": "pick_overdue"},
        {"hold": "address_problem"},
        {"currency": "USD", "total_from_minor": 2_500, "total_to_minor": 2_500},
        {"deadline_from": "2026-11-24T04:00:00Z", "deadline_to": "2026-11-24T05:00:00Z"},
        {"overdue": "true"},
        {"channel": "shop", "status": "needs_person"},
    ):
        assert await ids(api, **wide, **met) == [full], met
    for missed in (
        {"payment": "paid"},
        {"fulfillment": "delivered"},
        {"returned": "requested"},
        {"location": "far"},
        {"exception": "step_exhausted"},
        {"currency": "EUR"},
        {"currency": "USD", "total_from_minor": 2_501},
        {"deadline_to": "2026-11-24T04:00:00Z"},
        {"overdue": "false"},
    ):
        assert await ids(api, **wide, **missed) == [], missed


@pytest.mark.parametrize("sort", ["placed_at", "-placed_at", "next_deadline", "-next_deadline",
                                  "total_minor", "-total_minor"])  # fmt: skip
async def test_pages_of_every_sorting_hold_every_order_once(api: Api, sort: str) -> None:
    city = f"Sortville{sort.replace('-', 'x').replace('_', '')}"
    wanted = [
        await named(
            api, "Ana Sorted", city, total_minor=100 + n // 2,
            placed_at=f"2027-01-0{1 + n // 2}T00:00:00Z",
            next_deadline=f"2027-02-0{1 + n // 2}T00:00:00Z",
        )
        for n in range(7)
    ]  # fmt: skip
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"q": f"sorted {city}", "sort": sort, "currency": "USD", "limit": 3}
    while True:
        each = await page(api, **query)
        found += each["items"]
        if each["next_cursor"] is None:
            break
        query["cursor"] = each["next_cursor"]
    assert sorted(item["order_id"] for item in found) == sorted(wanted)
    keys = [(item[sort.removeprefix("-")], item["order_id"]) for item in found]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


async def test_a_cursor_of_another_sorting_or_text_is_refused(api: Api) -> None:
    for _ in range(2):
        await named(api, "Cora Cursor")
    cursor = (await page(api, q="cora", limit=1))["next_cursor"]
    for query in ({"q": "cursor"}, {"q": "cora", "sort": "placed_at"}, {}, {"q": "cora",
                  "overdue": "true"}):  # fmt: skip
        answer = await api.client.get("/orders", params={**query, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor")
    assert len(await ids(api, q="cora", limit=1, cursor=cursor)) == 1


# -- saved views


async def test_a_saved_view_is_applied_and_what_is_said_beside_it_wins(api: Api) -> None:
    done = await named(api, "Vera Viewed", **DELIVERED)
    waiting = await named(api, "Vera Viewed")
    saved = await api.client.put("/views/done", json={"status": "closed", "sort": "placed_at"})
    assert (saved.status_code, saved.json()["version"]) == (200, 1)
    assert await ids(api, view="done", q="viewed") == [done]
    assert await ids(api, view="done", q="viewed", status="open") == [waiting]
    cursor_of = (await page(api, view="done", limit=1))["next_cursor"]
    changed = await api.client.put("/views/done", json={"status": "open"})
    assert (changed.json()["version"], changed.json()["query"]) == (2, {"status": "open"})
    assert await ids(api, view="done", q="viewed") == [waiting]
    answer = await api.client.get("/orders", params={"view": "done", "cursor": cursor_of})
    assert answer.json()["code"] == "invalid_cursor"
    listed = (await api.client.get("/views")).json()["items"]
    assert [view["name"] for view in listed if view["name"] == "done"] == ["done"]
    assert (await api.client.delete("/views/done")).json()["status"] == "removed"
    for gone in ("/views/done", "/orders?view=done", "/orders/export?view=done"):
        assert (await api.client.get(gone)).json()["code"] == "not_found"
    written = await api.sql(
        "SELECT action, after FROM audit_log WHERE subject = 'done' ORDER BY audit_id"
    )
    assert [tuple(row) for row in written] == [
        ("ViewSaved", {"status": "closed", "sort": "placed_at"}),
        ("ViewSaved", {"status": "open"}),
        ("ViewRemoved", {}),
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"q": "silva"},
        {"status": "strange"},
        {"colour": "red"},
        {"total_from_minor": 5},
        [],
        {"limit": 5},
    ],
)
async def test_a_view_that_no_list_understands_is_not_saved(api: Api, body: Any) -> None:
    answer = await api.client.put("/views/bad", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert (await api.client.get("/views/bad")).status_code == 404


async def test_a_view_of_another_version_says_so(api: Api) -> None:
    await api.sql("""INSERT INTO saved_views (name, query, saved_by)
        VALUES ('old', '{"flavour": "sweet"}', 'key:x')""")
    answer = await api.client.get("/orders", params={"view": "old"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "save it again" in answer.json()["detail"]


# -- the export


async def test_the_export_holds_what_the_list_would_show(api: Api) -> None:
    orders = [await named(api, "Edda Exported", total_minor=n) for n in range(3)]
    head, *lines = await exported(api, q="exported", sort="-total_minor", currency="USD")
    assert [line[head.index("order_id")] for line in lines] == orders[::-1]
    assert [line[head.index("total_minor")] for line in lines] == ["2", "1", "0"]
    line = dict(zip(head, lines[0], strict=True))
    assert (line["customer_name"], line["city"]) == ("Edda Exported", "Springfield")
    assert (line["payment"], line["fulfillment"], line["return"]) == (
        "unpaid", "unfulfilled", "none",
    )  # fmt: skip
    assert line["placed_at"] == "2026-11-22T10:00:00Z"
    assert await exported(api, q="nobodyatall") == [head]


async def test_no_cell_of_a_customer_s_becomes_a_formula(api: Api) -> None:
    for name in (
        '=HYPERLINK("http://evil")',
        "+1 Formulas",
        " -2 Formulas",
        "@Formulas",
        '"Formulas"',
        "Good; =1+1",
    ):
        await named(api, f"{name} Formulas")
    head, *lines = await exported(api, q="formulas", sort="placed_at")
    cells = sorted(line[head.index("customer_name")] for line in lines)
    assert cells == sorted(
        [
            "'=HYPERLINK(\"http://evil\") Formulas", "'+1 Formulas Formulas",
            "' -2 Formulas Formulas", "'@Formulas Formulas", '"Formulas" Formulas',
            "Good;' =1+1 Formulas",
        ]
    )  # fmt: skip


async def test_an_export_is_written_down_without_what_was_searched(api: Api) -> None:
    await exported(api, q="silvestre", channel="shop")
    (row,) = await api.sql("""SELECT actor, subject, after FROM audit_log
        WHERE action = 'OrdersExported' ORDER BY audit_id DESC LIMIT 1""")
    assert (row.actor, row.subject) == (f"key:{api.key.key_id}", "orders")
    assert row.after == {"channel": "shop", "searched": True}


async def test_too_many_exports_at_once_are_sent_away(api: Api) -> None:
    exports = api.app.state.context.exports
    for _ in range(MOST_EXPORTS):
        await exports.acquire()
    try:
        assert is_sent_away(await api.client.get("/orders/export"), "overloaded")
    finally:
        for _ in range(MOST_EXPORTS):
            exports.release()
    assert len(await exported(api, q="nobodyatall")) == 1


async def test_a_reader_that_stops_reading_makes_room_for_others(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_export, "UNREAD_S", 1)
    asked = api.client.build_request("GET", "/orders/export")
    headers = [(name.lower(), value) for name, value in asked.headers.raw]
    scope = {
        "type": "http", "method": "GET", "path": "/orders/export", "query_string": b"",
        "headers": headers, "app": api.app, "http_version": "1.1", "scheme": "http",
        "server": ("testserver", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip

    told = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return told.pop() if told else await asyncio.Event().wait()

    ended = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()
            ended.append(message)

    async with asyncio.timeout(30):
        await api.app(scope, receive, send)
    assert ended == []
    assert api.app.state.context.exports._value == MOST_EXPORTS


async def test_a_long_export_is_read_piece_by_piece(api: Api) -> None:
    """More orders than are read at once; the last line is the oldest."""
    await api.sql(
        """
        INSERT INTO orders (order_id, channel, external_id, currency, locale, total_minor,
          customer_name, customer_email, ship_to, placed_at, next_step, next_deadline)
        SELECT 'shopify-export-' || n, 'shopify', 'export-' || n, 'USD', 'en', n, 'Piece', 'a@b',
          '{}', timestamptz '2030-01-01' + make_interval(mins => n), 's', now()
        FROM generate_series(1, 2500) AS n
        """
    )
    _, *lines = await exported(api, channel="shopify", q="piece")
    assert [line[2] for line in lines] == [f"export-{n}" for n in range(2500, 0, -1)]
