"""Count tasks over HTTP: listed, and ended once by what was counted; the books follow."""

from typing import Any

from tests.api.world import Api

TASKS = "/count-tasks"


async def a_task(api: Api, on_hand: int, reserved: int = 0) -> tuple[int, str]:
    """A SKU of the test's own at one location, in doubt."""
    sku = f"count-{api.number()}"
    await api.sql("INSERT INTO products VALUES (:s, 'Lamp', 500, 200, 150, 50) RETURNING 1", s=sku)
    for table, place in (("pool_levels (pool,", "main"), ("location_levels (location,", "east")):
        await api.sql(
            f"INSERT INTO {table} sku, on_hand, reserved) VALUES (:p, :s, :n, :r) RETURNING 1",
            p=place, s=sku, n=on_hand, r=reserved,
        )  # fmt: skip
    ((task_id,),) = await api.sql(
        "INSERT INTO count_tasks (location, sku, state, reason)"
        " VALUES ('east', :s, 'open', 'not_found') RETURNING count_task_id",
        s=sku,
    )
    return task_id, sku


async def levels(api: Api, sku: str) -> list[int]:
    found = await api.sql(
        "SELECT on_hand FROM pool_levels WHERE sku = :s"
        " UNION ALL SELECT on_hand FROM location_levels WHERE sku = :s",
        s=sku,
    )
    return [level.on_hand for level in found]


async def counted(api: Api, task_id: int, quantity: Any, **headers: str) -> Any:
    path = f"{TASKS}/{task_id}/counted"
    return await api.client.post(path, json={"quantity": quantity}, headers=headers)


async def test_what_was_counted_moves_the_books_once(api: Api) -> None:
    task_id, sku = await a_task(api, on_hand=2)
    for _ in range(2):
        answer = await counted(api, task_id, 5, **{"Idempotency-Key": f"count-{task_id}"})
        assert (answer.status_code, answer.json()["state"]) == (200, "counted")
    again = await counted(api, task_id, 9)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert await levels(api, sku) == [5, 5]
    moved = await api.sql("SELECT kind, on_hand_change FROM stock_movements WHERE sku = :s", s=sku)
    assert [tuple(each) for each in moved] == [("adjust", 3)]
    audited = await api.sql(
        "SELECT before, after FROM audit_log WHERE action = 'StockCounted' AND subject = :s",
        s=str(task_id),
    )
    assert [tuple(each) for each in audited] == [({"on_hand": 2}, {"on_hand": 5})]


async def test_the_same_number_as_in_the_books_moves_nothing(api: Api) -> None:
    task_id, sku = await a_task(api, on_hand=4)
    assert (await counted(api, task_id, 4)).json()["counted"] == 4
    assert await api.sql("SELECT 1 FROM stock_movements WHERE sku = :s", s=sku) == []


async def test_units_that_parcels_hold_are_not_counted_away(api: Api) -> None:
    task_id, sku = await a_task(api, on_hand=4, reserved=3)
    refused = await counted(api, task_id, 2)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")
    assert "3" in refused.json()["detail"]
    assert (await counted(api, task_id, 3)).status_code == 200
    assert await levels(api, sku) == [3, 3]


async def test_open_tasks_are_listed_oldest_first_page_by_page(api: Api) -> None:
    made = [(await a_task(api, on_hand=1))[0] for _ in range(3)]
    await counted(api, made[1], 1)
    seen, cursor = [], None
    while True:
        page = await api.client.get(TASKS, params={"state": "open", "limit": 1} | (
            {"cursor": cursor} if cursor else {}
        ))  # fmt: skip
        seen += [task["count_task_id"] for task in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert [task for task in seen if task in made] == [made[0], made[2]]


async def test_a_count_needs_a_task_and_a_number(api: Api) -> None:
    task_id, _ = await a_task(api, on_hand=1)
    assert (await counted(api, 999_999, 1)).status_code == 404
    for wrong in (-1, "x", None, 1.5):
        assert (await counted(api, task_id, wrong)).status_code == 422, wrong
