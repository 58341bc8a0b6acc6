"""Each tender is taken once, whatever is lost, repeated or refused on the way."""

import pytest

from activities.connectors.errors import (
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Rejected,
    Throttled,
)
from activities.connectors.payment.port import PaymentStatus
from activities.payments import SlipRef, SlipState, Taken
from tests.activities.shop import Shop, at_once, card, paid, share

NOT_DONE = [
    NotSent("bank", "refused connection"),
    Throttled("bank", "slowly", retry_after_s=1.0),
    OutcomeUnknown("bank", "timed out"),
    Misconfigured("bank", "no such key"),
]


async def test_a_card_is_held_and_asked_again_the_answer_is_known(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 2))
    assert await shop.take(order_id) == Taken("held")
    assert await shop.take(order_id) == Taken("held")
    assert shop.bank.keys == [f"{order_id}:t1:authorize:1"]
    assert await shop.money_events(order_id) == [("authorized", 2_000)]


@pytest.mark.parametrize("error", NOT_DONE, ids=lambda error: type(error).__name__)
async def test_a_retry_after_a_failure_uses_the_same_key(shop: Shop, error: Exception) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.faults.before = [error]  # type: ignore[list-item]
    with pytest.raises(type(error)):
        await shop.take(order_id)
    intent = await shop.row("SELECT * FROM payment_intents WHERE order_id = :o", o=order_id)
    assert (intent.state, await shop.money_events(order_id)) == ("begun", [])
    assert await shop.take(order_id) == Taken("held")
    assert shop.bank.keys == [f"{order_id}:t1:authorize:1"] * 2
    assert len(shop.bank.payments) == 1


async def test_an_answer_lost_after_the_act_holds_the_money_once(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.faults.silent = 2
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await shop.take(order_id)
    assert await shop.take(order_id) == Taken("held")
    assert len(shop.bank.payments) == 1
    assert await shop.money_events(order_id) == [("authorized", 1_000)]


async def test_two_takers_at_once_leave_one_record(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    answers = await at_once(8, lambda _: shop.take(order_id))
    assert answers == [Taken("held")] * 8
    assert await shop.money_events(order_id) == [("authorized", 1_000)]
    assert (await shop.story(order_id)).count("PaymentAuthorized") == 1


async def test_a_decline_is_remembered_and_not_asked_again(shop: Shop) -> None:
    order_id = await shop.admitted(
        (await shop.sku(), 1), tenders=[card(1_000, "fake:authorize:declined")]
    )
    for _ in range(2):
        assert await shop.take(order_id) == Taken("declined", "payment_declined")
    assert len(shop.bank.keys) == 1
    assert await shop.money_events(order_id) == [("declined", 1_000)]
    assert (await shop.story(order_id)).count("PaymentDeclined") == 1


async def test_a_refused_tender_tried_anew_has_a_key_of_its_own(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.faults.before = [Rejected("bank", "try later", "payment_declined")]
    assert (await shop.take(order_id)).state == "declined"
    assert await shop.take(order_id, attempt=2) == Taken("held")
    assert shop.bank.keys[-1] == f"{order_id}:t1:authorize:2"


async def test_a_status_nobody_knows_is_neither_held_nor_declined(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.status = PaymentStatus.UNKNOWN
    with pytest.raises(OutcomeUnknown):
        await shop.take(order_id)
    assert await shop.money_events(order_id) == []


async def test_a_payment_that_failed_at_the_vendor_is_declined(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1))
    shop.bank.status = PaymentStatus.FAILED
    assert await shop.take(order_id) == Taken("declined", "payment_failed")


async def test_a_debit_is_taken_at_once(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("debit", 1_000)])
    assert await shop.take(order_id) == Taken("taken")
    assert await shop.take(order_id) == Taken("taken")
    assert shop.bank.keys == [f"{order_id}:t1:charge:1"]
    assert await shop.money_events(order_id) == [("captured", 1_000)]


async def test_a_manual_tender_is_written_down_and_nobody_is_called(shop: Shop) -> None:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("manual", 1_000)])
    assert [await shop.take(order_id) for _ in range(2)] == [Taken("taken")] * 2
    assert shop.bank.keys == []
    assert await shop.money_events(order_id) == [("captured", 1_000)]


# -- store credit


async def balance(shop: Shop, code: str) -> int:
    found = await shop.row("SELECT balance_minor FROM store_credits WHERE code = :c", c=code)
    return int(found.balance_minor)


async def test_many_redeem_one_credit_and_it_never_goes_below_zero(shop: Shop) -> None:
    sku, code = await shop.sku(), await shop.credit(5_500)
    tenders = [paid("store_credit", 1_000, code)]
    placed = [await shop.admitted((sku, 1), tenders=tenders) for _ in range(12)]
    answers = await at_once(12, lambda number: shop.take(placed[number]))
    assert answers.count(Taken("taken")) == 5
    assert answers.count(Taken("declined", "insufficient_credit")) == 7
    assert await balance(shop, code) == 500


async def test_credit_is_redeemed_once_however_often_it_is_asked(shop: Shop) -> None:
    code = await shop.credit(3_000)
    tenders = [paid("store_credit", 1_000, code)]
    order_id = await shop.admitted((await shop.sku(), 1), tenders=tenders)
    assert await at_once(6, lambda _: shop.take(order_id)) == [Taken("taken")] * 6
    assert await balance(shop, code) == 2_000


async def test_credit_nobody_has_is_declined(shop: Shop) -> None:
    tenders = [paid("store_credit", 1_000, "no-such-code")]
    order_id = await shop.admitted((await shop.sku(), 1), tenders=tenders)
    assert await shop.take(order_id) == Taken("declined", "insufficient_credit")


# -- bank slips


async def slip(shop: Shop) -> tuple[str, str]:
    order_id = await shop.admitted((await shop.sku(), 1), tenders=[paid("bank_slip", 1_000)])
    assert await shop.take(order_id) == Taken("pending")
    return order_id, f"pay_{order_id}:t1:slip:1"


async def test_a_slip_is_issued_once_and_its_voucher_is_mailed(shop: Shop) -> None:
    order_id, _ = await slip(shop)
    assert await shop.take(order_id) == Taken("pending")
    assert await shop.money_events(order_id) == [("slip_issued", 1_000)]
    order = await shop.row("SELECT * FROM orders WHERE order_id = :o", o=order_id)
    assert order.next_step == "bank slip payment"
    mail = await shop.row("SELECT payload FROM outbox WHERE order_id = :o", o=order_id)
    facts = mail.payload["facts"]
    assert facts["voucher"] == f"https://fake.invalid/pay_{order_id}:t1:slip:1"
    assert facts["amount"] == "10.00 USD"
    assert facts["due"] == order.next_deadline.date().isoformat()


@pytest.mark.parametrize(
    ("words", "news", "events"),
    [
        ([True, True], [True, False], ["slip_issued", "captured"]),
        ([False, False], [True, False], ["slip_issued", "slip_expired"]),
        ([True, False], [True, False], ["slip_issued", "captured"]),
        ([False, True], [True, True], ["slip_issued", "slip_expired", "captured"]),
        ([False, True, False], [True, True, False], ["slip_issued", "slip_expired", "captured"]),
    ],
    ids=["paid twice", "expired twice", "paid then expired", "paid late", "paid late for good"],
)
async def test_a_slip_once_paid_stays_paid(
    shop: Shop, words: list[bool], news: list[bool], events: list[str]
) -> None:
    order_id, _ = await slip(shop)
    found = [await shop.money.settle_slip(SlipState(order_id, 1, paid=word)) for word in words]
    assert found == news
    assert await shop.money_events(order_id) == [(event, 1_000) for event in events]


async def test_the_bank_is_asked_about_a_slip_only_while_it_is_open(shop: Shop) -> None:
    order_id, vendor_ref = await slip(shop)
    asked = SlipRef(order_id, 1)
    assert await shop.money.slip_is_paid(asked) is False
    shop.bank.pay_slip(vendor_ref)
    assert await shop.money.slip_is_paid(asked) is True
    await shop.money.settle_slip(SlipState(order_id, 1, paid=True))
    shop.bank.payments.clear()
    assert await shop.money.slip_is_paid(asked) is True


async def test_both_words_of_the_bank_at_once_are_each_recorded_once(shop: Shop) -> None:
    order_id, _ = await slip(shop)
    words = [SlipState(order_id, 1, paid=number % 2 == 0) for number in range(10)]
    await at_once(10, lambda number: shop.money.settle_slip(words[number]))
    assert [e for e, _ in await shop.money_events(order_id)].count("captured") == 1


# -- capture


async def test_a_capture_repeated_is_one_capture(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=5), 2))
    await at_once(4, lambda _: shop.money.capture(share(part)))
    await shop.money.capture(share(part))
    order_id = share(part).order_id
    assert set(shop.bank.calls("capture")) == {f"{order_id}:f1.t1:capture:1"}
    assert await shop.money_events(order_id) == [("authorized", 2_000), ("captured", 2_000)]


async def test_a_capture_whose_answer_was_lost_is_captured_once(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=5), 1))
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.money.capture(share(part))
    await shop.money.capture(share(part))
    assert await shop.money_events(share(part).order_id) == [
        ("authorized", 1_000),
        ("captured", 1_000),
    ]


async def test_a_capture_repeated_after_the_vendor_forgot_the_key_is_adopted(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=5), 1))
    shop.bank.faults.silent = 1
    with pytest.raises(OutcomeUnknown):
        await shop.money.capture(share(part))
    shop.bank.forget_keys()
    await shop.money.capture(share(part))
    assert ("captured", 1_000) in await shop.money_events(share(part).order_id)


async def test_money_captured_by_somebody_else_for_another_sum_is_not_ours(shop: Shop) -> None:
    (part,) = await shop.routed((await shop.sku(east=5), 2))
    order_id = share(part).order_id
    await shop.bank.capture("somebody", f"pay_{order_id}:t1:authorize:1", 1)
    with pytest.raises(Rejected) as refused:
        await shop.money.capture(share(part))
    assert refused.value.code == "already_captured"
    assert await shop.money_events(order_id) == [("authorized", 2_000), ("declined", 2_000)]


async def test_a_refused_capture_tried_anew_has_a_key_of_its_own(shop: Shop) -> None:
    """The vendor would answer the first key as before, whatever has changed since."""
    (part,) = await shop.routed((await shop.sku(east=5), 1))
    shop.bank.faults.before = [Rejected("bank", "the bank is closed", "other")]
    with pytest.raises(Rejected):
        await shop.money.capture(share(part))
    for _ in range(2):
        await shop.money.capture(share(part))
    order_id = share(part).order_id
    assert shop.bank.calls("capture") == [f"{order_id}:f1.t1:capture:{n}" for n in (1, 2)]
    assert (await shop.money_events(order_id))[-1] == ("captured", 1_000)
