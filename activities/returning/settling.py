"""Settling a return: what its accepted units are worth, and how that is given, decided once."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.mail import written_amount
from activities.returning.standing import Standing, locked, mail, standing, tell
from activities.settlement import Due
from db.queries.return_facts import Facts, facts, refundable
from db.stores import documents, exchanges, payments, return_money, returns
from domain.money import settled_step
from domain.naming import EXCHANGE_LINES_FROM
from domain.returning.eligibility import FAULTS
from domain.returning.parcels import Item, cost
from domain.returning.request import given_worth
from domain.returning.worth import Worth, bonus, spread, stepped

OUTCOMES = {
    "refund": "refunded",
    "store_credit": "credited",
    "exchange": "exchanged",
    "replacement": "replaced",
}


@dataclass(frozen=True)
class Settle:
    rma: str
    within_s: float = 0.0


@dataclass(frozen=True)
class Owed:
    """What must still be given back: parts of the return's refund, and an exchange's money."""

    state: str
    refunds: tuple[int, ...] = ()
    dues: tuple[Due, ...] = ()


class SettlingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def settle_return(self, settle: Settle) -> Owed:
        """Decide what is given for what was accepted; told again, the same."""
        async with self._engine.begin() as tx:
            back = await locked(tx, settle.rma)
            is_kept = back.state == "approved" and back.method == "keep"
            if back.state == "inspected" or is_kept:
                if is_kept:
                    await returns.accept_kept(tx, back.rma)
                await returns.advance(tx, back.rma, "settled", "refund", settle.within_s)
                await _settle(tx, back)
            return await owed(tx, back)

    @activity.defn
    async def give_up_refunds(self, rma: str) -> None:
        """A person skipped what could not be given back."""
        async with self._engine.begin() as tx:
            await locked(tx, rma)
            await return_money.give_up(tx, rma)

    @activity.defn
    async def money_owed(self, rma: str) -> Owed:
        async with self._engine.begin() as tx:
            return await owed(tx, await locked(tx, rma))

    @activity.defn
    async def close_return(self, rma: str) -> Standing:
        """End a settled return, and tell the customer what was given; told again, nothing more."""
        async with self._engine.begin() as tx:
            back = await locked(tx, rma)
            if back.state == "settled":
                items = await returns.items(tx, rma)
                sent = await _arrived(tx, rma)
                is_given = sent is not None or any(item.accepted for item in items)
                outcome = OUTCOMES[back.resolution] if is_given else "rejected"
                await returns.close(tx, rma, outcome)
                if sent is not None:
                    await _ask_for_papers(tx, back, sent)
                await tell(tx, back, "ReturnClosed", outcome=outcome)
                await _say(tx, back, outcome)
            return await standing(tx, rma)


async def _arrived(tx: AsyncConnection, rma: str) -> Any | None:
    part = await exchanges.parcel_of(tx, rma)
    return part if part is not None and part.state == "delivered" else None


async def _ask_for_papers(tx: AsyncConnection, back: Any, part: Any) -> None:
    """The same goods again need none, unless somebody paid for them."""
    if back.resolution != "exchange" and not part.share_minor:
        return
    lines = await exchanges.lines(tx, back.rma)
    units = await returns.accepted(tx, back.rma)
    await documents.request_exchange(tx, back, part, lines, units)


async def settle_without_goods(tx: AsyncConnection, back: Any, within_s: float) -> None:
    """Nothing came back for what was sent ahead: it is worth nothing, and may still be returned."""
    await returns.advance(tx, back.rma, "settled", "security", within_s)
    await returns.settle_units(tx, back.rma)
    await tell(tx, back, "ReturnSettled", amount_minor=0)


async def owed(tx: AsyncConnection, back: Any) -> Owed:
    """An exchange's own money is owed once its parcel has ended: what it did not need goes back."""
    now = await returns.get(tx, back.rma)
    refunds = await return_money.open_refunds(tx, back.rma)
    part = await exchanges.parcel_of(tx, back.rma)
    is_over = part is None or part.ended_at is not None
    dues = await payments.due(tx, back.order_id, back.rma) if is_over else []
    return Owed(
        now.state, tuple(each.refund_no for each in refunds), tuple(Due(*due) for due in dues)
    )


async def value(tx: AsyncConnection, back: Any, column: str) -> tuple[Facts, Worth]:
    """What the units in `column` of the return's items are worth now."""
    about = await facts(tx, back.order_id)
    assert about is not None
    items = await _items(tx, back, column)
    goods = cost(about.parcels, items)
    return about, given_worth(goods, about.policy, back.resolution, back.method)


async def _settle(tx: AsyncConnection, back: Any) -> None:
    about, worth = await value(tx, back, "accepted")
    if not back.advance:
        await name_replacements(tx, back, "accepted")
    await returns.settle_units(tx, back.rma)
    await returns.write_worth(tx, back.rma, vars_of(worth))
    if back.resolution == "refund":
        await decide_refund(tx, back, worth.total_minor, about.currency)
    elif back.resolution == "store_credit" and worth.total_minor:
        amount = worth.total_minor + bonus(worth.total_minor, about.policy)
        await returns.write_worth(tx, back.rma, {"credit_minor": amount})
        await return_money.issue_credit(tx, back.rma, amount, about.currency)
        # What is bought with it is invoiced anew; the bonus was never invoiced.
        key, units = f"{back.rma}:credit", await returns.accepted(tx, back.rma)
        await documents.credit_returned(tx, back.order_id, key, worth.total_minor, units)
        await tell(tx, back, "StoreCreditIssued", amount_minor=amount, currency=about.currency)
    elif back.advance and worth.goods_minor > back.exchange_minor:
        await decide_refund(tx, back, worth.goods_minor - back.exchange_minor, about.currency)
    await tell(tx, back, "ReturnSettled", amount_minor=worth.total_minor, currency=about.currency)


async def name_replacements(tx: AsyncConnection, back: Any, column: str) -> None:
    """A replacement is the same goods again, worth what the first were."""
    if back.resolution != "replacement" or await exchanges.lines(tx, back.rma):
        return
    about = await facts(tx, back.order_id)
    assert about is not None
    worths: dict[str, tuple[int, int]] = {}
    before, taken = 0, []
    for item in await _items(tx, back, column):
        taken.append(item)
        goods = cost(about.parcels, taken)
        sum_minor = goods.chosen_minor + goods.faulty_minor
        units, worth_minor = worths.get(item.sku, (0, 0))
        worths[item.sku] = (units + item.units, worth_minor + sum_minor - before)
        before = sum_minor
    first = await exchanges.next_line(tx, back.order_id, EXCHANGE_LINES_FROM)
    await exchanges.add_replacements(tx, back.rma, first, worths)


async def _items(tx: AsyncConnection, back: Any, column: str) -> list[Item]:
    return [
        Item(item.fulfillment_id, item.line_no, item.sku, getattr(item, column),
             item.reason in FAULTS)
        for item in await returns.items(tx, back.rma)
        if getattr(item, column)
    ]  # fmt: skip


def vars_of(worth: Worth) -> dict[str, int]:
    return {
        "goods_minor": worth.goods_minor,
        "freight_minor": worth.freight_minor,
        "fee_minor": worth.fee_minor,
        "return_freight_minor": worth.return_freight_minor,
    }


async def decide_refund(tx: AsyncConnection, back: Any, amount_minor: int, currency: str) -> None:
    """Divide a refund among the tenders that paid: never more of one than it still holds."""
    before = await return_money.paid_back_before(tx, back.order_id, back.rma)
    payable = stepped(before, amount_minor, settled_step(currency))
    parts = spread(payable, await refundable(tx, back.order_id))
    await return_money.decide(
        tx, back.rma, [(held.authorization_key, held.tender_no, part) for held, part in parts]
    )
    await return_money.add_refund(tx, back.rma, sum(part for _, part in parts))


async def _say(tx: AsyncConnection, back: Any, outcome: str) -> None:
    about = await facts(tx, back.order_id)
    assert about is not None
    if outcome == "rejected":
        await mail(tx, back, "return_rejected")
    elif back.credit_code:
        amount = written_amount(back.credit_minor, about.currency)
        await mail(tx, back, "credit_issued", amount=amount, code=back.credit_code)
    elif back.refund_minor:
        amount = written_amount(back.refund_minor, about.currency)
        await mail(tx, back, "return_refunded", amount=amount)
    elif outcome == "refunded":
        await mail(tx, back, "return_refunded", amount=written_amount(0, about.currency))
