"""Exchanges, claims and advance exchanges on a real server: what is sent, held and given back."""

from typing import Any

import pytest

from db.inbox.returns import NewLine
from tests.workflows.conftest import World, _runs
from tests.workflows.test_returns import Back, asked, delivered
from workflows.fulfillment import FulfillmentWorkflow
from workflows.messages import LinesDone, fulfillment_workflow_id


async def send(world: World, back: Back) -> Any:
    """Pick and pack what is sent instead, and return its row."""

    async def planned() -> Any:
        return await world.row(
            """
            SELECT f.*, (SELECT array_agg(ARRAY[line_no, quantity]) FROM fulfillment_lines l
                WHERE l.fulfillment_id = f.fulfillment_id) AS lines
            FROM fulfillments f WHERE rma = :r
            """,
            r=back.rma,
        )

    part = await world.until(planned)
    run = world.temporal.get_workflow_handle(fulfillment_workflow_id(part.order_id, part.number))

    await world.until(lambda: _runs(run))
    done = LinesDone("test", tuple((line, count) for line, count in part.lines))
    await run.execute_update(FulfillmentWorkflow.picked, done)
    await run.execute_update(FulfillmentWorkflow.packed, done)
    return part


async def exchanged(
    world: World, document: dict[str, Any], sku: str, total_minor: int, **changes: Any
) -> Back:
    wish = {"resolution": "exchange", "payment_reference": "pm_card_visa"} | changes
    back = await asked(world, document, 1, instead=(NewLine(sku, 1, total_minor),), **wish)
    await back.receive((1, 1))
    await back.inspect((1, "restock", 1, True))
    return back


async def kept(world: World, document: dict[str, Any]) -> int:
    """What the vendor holds of the customer's money."""
    payments = (await world.ledger(document))["payments"]
    return sum(each["captured_minor"] - each["refunded_minor"] for each in payments)


@pytest.mark.parametrize(
    ("total_minor", "kept_minor"), [(1_000, 1_500), (1_700, 2_200), (400, 900)]
)
async def test_an_exchange_costs_what_it_is_worth_more_or_gives_back_the_rest(
    world: World, total_minor: int, kept_minor: int
) -> None:
    old, new = await world.sku(west=2), await world.sku(west=2)
    document = await delivered(world, (old, 1))
    back = await exchanged(world, document, new, total_minor)
    await send(world, back)
    closed = await back.until(state="closed")
    assert closed.outcome == "exchanged"
    assert await kept(world, document) == kept_minor
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=new)
    assert (level.on_hand, level.reserved) == (1, 0)


async def test_an_exchange_of_an_exchange_can_be_refunded(world: World) -> None:
    first, second, third = [await world.sku(west=3) for _ in range(3)]
    document = await delivered(world, (first, 1))
    one = await exchanged(world, document, second, 1_000)
    part = await send(world, one)
    await one.until(state="closed")

    async def arrived() -> Any:
        return await world.row(
            "SELECT 1 FROM fulfillments WHERE fulfillment_id = :f AND state = 'delivered'",
            f=part.fulfillment_id,
        )

    await world.until(arrived)
    two = await asked(
        world, document, 1, parcel=part.number, resolution="exchange",
        instead=(NewLine(third, 1, 1_000),), payment_reference="pm_card_visa",
    )  # fmt: skip
    await two.receive((1, 1))
    await two.inspect((1, "restock", 1, True))
    again = await send(world, two)
    await two.until(state="closed")
    three = await asked(world, document, 1, parcel=again.number)
    await three.receive((1, 1))
    await three.inspect((1, "restock", 1, True))
    assert (await three.until(state="closed")).refund_minor == 1_000
    assert await kept(world, document) == 500


async def test_an_exchange_that_cannot_be_paid_is_refunded_instead(world: World) -> None:
    old, new = await world.sku(west=2), await world.sku(west=2)
    document = await delivered(world, (old, 1))
    back = await exchanged(world, document, new, 5_000, payment_reference=None)
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.refund_minor) == ("refunded", 1_000)


async def test_a_claim_is_replaced_and_nothing_comes_back(world: World) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 2))
    back = await asked(
        world, document, 1, resolution="replacement", method="keep", reason="defective"
    )
    await send(world, back)
    closed = await back.until(state="closed")
    assert (closed.outcome, await kept(world, document)) == ("replaced", 2_500)
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert (level.on_hand, level.reserved) == (2, 0)


async def test_an_advance_exchange_lets_go_of_its_security_when_the_goods_come(
    world: World,
) -> None:
    old, new = await world.sku(west=2), await world.sku(west=2)
    document = await delivered(world, (old, 1))
    back = await asked(
        world, document, 1, instead=(NewLine(new, 1, 1_000),), resolution="exchange",
        payment_reference="pm_card_visa", advance=True,
    )  # fmt: skip
    await send(world, back)
    await back.receive((1, 1))
    await back.inspect((1, "restock", 1, True))
    assert (await back.until(state="closed")).outcome == "exchanged"
    assert await kept(world, document) == 1_500
    payments = (await world.ledger(document))["payments"]
    assert sorted(each["canceled"] for each in payments) == [False, True]


async def test_an_advance_exchange_whose_goods_never_come_is_paid_by_its_security(
    world: World,
) -> None:
    old, new = await world.sku(west=2), await world.sku(west=2)
    document = await delivered(world, (old, 1))
    back = await asked(
        world, document, 1, instead=(NewLine(new, 1, 1_000),), resolution="exchange",
        payment_reference="pm_card_visa", advance=True,
    )  # fmt: skip
    await send(world, back)
    assert (await back.until(state="closed")).outcome == "exchanged"
    assert await kept(world, document) == 2_500
