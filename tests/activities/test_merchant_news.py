"""Merchants are told of their orders' events: signed, in order, at least once, and only if safe."""

import asyncio
import itertools
from typing import Any

import pytest
from sqlalchemy import event as sql_event
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from db.engine import row
from db.inbox.subscriptions import Wish, change, rotate_secret, unsubscribe
from db.stores import orders
from db.stores.outbox import FIRST_RETRY_S, LONGEST_RETRY_S, MOST_ATTEMPTS
from tests.activities.merchants import (
    Call,
    Merchants,
    Receiver,
    answers,
    deliver,
    hang,
    receiving,
)

DAY_S = 86_400


# -- what is told


async def test_an_event_arrives_signed_as_the_standard_says(
    merchants: Merchants, receiver: Receiver
) -> None:
    _, secret = await merchants.subscribe(receiver.url)
    order_id = await merchants.order()
    await merchants.tell(order_id, "HandedOver", carrier="road", tracking_number="T1")
    assert await deliver(merchants.delivery()) == 1
    (call,) = receiver.calls
    assert Webhook(secret).verify(call.body, call.headers) == call.told
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(call.body + b" ", call.headers)
    assert call.headers["content-type"] == "application/json"
    assert "." not in call.headers["webhook-id"]
    told = call.told
    assert told.pop("occurred_at").endswith("+00:00")
    assert told == {
        "event_id": call.headers["webhook-id"], "type": "HandedOver", "order_id": order_id,
        "channel": "shop", "external_id": order_id.removeprefix("shop-"), "sequence": 1,
        "fulfillment_id": None, "data": {"carrier": "road", "tracking_number": "T1"},
    }  # fmt: skip


async def test_no_personal_data_leaves(merchants: Merchants, receiver: Receiver) -> None:
    await merchants.subscribe(receiver.url)
    await merchants.tell(
        await merchants.order(), "OrderClosed", outcome="cancelled", reason="Ada moved to Rome"
    )
    await deliver(merchants.delivery())
    assert receiver.calls[0].told["data"] == {"outcome": "cancelled"}
    assert b"Ada" not in receiver.calls[0].body
    assert b"ada@" not in receiver.calls[0].body


async def test_each_subscription_hears_what_it_asked_for(merchants: Merchants) -> None:
    async with receiving() as all_of_it, receiving() as ends, receiving() as silent:
        await merchants.subscribe(all_of_it.url)
        await merchants.subscribe(ends.url, "OrderClosed", "Delivered")
        disabled, _ = await merchants.subscribe(silent.url)
        async with merchants.engine.begin() as tx:
            await change(tx, "test", disabled, Wish(enabled=False))
        order_id = await merchants.order()
        await merchants.tell(order_id, "OrderPlaced", "Delivered", "OrderClosed")
        while await deliver(merchants.delivery()):
            pass
    assert all_of_it.sequences(order_id) == [1, 2, 3]
    assert ends.sequences(order_id) == [2, 3]
    assert all_of_it.calls[1].headers["webhook-id"] == ends.calls[0].headers["webhook-id"]
    assert silent.calls == []


async def test_an_event_is_told_in_one_statement_whoever_listens(
    merchants: Merchants, receiver: Receiver
) -> None:
    statements: list[str] = []

    def note(_: Any, __: Any, statement: str, *more: Any) -> None:
        statements.append(statement)

    sql_event.listen(merchants.engine.sync_engine, "before_cursor_execute", note)
    order_id = await merchants.order()
    for _ in range(2):
        statements.clear()
        await merchants.tell(order_id, "Picked")
        assert len(statements) == 1
        await merchants.subscribe(receiver.url)
    sql_event.remove(merchants.engine.sync_engine, "before_cursor_execute", note)
    assert len(await merchants.waiting()) == 1


async def test_what_was_undone_is_not_told(merchants: Merchants, receiver: Receiver) -> None:
    await merchants.subscribe(receiver.url)
    order_id = await merchants.order()
    async with merchants.engine.connect() as tx:
        await orders.tell(tx, order_id, "Lost")
        await tx.rollback()
    assert await merchants.waiting() == []


# -- secrets


async def test_while_a_secret_is_replaced_both_sign(
    merchants: Merchants, receiver: Receiver
) -> None:
    subscription_id, old = await merchants.subscribe(receiver.url)
    async with merchants.engine.begin() as tx:
        rotated = await rotate_secret(tx, "test", subscription_id)
        now = await row(tx, "SELECT now() AS now")
    assert rotated is not None
    assert (rotated.previous_valid_until - now.now).total_seconds() == DAY_S
    order_id = await merchants.order()
    await merchants.tell(order_id, "Picked")
    await deliver(merchants.delivery())
    call = receiver.calls[-1]
    assert len(call.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, rotated.secret):
        Webhook(secret).verify(call.body, call.headers)

    await merchants.sql("UPDATE webhook_secrets SET expires_at = now() WHERE expires_at > now()")
    await merchants.tell(order_id, "Packed")
    await deliver(merchants.delivery())
    call = receiver.calls[-1]
    Webhook(rotated.secret).verify(call.body, call.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(call.body, call.headers)


# -- at least once, in order


async def test_a_failure_is_repeated_under_the_same_id_with_the_same_body(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    await merchants.tell(await merchants.order(), "Picked")
    receiver.answer = answers(500)
    assert await deliver(merchants.delivery()) == 1
    (waiting,) = await merchants.waiting()
    assert (waiting.attempts, waiting.last_error) == (1, "the answer is 500")
    assert await deliver(merchants.delivery()) == 0
    receiver.answer = answers(200)
    await merchants.hurry()
    assert await deliver(merchants.delivery()) == 1
    assert await merchants.waiting() == []
    assert list(receiver.ids().values()) == [2]
    assert receiver.calls[0].body == receiver.calls[1].body


async def test_a_delivery_killed_before_its_record_is_sent_again_under_the_same_id(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    await merchants.tell(await merchants.order(), "Picked")
    receiver.answer = hang
    killed = asyncio.create_task(deliver(merchants.delivery()))
    await receiver.heard.wait()
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    receiver.answer = answers(200)
    assert await deliver(merchants.delivery()) == 1
    assert list(receiver.ids().values()) == [2]


async def test_what_one_worker_sends_no_other_sends_at_once(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    for _ in range(30):
        await merchants.tell(await merchants.order(), "Picked")
    gate = asyncio.Barrier(30)

    async def wait(_: Call) -> tuple[int, dict[str, str]]:
        """Answer nobody before everybody has asked."""
        await gate.wait()
        return 200, {}

    receiver.answer = wait
    assert sum(await asyncio.gather(*(deliver(merchants.delivery()) for _ in range(4)))) == 30
    assert set(receiver.ids().values()) == {1}


async def test_two_workers_tell_an_order_s_events_in_their_order(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    ids = [await merchants.order() for _ in range(6)]
    numbers = itertools.count()
    done: dict[str, list[int]] = {order_id: [] for order_id in ids}

    async def now_and_then(call: Call) -> tuple[int, dict[str, str]]:
        await asyncio.sleep(0.005)
        if next(numbers) % 3 == 0:
            return 503, {}
        done[call.told["order_id"]].append(call.told["sequence"])
        return 200, {}

    async def tell(order_id: str) -> None:
        await merchants.tell(order_id, *["TrackingUpdated"] * 8)

    async def work() -> None:
        while not telling.done() or await merchants.waiting():
            await merchants.hurry()
            await deliver(merchants.delivery())

    receiver.answer = now_and_then
    telling = asyncio.gather(*map(tell, ids))
    await asyncio.wait_for(asyncio.gather(telling, work(), work()), 60)
    assert done == {order_id: [1, 2, 3, 4, 5, 6, 7, 8] for order_id in ids}


async def test_what_must_wait_is_due_with_what_it_waits_for(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    order_id = await merchants.order()
    await merchants.tell(order_id, "Picked", "Packed")
    receiver.answer = answers(500)
    await deliver(merchants.delivery())
    first, second = await merchants.waiting()
    assert second.next_attempt_at == first.next_attempt_at
    receiver.answer = answers(200)
    await merchants.sql(
        "UPDATE outbox SET next_attempt_at = now() WHERE outbox_id = :first", first=first.outbox_id
    )
    assert await deliver(merchants.delivery()) == 1
    assert await deliver(merchants.delivery()) == 1
    assert receiver.sequences(order_id) == [1, 1, 2]


# -- the end


def test_attempts_end_after_about_three_days() -> None:
    waits = [min(LONGEST_RETRY_S, FIRST_RETRY_S * 2**n) for n in range(MOST_ATTEMPTS - 1)]
    assert 2.9 * DAY_S < sum(waits) < 3.1 * DAY_S


async def test_after_the_last_attempt_it_is_a_dead_letter_and_the_next_one_goes(
    merchants: Merchants, receiver: Receiver
) -> None:
    await merchants.subscribe(receiver.url)
    order_id = await merchants.order()
    await merchants.tell(order_id, "Picked", "Packed")
    await merchants.sql(
        "UPDATE outbox SET attempts = :last WHERE sequence = 1", last=MOST_ATTEMPTS - 1
    )
    receiver.answer = answers(404)
    await deliver(merchants.delivery())
    (dead,) = await merchants.outbox("dead_at IS NOT NULL")
    assert (dead.sequence, dead.last_error) == (1, "the answer is 404")
    receiver.answer = answers(200)
    assert await deliver(merchants.delivery()) == 1
    assert receiver.sequences(order_id) == [1, 2]
    assert await deliver(merchants.delivery()) == 0


async def test_a_deleted_subscription_is_told_nothing_more(
    merchants: Merchants, receiver: Receiver
) -> None:
    subscription_id, _ = await merchants.subscribe(receiver.url)
    order_id = await merchants.order()
    await merchants.tell(order_id, "Picked")
    async with merchants.engine.begin() as tx:
        assert await unsubscribe(tx, "test", subscription_id)
    await merchants.tell(order_id, "Packed")
    assert await merchants.outbox() == []
    assert await deliver(merchants.delivery()) == 0


async def test_a_disabled_subscription_s_messages_wait(
    merchants: Merchants, receiver: Receiver
) -> None:
    subscription_id, _ = await merchants.subscribe(receiver.url)
    await merchants.tell(await merchants.order(), "Picked")
    async with merchants.engine.begin() as tx:
        assert await change(tx, "test", subscription_id, Wish(enabled=False))
    assert await deliver(merchants.delivery()) == 0
    # Disabled at the moment of the turn: that is no attempt.
    await merchants.delivery().deliver(f"webhook:{subscription_id}")
    (waiting,) = await merchants.waiting()
    assert (waiting.attempts, waiting.last_error) == (0, "the subscription is disabled")
