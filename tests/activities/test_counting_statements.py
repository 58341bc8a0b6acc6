"""What the steps of a plain order ask of the database is counted: a statement more is seen here."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import event

from activities.closing import Close
from activities.fulfillment import Advance, HandOver
from tests.activities.shop import HOUR_S, Shop, share

# One unit, one card, one place; the figures of docs/benchmarks.md.
STATEMENTS: Final = {
    "admit": 7,
    "verify address": 4,
    "authorize": 6,
    "route": 14,
    "picked": 4,
    "packed": 4,
    "create shipment": 4,
    "buy label": 5,
    "begin hand-over": 3,
    "capture": 7,
    "hand over": 10,
    "delivered": 6,
    "close": 6,
}


class Count:
    """Counts what is sent, by the step that sends it."""

    def __init__(self, shop: Shop) -> None:
        self._engine = shop.engine.sync_engine
        self.by_step: Counter[str] = Counter()
        self.sent: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        def note(*sent: Any) -> None:
            self.by_step[name] += 1
            self.sent.append(f"{name}: {' '.join(sent[2].split())}")

        event.listen(self._engine, "before_cursor_execute", note)
        try:
            yield
        finally:
            event.remove(self._engine, "before_cursor_execute", note)


async def test_the_steps_of_a_plain_order_send_no_statement_more_than_they_did(shop: Shop) -> None:
    count, order = Count(shop), await shop.commit(shop.document((await shop.sku(west=1), 1)))
    with count.step("admit"):
        await shop.admission.admit(order)
    with count.step("verify address"):
        await shop.admission.verify_address(order.order_id)
    await shop.reserve(order.order_id)
    with count.step("authorize"):
        await shop.take(order.order_id)
    with count.step("route"):
        (part,) = (await shop.route(order.order_id)).plan
    for state in ("picked", "packed"):
        with count.step(state):
            to = Advance(part.fulfillment_id, state, "warehouse", "next", HOUR_S, part.lines)
            await shop.fulfillment.advance(to)
    with count.step("create shipment"):
        await shop.shipping.create_shipment(part.fulfillment_id)
    with count.step("buy label"):
        await shop.shipping.buy_label(part.fulfillment_id)
    leaving = HandOver(part.fulfillment_id, HOUR_S)
    with count.step("begin hand-over"):
        await shop.fulfillment.begin_hand_over(leaving)
    with count.step("capture"):
        await shop.money.capture(share(part))
    with count.step("hand over"):
        await shop.fulfillment.hand_over(leaving)
    with count.step("delivered"):
        await shop.advance(part.fulfillment_id, "delivered")
    with count.step("close"):
        await shop.closing.close_order(Close(order.order_id, "delivered"))
    assert dict(count.by_step) == STATEMENTS, "\n".join(count.sent)
