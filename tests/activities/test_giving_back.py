"""What will not ship is not kept: holds are voided, money is refunded, each exactly once."""

import pytest

from activities.closing import Close
from activities.connectors.errors import NotSent, OutcomeUnknown, Rejected
from activities.connectors.payment.port import RefundStatus
from activities.exceptions import ExceptionActivities, Raised, Resolved
from activities.payments import SlipState
from activities.settlement import Due
from tests.activities.shop import HOUR_S, Shop, at_once, card, paid


async def dues(shop: Shop, order_id: str) -> tuple[Due, ...]:
    return (await shop.closing.money_due(order_id)).dues


async def half_cancelled(shop: Shop, tender: str, reference: str = "pm") -> str:
    """Two parcels of the same worth, paid beforehand: one ships, the other is cancelled."""
    east, west = await shop.sku(east=1), await shop.sku(west=1)
    tenders = [paid(tender, 2_000, reference)]
    first, second = await shop.routed((east, 1), (west, 1), tenders=tenders)
    await shop.shipped(first)
    assert await shop.fulfillment.cancel_fulfillment(second.fulfillment_id)
    return first.fulfillment_id.rpartition("-f")[0]


async def test_a_hold_that_is_not_needed_is_voided_once(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    await shop.take(order_id)
    (due,) = await dues(shop, order_id)
    assert due.operation == "void"
    await at_once(4, lambda _: shop.settlement.give_back(due))
    await shop.settlement.give_back(due)
    assert set(shop.bank.calls("void")) == {f"{order_id}:t1:void:1"}
    assert await shop.money_events(order_id) == [("authorized", 1_000), ("voided", 1_000)]
    assert await dues(shop, order_id) == ()


async def test_a_refund_told_again_after_its_record_is_not_made_again(shop: Shop) -> None:
    order_id = await half_cancelled(shop, "debit")
    (due,) = await dues(shop, order_id)
    assert (due.operation, due.amount_minor) == ("refund", 1_000)
    for _ in range(3):
        await shop.settlement.give_back(due)
    assert list(shop.bank.refunded.values()) == [1_000]
    assert shop.bank.calls("refund") == [f"{order_id}:t1:refund:1"]
    assert (await shop.money_events(order_id))[-1] == ("refunded", 1_000)
    (mail,) = await shop.rows(
        "SELECT payload FROM outbox WHERE key = :k", k=f"{order_id}:refund_issued:t1:refund:1"
    )
    assert mail.payload["facts"]["amount"] == "10.00 USD"
    await shop.advance(f"{order_id}-f1", "delivered")
    await shop.close(order_id, "delivered")


async def test_refunds_at_once_are_one_refund(shop: Shop) -> None:
    order_id = await half_cancelled(shop, "debit")
    (due,) = await dues(shop, order_id)
    await at_once(6, lambda _: shop.settlement.give_back(due))
    assert list(shop.bank.refunded.values()) == [1_000]
    assert [event for event, _ in await shop.money_events(order_id)].count("refunded") == 1


@pytest.mark.parametrize("moment", ["after the act", "before the act"])
async def test_a_refund_that_failed_is_repeated_under_its_own_key(shop: Shop, moment: str) -> None:
    order_id = await half_cancelled(shop, "debit")
    (due,) = await dues(shop, order_id)
    if moment == "after the act":
        shop.bank.faults.silent = 1
    else:
        shop.bank.faults.before = [NotSent("bank", "refused connection")]
    with pytest.raises((OutcomeUnknown, NotSent)):
        await shop.settlement.give_back(due)
    await shop.settlement.give_back(due)
    assert shop.bank.calls("refund") == [f"{order_id}:t1:refund:1"] * 2
    assert list(shop.bank.refunded.values()) == [1_000]


async def test_a_refund_the_vendor_calls_done_is_recorded(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("debit", 1_000)])
    await shop.take(order_id)
    (due,) = await dues(shop, order_id)
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.settlement.give_back(due)
    shop.bank.forget_keys()
    await shop.settlement.give_back(due)
    assert list(shop.bank.refunded.values()) == [1_000]
    assert (await shop.money_events(order_id))[-1] == ("refunded", 1_000)


async def test_a_refund_that_is_refused_stays_due_and_is_tried_anew_with_its_own_key(
    shop: Shop,
) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("debit", 1_000)])
    await shop.take(order_id)
    (due,) = await dues(shop, order_id)
    shop.bank.faults.before = [Rejected("bank", "the account is closed", "other")]
    with pytest.raises(Rejected):
        await shop.settlement.give_back(due)
    assert await dues(shop, order_id) == (due,)
    await shop.settlement.give_back(due)
    assert shop.bank.calls("refund") == [f"{order_id}:t1:refund:{n}" for n in (1, 2)]
    assert await dues(shop, order_id) == ()


async def test_refunds_of_one_authorization_are_numbered(shop: Shop) -> None:
    """First the part that was cancelled, then the one that was lost."""
    order_id = await half_cancelled(shop, "debit")
    (first,) = await dues(shop, order_id)
    await shop.settlement.give_back(first)
    await shop.advance(f"{order_id}-f1", "lost")
    (second,) = await dues(shop, order_id)
    await shop.settlement.give_back(second)
    await shop.settlement.give_back(first)
    assert shop.bank.calls("refund") == [f"{order_id}:t1:refund:{n}" for n in (1, 2)]
    assert list(shop.bank.refunded.values()) == [2_000]
    assert await dues(shop, order_id) == ()


async def test_store_credit_is_put_back_once(shop: Shop) -> None:
    code = await shop.credit(2_500)
    order_id = await half_cancelled(shop, "store_credit", code)
    (due,) = await dues(shop, order_id)
    await at_once(5, lambda _: shop.settlement.give_back(due))
    found = await shop.row("SELECT balance_minor FROM store_credits WHERE code = :c", c=code)
    assert found.balance_minor == 1_500
    assert shop.bank.calls("refund") == []


async def test_an_unshipped_order_of_three_tenders_gives_back_all_three(shop: Shop) -> None:
    code = await shop.credit(500)
    tenders = [card(300), paid("debit", 200), paid("store_credit", 500, code)]
    order_id = await shop.admitted((await shop.sku(), 1), tenders=tenders)
    for number in (1, 2, 3):
        await shop.take(order_id, number)
    assert [due.operation for due in await dues(shop, order_id)] == ["refund", "refund", "void"]
    await shop.close(order_id, "cancelled")
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert (order.outcome, order.next_step) == ("cancelled", None)


async def test_a_tender_nobody_knows_the_fate_of_must_be_found_out_first(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.take(order_id)
    (due,) = (await shop.closing.close_order(Close(order_id, "cancelled"))).dues
    assert (due.operation, due.subject) == ("finish", f"{order_id}:t1:authorize:1")
    await shop.take(order_id)
    await shop.close(order_id, "cancelled")
    assert await shop.money_events(order_id) == [("authorized", 1_000), ("voided", 1_000)]


async def test_a_slip_paid_after_it_expired_is_refunded_in_full(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("bank_slip", 1_000)])
    await shop.take(order_id)
    await shop.money.settle_slip(SlipState(order_id, 1, paid=False))
    await shop.close(order_id, "expired_payment")
    assert await dues(shop, order_id) == ()
    shop.bank.pay_slip(f"pay_{order_id}:t1:slip:1")
    assert await shop.money.settle_slip(SlipState(order_id, 1, paid=True))
    (due,) = await dues(shop, order_id)
    assert (due.operation, due.amount_minor) == ("refund", 1_000)
    await shop.settlement.give_back(due)
    assert await dues(shop, order_id) == ()
    assert list(shop.bank.refunded.values()) == [1_000]


async def test_what_shipped_is_kept_and_the_order_closes_once(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=1), 1))
    await shop.shipped(part)
    await shop.advance(part.fulfillment_id, "delivered")
    order_id = part.fulfillment_id.rpartition("-f")[0]
    for _ in range(2):
        assert (await shop.closing.close_order(Close(order_id, "delivered"))).dues == ()
    assert (await shop.story(order_id)).count("OrderClosed") == 1


async def test_a_refund_that_failed_is_no_refund_and_the_next_has_its_own_key(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("debit", 1_000)])
    await shop.take(order_id)
    (due,) = await dues(shop, order_id)
    shop.bank.refund_status = RefundStatus.FAILED
    with pytest.raises(Rejected):
        await shop.settlement.give_back(due)
    assert await dues(shop, order_id) == (due,)
    shop.bank.refund_status = RefundStatus.SUCCEEDED
    await shop.settlement.give_back(due)
    assert shop.bank.calls("refund") == [f"{order_id}:t1:refund:{n}" for n in (1, 2)]
    assert list(shop.bank.refunded.values()) == [1_000]
    assert await dues(shop, order_id) == ()


async def test_a_refund_in_no_known_state_is_not_called_done(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("debit", 1_000)])
    await shop.take(order_id)
    (due,) = await dues(shop, order_id)
    shop.bank.refund_status = RefundStatus.UNKNOWN
    with pytest.raises(OutcomeUnknown):
        await shop.settlement.give_back(due)
    assert (await shop.money_events(order_id))[-1] == ("captured", 1_000)


async def test_an_order_closes_without_what_a_person_skipped_and_not_without_the_rest(
    shop: Shop,
) -> None:
    tenders = [paid("debit", 400), card(600)]
    order_id = await shop.admitted((await shop.sku(), 1), tenders=tenders)
    await shop.take(order_id, 1)
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.take(order_id, 2)
    unknown, refund = await dues(shop, order_id)
    assert (unknown.operation, refund.operation) == ("finish", "refund")
    exceptions, asked = ExceptionActivities(shop.engine), f"{order_id}-x1-1"
    await exceptions.raise_exception(
        Raised(asked, f"order-{order_id}", order_id, None, "finish payment", "step_exhausted", "",
               HOUR_S, ("retry", "skip"))
    )  # fmt: skip
    await exceptions.resolve_exception(Resolved(asked, order_id, "skip", "test"))
    close = Close(order_id, "cancelled", skipped=(unknown.subject,))
    assert (await shop.closing.close_order(close)).dues == (refund,)
    await shop.settlement.give_back(refund)
    assert (await shop.closing.close_order(close)).dues == ()
    assert await dues(shop, order_id) == (unknown,)
