"""The story of an order on a real server: happy, and each refusal."""

import pytest

from tests.workflows.conftest import World
from workflows.messages import Admission
from workflows.order import OrderWorkflow


async def test_an_order_runs_from_placement_to_delivery(world: World) -> None:
    sku = await world.sku(west=5)
    document = world.document((sku, 2))
    handle = await world.place(document)
    admission = await handle.execute_update(OrderWorkflow.admission)
    assert admission == Admission(f"shop-{document['external_id']}", "admitted")
    await world.work(document)
    result = await handle.result()
    assert result.outcome == "delivered"
    order = await world.order(document)
    assert order.outcome == "delivered"
    assert order.next_step is None
    ledger = await world.ledger(document)
    assert [p["captured_minor"] for p in ledger["payments"]] == [2_500]
    assert [label["bought"] for label in ledger["labels"]] == [1]
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert (level.on_hand, level.reserved) == (3, 0)
