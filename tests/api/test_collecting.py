"""Who gives the code of a parcel that is ready in a store gets it; who guesses is stopped."""

from typing import Any

import pytest

from domain.collection import MOST_WRONG, collection_code
from domain.order_link import order_token
from tests.api.doubles import PartInput
from tests.api.world import Api
from workflows.messages import CORE_QUEUE, fulfillment_workflow_id


async def waiting(api: Api, state: str = "ready_for_pickup") -> str:
    """A parcel at a store's counter, with its run."""
    order_id = await api.admitted("counter")
    await api.sql(
        """
        UPDATE locations SET name = 'Corner', address = '{"line1": "1 Side St", "city": "Bend"}'
        WHERE location = 'east'
        """
    )
    await api.sql(
        """
        INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
            next_step, next_deadline, is_pickup, ready_for_pickup_at)
        VALUES (:o || '-f1', :o, 1, 'east', :state, 2500, 'collection', '2026-12-01T00:00:00Z',
            true, now())
        """,
        o=order_id,
        state=state,
    )
    await api.temporal.start_workflow(
        "FulfillmentWorkflow",
        PartInput([(1, 2)]),
        id=fulfillment_workflow_id(order_id, 1),
        task_queue=CORE_QUEUE,
    )
    return f"{order_id}-f1"


async def give(api: Api, part: str, code: str, **headers: str) -> Any:
    return await api.client.post(
        f"/fulfillments/{part}/collected", json={"code": code}, headers=headers
    )


@pytest.mark.parametrize("secret", ["link", "new-link"])
async def test_the_right_code_hands_it_over_and_is_written_down_without_the_code(
    api: Api, secret: str
) -> None:
    part = await waiting(api)
    code = collection_code(part, secret)
    key = {"Idempotency-Key": f"collect-{part}"}
    answer = await give(api, part, code, **key)
    assert (answer.status_code, answer.json()) == (
        200,
        {"fulfillment_id": part, "status": "collected"},
    )
    assert (await give(api, part, code, **key)).headers["idempotency-replayed"] == "true"
    written = await api.sql(
        "SELECT action, before, after FROM audit_log WHERE subject = :s", s=part
    )
    assert [tuple(each) for each in written] == [
        ("FulfillmentCollectedReported", {"state": "ready_for_pickup"}, {"state": "collected"})
    ]


async def test_guesses_are_refused_and_after_a_few_so_is_the_right_code(api: Api) -> None:
    part = await waiting(api)
    for _ in range(MOST_WRONG):
        answer = await give(api, part, "222222")
        assert (answer.status_code, answer.json()["code"]) == (422, "wrong_code")
    answer = await give(api, part, collection_code(part, "link"))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_often")
    assert answer.headers["retry-after"] == "3600"
    await api.sql(
        "UPDATE collection_tries SET since = now() - interval '2 hours' WHERE fulfillment_id = :p",
        p=part,
    )
    assert (await give(api, part, collection_code(part, "link"))).status_code == 200


async def test_the_right_code_forgets_the_wrong_ones(api: Api) -> None:
    part = await waiting(api)
    await give(api, part, "222222")
    await give(api, part, collection_code(part, "link"))
    assert await api.sql("SELECT 1 FROM collection_tries WHERE fulfillment_id = :p", p=part) == []


async def test_another_parcels_code_does_not_fit(api: Api) -> None:
    part, other = await waiting(api), await waiting(api)
    answer = await give(api, part, collection_code(other, "link"))
    assert answer.json()["code"] == "wrong_code"


async def test_what_is_not_ready_is_not_handed_over(api: Api) -> None:
    part = await waiting(api, state="packed")
    answer = await give(api, part, collection_code(part, "link"))
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_what_is_not_there_is_404(api: Api) -> None:
    answer = await give(api, "shop-none-f1", "222222")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_order_page_says_where_until_when_and_with_which_code(api: Api) -> None:
    part = await waiting(api)
    page = (await api.client.get(f"/o/{order_token(part.rpartition('-f')[0], 'link')}")).text
    assert (
        "Collect it until Tuesday, December 1, 2026 here: Corner, 1 Side St, Bend. Your code:"
        in page
    )
    assert collection_code(part, "new-link") in page


async def test_an_order_says_how_it_is_delivered_and_nothing_more_changes_its_hash(
    api: Api,
) -> None:
    document = api.document(delivery="pickup", pickup_location="east")
    assert (await api.place(document)).status_code == 201
    [kept] = await api.sql(
        "SELECT document FROM inbox WHERE external_id = :e", e=document["external_id"]
    )
    assert (kept.document["delivery"], kept.document["pickup_location"]) == ("pickup", "east")
    plain = api.document()
    await api.place(plain)
    [kept] = await api.sql("SELECT document FROM inbox WHERE external_id = :e",
                           e=plain["external_id"])  # fmt: skip
    assert not {"delivery", "pickup_location"} & kept.document.keys()


async def test_a_channel_that_waits_for_stock_refuses_nobody_at_the_door(api: Api) -> None:
    await api.sql("UPDATE channels SET on_out_of_stock = 'backorder' WHERE channel = 'shop'")
    try:
        lines = [{"sku": "B/2", "quantity": 1, "unit_price_minor": 2_000}]
        answer = await api.place(api.document(lines=lines))
    finally:
        await api.sql("UPDATE channels SET on_out_of_stock = 'refuse' WHERE channel = 'shop'")
    assert answer.status_code == 201
