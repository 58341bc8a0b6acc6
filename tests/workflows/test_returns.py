"""The story of a return on a real server: happy, each refusal, each way of coming back."""

from dataclasses import dataclass
from typing import Any

from db.inbox.returns import NewItem, NewLine, NewReturn, commit_return
from tests.workflows.conftest import World
from workflows.return_messages import (
    ReturnArrival,
    ReturnInspection,
    run_of_return,
)
from workflows.returning import ReturnWorkflow


@dataclass
class Back:
    """A return and what the test needs to speak about it."""

    world: World
    document: dict[str, Any]
    rma: str

    @property
    def run(self) -> Any:
        name = run_of_return(self.rma)
        return self.world.temporal.get_workflow_handle_for(ReturnWorkflow.run, name)

    async def row(self) -> Any:
        return await self.world.row("SELECT * FROM returns WHERE rma = :r", r=self.rma)

    async def until(self, **wanted: Any) -> Any:
        async def there() -> Any:
            found = await self.row()
            return found if all(getattr(found, k) == v for k, v in wanted.items()) else None

        return await self.world.until(there)

    async def tell(self, update: Any, argument: Any) -> Any:
        """Send an update, once the run is there."""

        async def is_there() -> bool:
            found = await self.world.row(
                "SELECT state FROM inbox WHERE kind = 'return' AND document ->> 'rma' = :r",
                r=self.rma,
            )
            return bool(found.state == "handled")

        await self.world.until(is_there)
        return await self.run.execute_update(update, argument)

    async def labelled(self) -> None:
        async def bought() -> Any:
            return await self.world.row(
                "SELECT 1 FROM labels WHERE rma = :r AND state = 'bought'", r=self.rma
            )

        await self.world.until(bought)

    async def receive(self, *items: tuple[int, int], **more: Any) -> Any:
        return await self.tell(ReturnWorkflow.receive, ReturnArrival("test", items, **more))

    async def inspect(self, *found: tuple[int, str, int, bool]) -> Any:
        told = tuple((*each, None) for each in found)
        return await self.tell(ReturnWorkflow.inspect, ReturnInspection("test", told))

    async def refunded(self) -> int:
        payments = (await self.world.ledger(self.document))["payments"]
        return sum(payment["refunded_minor"] for payment in payments)

    async def mails(self) -> list[str]:
        found = await self.world.rows(
            "SELECT payload ->> 'template' AS template FROM outbox WHERE kind = 'email'"
            " AND payload -> 'facts' ->> 'rma' = :r ORDER BY outbox_id",
            r=self.rma,
        )
        return [mail.template for mail in found]


async def delivered(world: World, *lines: tuple[str, int], **changes: Any) -> dict[str, Any]:
    document = world.document(*lines, **changes)
    handle = await world.place(document)
    await world.work(document)
    assert (await handle.result()).outcome == "delivered"
    return document


async def asked(
    world: World, document: dict[str, Any], *units: int, instead: tuple[NewLine, ...] = (),
    reason: str = "unwanted",
    parcel: int = 1, **changes: Any,
) -> Back:  # fmt: skip
    """Ask for so many units of each line of one of the order's parcels."""
    order_id = f"{document['channel']}-{document['external_id']}"
    lines = await world.rows(
        "SELECT * FROM fulfillment_lines WHERE fulfillment_id = :f ORDER BY line_no",
        f=f"{order_id}-f{parcel}",
    )
    items = tuple(
        NewItem(line.fulfillment_id, line.line_no, line.sku, count, reason, "opened")
        for line, count in zip(lines, units, strict=False)
        if count
    )
    new = {
        "order_id": order_id, "source": "customer", "resolution": "refund", "method": "label",
        "advance": False, "location": "west", "state": "approved", "review_reason": None,
        "payment_reference": None, "within_s": 60.0, "items": items, "instead": instead,
    } | changes  # fmt: skip
    async with world.engine.begin() as tx:
        rma = await commit_return(tx, NewReturn(**new), "test")
    return Back(world, document, rma)


async def test_goods_that_come_back_are_restocked_and_refunded_once(world: World) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 2))
    back = await asked(world, document, 2)
    await back.labelled()
    await back.receive((1, 2))
    await back.inspect((1, "restock", 1, True), (1, "scrap", 1, True))
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.refund_minor) == ("refunded", 2_500)
    assert await back.refunded() == 2_500
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert (level.on_hand, level.reserved) == (4, 0)
    labels = (await world.ledger(document))["labels"]
    assert sorted(label["bought"] for label in labels) == [1, 1]
    assert await back.mails() == ["return_approved", "return_received", "return_refunded"]
    assert (await back.run.result()).outcome == "refunded"
