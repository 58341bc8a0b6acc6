"""The axes and deadlines that orders are listed by are those that their parts say."""

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries import orders
from db.queries.order_filter import OrderFilter
from tests.db.test_finding import SHOP, place, run, until_blocked

STALE = """
    SELECT order_id, n.payment, s.payment, n.fulfillment, s.fulfillment, n.returned, s.returned,
      n.next_deadline, s.next_deadline
    FROM order_states_now n FULL JOIN order_states s USING (order_id)
    WHERE (n.payment, n.fulfillment, n.returned, n.next_deadline)
      IS DISTINCT FROM (s.payment, s.fulfillment, s.returned, s.next_deadline)
"""
AUTHORIZATION = """
INSERT INTO tenders VALUES (:o, :n, 'card', :amount, 'USD', 'pm');
INSERT INTO payment_intents (key, order_id, tender_no, verb, amount_minor, currency, state,
  ended_at) VALUES (:o || '_t' || CAST(:n AS int), :o, :n, 'authorize', :amount, 'USD', 'done',
  now());
INSERT INTO authorizations (authorization_key, order_id, tender_no, vendor, vendor_ref,
  amount_minor, currency, state, captured_minor, refunded_minor)
VALUES (:o || '_t' || CAST(:n AS int), :o, :n, 'stripe', 'pi_' || :o || CAST(:n AS int),
  :amount, 'USD', :state, :captured,
  :refunded)
"""
PARCEL = """
INSERT INTO fulfillments (fulfillment_id, order_id, number, location, state, share_minor,
  tracking_status, next_step, next_deadline, handed_over_at, ended_at, backordered_at)
VALUES (:o || '-f' || CAST(:n AS int), :o, :n, 'east', :state, 0, :tracking, 'pick',
  timestamptz '2026-11-24' + make_interval(hours => :n),
  CASE WHEN :state IN ('handed_over', 'delivered', 'lost') THEN now() END,
  CASE WHEN :state IN ('delivered', 'lost', 'cancelled') THEN now() END,
  CASE WHEN :state = 'backordered' THEN now() END);
INSERT INTO fulfillment_lines (fulfillment_id, line_no, sku, quantity, in_return, returned)
VALUES (:o || '-f' || CAST(:n AS int), 1, 'LAMP-01', 2, :in_return, :returned)
"""
EXCEPTION = """
INSERT INTO exceptions (exception_id, workflow_id, order_id, fulfillment_id, step, reason, detail,
  owner, deadline, resolutions, state)
VALUES (:o || '-x' || CAST(:n AS int), 'w', :o, :of, 'pick', 'pick_overdue', '', 'operations',
  timestamptz '2026-11-25' + make_interval(hours => :n), '{retry}', 'open')
"""
HOLD = """
INSERT INTO holds (order_id, number, key, kind, blocks, owner, on_expiry, state, deadline,
  placed_by) VALUES (:o, 1, 'k', 'fraud_review', '{routing}', 'support', 'cancel', 'open',
  '2026-11-23T09:00:00Z', 'system')
"""
PARCEL_STATES = (
    "backordered", "open", "picked", "packed", "handed_over", "delivered", "lost", "cancelled",
)  # fmt: skip


@pytest.fixture
async def shop(fresh_engine: AsyncEngine) -> AsyncEngine:
    await run(fresh_engine, SHOP)
    return fresh_engine


async def an_order(engine: AsyncEngine, dice: random.Random, number: int) -> None:
    """With parts in states that are drawn, whether or not a workflow would ever leave them so."""
    order_id = f"shop-{number}"
    await place(engine, order_id, "Ana", "a@b", "Rio", "LAMP-01", minute=number)
    for n in range(1, 1 + dice.choice([0, 1, 1, 2])):
        state = dice.choice(["pending", "held", "taken", "taken", "voided", "expired"])
        amount = dice.choice([40, 60, 100])
        captured = dice.choice([amount, amount // 2]) if state == "taken" else 0
        refunded = dice.choice([0, captured, captured // 2])
        await run(engine, AUTHORIZATION, o=order_id, n=n, amount=amount, state=state,
                  captured=captured, refunded=refunded)  # fmt: skip
    for n in range(1, 1 + dice.choice([0, 1, 2, 3])):
        state = dice.choice(PARCEL_STATES)
        tracking = dice.choice([None, None, "in_transit", "return_to_sender"])
        back = dice.choice([(0, 0), (0, 0), (1, 0), (0, 1), (0, 2)])
        await run(engine, PARCEL, o=order_id, n=n, state=state, tracking=tracking,
                  in_return=back[0], returned=back[1])  # fmt: skip
    for n in range(dice.choice([0, 0, 1, 2])):
        of = dice.choice([None, f"{order_id}-f1"])
        await run(engine, EXCEPTION, o=order_id, n=n, of=of)
    if dice.random() < 0.3:
        await run(engine, HOLD, o=order_id)
    for change in dice.sample(CHANGES, dice.choice([0, 1, 2])):
        await run(engine, change, o=order_id)


CHANGES = (
    "UPDATE order_lines SET cancelled = quantity WHERE order_id = :o",
    "UPDATE exceptions SET state = 'resolved', resolved_at = now() WHERE order_id = :o",
    "UPDATE holds SET state = 'released', ended_at = now(), ended_by = 'x' WHERE order_id = :o",
    "UPDATE orders SET total_minor = 0 WHERE order_id = :o",
    "UPDATE orders SET next_deadline = '2026-11-22T08:00:00Z' WHERE order_id = :o",
    "UPDATE authorizations SET refunded_minor = captured_minor WHERE order_id = :o",
    "UPDATE fulfillment_lines SET in_return = 2, returned = 0 WHERE fulfillment_id = :o || '-f1'",
    "UPDATE fulfillments SET next_deadline = '2026-11-21' WHERE fulfillment_id = :o || '-f1'",
    """
    UPDATE orders SET outcome = 'cancelled', closed_at = now(), next_step = NULL,
      next_deadline = NULL WHERE order_id = :o
    """,
)


async def test_what_is_listed_is_what_the_parts_say(shop: AsyncEngine) -> None:
    """The list derives its answer by the domain's rules, the filters by the database's."""
    dice = random.Random(7)
    for number in range(1, 121):
        await an_order(shop, dice, number)
    assert await run(shop, STALE) == []
    states = {row.order_id: row for row in await run(shop, "SELECT * FROM order_states")}
    async with shop.connect() as tx:
        listed = (await orders.list_orders(tx, OrderFilter(), after=None, limit=200)).orders
    assert len(listed) == len(states) == 120
    for item in listed:
        kept = states[item.order_id]
        assert (kept.payment, kept.fulfillment, kept.returned) == (
            item.axes.payment, item.axes.fulfillment, item.axes.returned,
        ), item.order_id  # fmt: skip
        assert kept.next_deadline == (item.next and item.next.deadline), item.order_id
    drawn = {value for row in states.values() for value in row}
    assert {"paid", "partly_refunded", "refunded", "voided", "not_due", "lost"} <= drawn
    assert {"partly_shipped", "delivered", "requested", "returned_to_sender"} <= drawn


async def test_axes_and_deadlines_are_filters(shop: AsyncEngine) -> None:
    dice = random.Random(8)
    for number in range(1, 41):
        await an_order(shop, dice, number)
    async with shop.connect() as tx:
        everything = (await orders.list_orders(tx, OrderFilter(), after=None, limit=99)).orders

        async def ids(**filters: Any) -> set[str]:
            page = await orders.list_orders(tx, OrderFilter(**filters), after=None, limit=99)
            return {item.order_id for item in page.orders}

        for axis in ("payment", "fulfillment", "returned"):
            for value in {getattr(item.axes, axis) for item in everything}:
                expected = {i.order_id for i in everything if getattr(i.axes, axis) == value}
                assert await ids(**{axis: value}) == expected
        waiting = [item for item in everything if item.next is not None]
        moment = sorted(item.next.deadline for item in waiting)[len(waiting) // 2]
        earlier = {item.order_id for item in waiting if item.next.deadline < moment}
        assert await ids(deadline_to=moment) == earlier
        assert await ids(deadline_from=moment) == {i.order_id for i in waiting} - earlier
        assert await ids(overdue=True) | await ids(overdue=False) == {
            item.order_id for item in everything
        }
        assert await ids(location="east", exception="pick_overdue", hold="any") == {
            row.order_id
            for row in (
                await tx.execute(
                    sa.text(
                        "SELECT order_id FROM holds h WHERE state = 'open'"
                        " AND EXISTS (SELECT FROM exceptions e"
                        "   WHERE e.order_id = h.order_id AND e.state = 'open')"
                        " AND EXISTS (SELECT FROM fulfillments f WHERE f.order_id = h.order_id)"
                    )
                )
            )
        }


async def test_two_who_change_parts_of_one_order_leave_what_both_did(shop: AsyncEngine) -> None:
    """Each derives the order without the other's part, until the other has committed."""
    await place(shop, "shop-1", "Ana", "a@b", "Rio", "LAMP-01", minute=0)
    await run(shop, AUTHORIZATION, o="shop-1", n=1, amount=100, state="held", captured=0,
              refunded=0)  # fmt: skip
    await run(shop, PARCEL, o="shop-1", n=1, state="open", tracking=None, in_return=0, returned=0)
    async with shop.connect() as one, shop.connect() as other:
        await one.execute(
            sa.text("UPDATE authorizations SET state = 'taken', captured_minor = 100")
        )
        await other.execute(sa.text("UPDATE fulfillments SET state = 'picked'"))
        await one.execute(sa.text("SET CONSTRAINTS ALL IMMEDIATE"))
        committing = asyncio.create_task(other.commit())
        await until_blocked(shop)
        await one.commit()
        await committing
    assert await run(shop, STALE) == []
    (state,) = await run(shop, "SELECT payment, fulfillment FROM order_states")
    assert tuple(state) == ("paid", "in_progress")
