"""The story of a return on a real server: happy, each refusal, each way of coming back."""

from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.setting_up import upsert_catalog
from db.engine import run
from db.inbox.returns import NewItem, NewLine, NewReturn, commit_return
from db.queries.audit import RULES, open_returns, unequal_closings, violations
from domain.timings import Timings
from tests.workflows.conftest import World
from workers.recovering import Recovery
from workers.starting import start_return
from workflows.return_messages import (
    ReturnArrival,
    ReturnDecision,
    ReturnInput,
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

        found = await self.world.until(there)
        if found.state == "closed":
            await self.assert_sound()
        return found

    async def assert_sound(self) -> None:
        """No rule of the audit is broken by what this return did."""
        order_id = self.rma.rpartition("-r")[0]
        async with self.world.engine.connect() as tx:
            found = [each for rule in RULES for each in await violations(tx, rule)]
            found += await unequal_closings(tx)
        broken = [tuple(each) for each in found if str(each[0]).startswith(order_id)]
        assert broken == []

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
    parcel: int = 1, timings: Timings | None = None, **changes: Any,
) -> Back:  # fmt: skip
    """Ask for so many units of each line of one of the order's parcels.

    With `timings` its run is started here, not by the inbox loop.
    """
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
        if timings is not None:
            await run(
                tx,
                "UPDATE inbox SET state = 'handled', handled_at = now()"
                " WHERE kind = 'return' AND document ->> 'rma' = :r",
                r=rma,
            )
    if timings is not None:
        about = ReturnInput(rma, order_id, document["channel"], timings)
        await start_return(world.temporal, about)
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


async def test_parts_come_back_in_several_returns_and_sum_to_what_was_paid(world: World) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 3))
    for number, wanted in enumerate((1_000, 1_000, 1_500), start=1):
        back = await asked(world, document, 1)
        assert back.rma.endswith(f"-r{number}")
        await back.receive((1, 1))
        await back.inspect((1, "restock", 1, True))
        assert (await back.until(state="closed")).refund_minor == wanted
    assert await back.refunded() == 3_500
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert level.on_hand == 5


async def test_a_short_parcel_is_refunded_for_what_came_and_a_stranger_is_set_aside(
    world: World,
) -> None:
    sku, other = await world.sku(west=5), await world.sku(west=1)
    document = await delivered(world, (sku, 3))
    back = await asked(world, document, 2)
    await back.receive((1, 1), strangers=((other, 2),))
    await back.inspect((1, "restock", 1, True))
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.refund_minor) == ("refunded", 1_000)
    line = await world.row(
        "SELECT l.* FROM fulfillment_lines l JOIN return_items USING (fulfillment_id, line_no)"
        " WHERE rma = :r",
        r=back.rma,
    )
    assert (line.in_return, line.returned) == (0, 1)
    aside = await world.rows("SELECT * FROM unmatched_goods WHERE rma = :r", r=back.rma)
    assert [(each.kind, each.sku, each.quantity, each.state) for each in aside] == [
        ("wrong_item", other, 2, "open")
    ]


async def test_units_beyond_what_was_announced_are_set_aside(world: World) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 3))
    back = await asked(world, document, 1)
    await back.receive((1, 2))
    await back.inspect((1, "restock", 1, True))
    assert (await back.until(state="closed")).refund_minor == 1_000
    aside = await world.rows("SELECT * FROM unmatched_goods WHERE rma = :r", r=back.rma)
    assert [(each.kind, each.quantity) for each in aside] == [("extra", 1)]


async def test_rejected_units_bring_no_money_whatever_becomes_of_them(world: World) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 2))
    back = await asked(world, document, 2)
    await back.receive((1, 2))
    await back.inspect((1, "restock", 1, True), (1, "quarantine", 1, False))
    assert (await back.until(state="closed")).refund_minor == 1_000
    level = await world.row("SELECT * FROM location_levels WHERE sku = :sku", sku=sku)
    assert level.on_hand == 4


async def test_what_is_wholly_rejected_ends_so(world: World) -> None:
    sku = await world.sku(west=5)
    back = await asked(world, await delivered(world, (sku, 1)), 1)
    await back.receive((1, 1))
    await back.inspect((1, "scrap", 1, False))
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.refund_minor, await back.refunded()) == ("rejected", 0, 0)
    assert (await back.mails())[-1] == "return_rejected"


async def test_a_return_that_never_arrives_ends_and_its_units_may_be_returned_anew(
    world: World,
) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 1))
    back = await asked(world, document, 1, method="drop_off")
    closed = await back.until(state="closed")
    assert (closed.outcome, closed.drop_off_code) == ("never_arrived", back.rma.upper())
    again = await asked(world, document, 1)
    await again.receive((1, 1))
    await again.inspect((1, "restock", 1, True))
    assert (await again.until(state="closed")).refund_minor == 1_500


async def test_store_credit_is_issued_once_and_no_tender_is_refunded(world: World) -> None:
    sku = await world.sku(west=5)
    back = await asked(world, await delivered(world, (sku, 1)), 1, resolution="store_credit")
    await back.receive((1, 1))
    await back.inspect((1, "restock", 1, True))
    closed = await back.until(state="closed")
    credit = await world.row("SELECT * FROM store_credits WHERE code = :c", c=closed.credit_code)
    assert (closed.outcome, credit.balance_minor, await back.refunded()) == ("credited", 1_500, 0)
    assert (await back.mails())[-1] == "credit_issued"


async def test_a_return_is_called_off_until_something_has_come(world: World) -> None:
    sku = await world.sku(west=5)
    document = await delivered(world, (sku, 2))
    back = await asked(world, document, 1)
    await back.labelled()
    await back.tell(ReturnWorkflow.cancel, ReturnDecision("test"))
    assert (await back.until(state="closed")).outcome == "cancelled"
    assert (await back.run.result()).outcome == "cancelled"
    label = await world.row("SELECT state FROM labels WHERE rma = :r", r=back.rma)
    assert label.state == "voided"
    again = await asked(world, document, 2)
    await again.receive((1, 1), is_all=False)
    with pytest.raises(WorkflowUpdateFailedError):
        await again.tell(ReturnWorkflow.cancel, ReturnDecision("test"))
    await again.receive((1, 2))
    await again.inspect((1, "restock", 2, True))
    assert (await again.until(state="closed")).refund_minor == 2_500


async def test_goods_paid_by_several_tenders_go_back_to_store_credit_last(world: World) -> None:
    sku = await world.sku(west=5)
    code = f"GIFT-{sku}"
    async with world.engine.begin() as tx:
        gift = {"code": code, "currency": "USD", "balance_minor": 1_000}
        await upsert_catalog(tx, {"store_credits": [gift]})
    tenders = [
        {"kind": "store_credit", "amount_minor": 1_000, "reference": code},
        {"kind": "card", "amount_minor": 1_500, "reference": "pm_card_visa"},
    ]
    document = await delivered(world, (sku, 2), tenders=tenders)
    for wanted in ((1_000, 0), (1_500, 1_000)):
        back = await asked(world, document, 1)
        await back.receive((1, 1))
        await back.inspect((1, "restock", 1, True))
        await back.until(state="closed")
        gift_row = await world.row("SELECT * FROM store_credits WHERE code = :c", c=code)
        assert (await back.refunded(), gift_row.balance_minor) == wanted


async def start_anew(back: Back) -> None:
    """Lose the return's run, and let it be recovered."""
    await back.run.terminate("lost")
    recovery = Recovery(back.world.engine, back.world.temporal, back.world.timings)
    async with back.world.engine.connect() as tx:
        opened = [each for each in await open_returns(tx) if each.rma == back.rma]
    (lost,) = await recovery._returns_without_run(opened)
    await recovery._start_return(lost)


async def test_a_return_whose_run_was_lost_goes_on_where_it_stood(world: World) -> None:
    sku = await world.sku(west=5)
    back = await asked(world, await delivered(world, (sku, 1)), 1)
    await back.receive((1, 1))
    await start_anew(back)
    await back.inspect((1, "restock", 1, True))
    assert (await back.until(state="closed")).refund_minor == 1_500
