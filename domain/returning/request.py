"""A return as it is asked for: judged line by line, valued, and given its way back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.returning.eligibility import (
    FAULTS,
    Decision,
    Verdict,
    Wish,
    judge,
    judge_all,
)
from domain.returning.parcels import Goods, Item, ShippedParcel, cost, pick
from domain.returning.policy import ReturnPolicy
from domain.returning.worth import Worth, bonus, deduct

# These resolutions send other goods instead of money.
SENDS_GOODS: Final = frozenset({"exchange", "replacement"})


@dataclass(frozen=True, slots=True)
class LineAsked:
    line_no: int
    quantity: int
    reason: str
    condition: str


@dataclass(frozen=True, slots=True)
class Asked:
    """`method`: how the goods are to come back; "keep" when they are not to."""

    source: str
    resolution: str
    method: str
    country: str
    lines: tuple[LineAsked, ...]
    instead_minor: int = 0  # what the goods of an exchange cost


@dataclass(frozen=True, slots=True)
class Plan:
    """What would become of it; `items` are the units, each with the line it was asked by."""

    verdicts: tuple[Verdict, ...]
    verdict: Verdict
    items: tuple[tuple[LineAsked, Item], ...]
    worth: Worth
    method: str
    refund_minor: int = 0
    credit_minor: int = 0
    charge_minor: int = 0  # what an exchange costs more


def plan(
    asked: Asked, parcels: Sequence[ShippedParcel], policy: ReturnPolicy, now: datetime
) -> Plan:
    items = tuple(
        (line, item)
        for line in asked.lines
        for item in pick(parcels, line.line_no, line.quantity, is_fault=line.reason in FAULTS)
    )
    goods = cost(parcels, [item for _, item in items])
    verdicts = tuple(_judge(line, asked, parcels, policy, now) for line in asked.lines)
    method, doubt = _way_back(asked, goods, policy)
    verdict = judge_all([*verdicts, *([doubt] if doubt else [])])
    worth = given_worth(goods, policy, asked.resolution, method)
    return Plan(verdicts, verdict, items, worth, method, *_given(asked, worth, policy))


def given_worth(goods: Goods, policy: ReturnPolicy, resolution: str, method: str) -> Worth:
    """Goods pay for goods: of an exchange nothing is taken off, and freight was for the first."""
    if resolution in SENDS_GOODS:
        return Worth(goods_minor=goods.chosen_minor + goods.faulty_minor)
    if method == "keep":
        policy = replace(policy, return_freight_minor=0)
    return deduct(goods, policy)


def _given(asked: Asked, worth: Worth, policy: ReturnPolicy) -> tuple[int, int, int]:
    """What is refunded, what is credited, what is charged."""
    total = worth.total_minor
    if asked.resolution == "store_credit":
        return 0, total + bonus(total, policy), 0
    if asked.resolution == "exchange":
        rest = total - asked.instead_minor
        return max(0, rest), 0, max(0, -rest)
    return (0 if asked.resolution == "replacement" else total), 0, 0


def _judge(
    line: LineAsked,
    asked: Asked,
    parcels: Sequence[ShippedParcel],
    policy: ReturnPolicy,
    now: datetime,
) -> Verdict:
    mine = [each for parcel in parcels for each in parcel.lines if each.line_no == line.line_no]
    items = pick(parcels, line.line_no, line.quantity)
    sources = {item.fulfillment_id for item in items}
    arrivals = [p.arrived_at for p in parcels if p.fulfillment_id in sources]
    known = [arrived for arrived in arrivals if arrived is not None]
    if asked.method == "keep" and len(known) < len(arrivals):
        return Verdict(Decision.REFUSE, "not_arrived")
    wish = Wish(
        line_no=line.line_no,
        quantity=line.quantity,
        reason=line.reason,
        condition=line.condition,
        category=mine[0].category if mine else None,
        country=asked.country,
        shipped=sum(each.quantity for each in mine),
        spoken_for=sum(each.in_return + each.returned for each in mine),
        arrived_at=max(known) if known and len(known) == len(arrivals) else None,
        worth_minor=_worth(cost(parcels, items)),
        source=asked.source,
    )
    return judge(wish, policy, now)


def _worth(goods: Goods) -> int:
    return goods.chosen_minor + goods.faulty_minor


def _way_back(asked: Asked, goods: Goods, policy: ReturnPolicy) -> tuple[str, Verdict | None]:
    """Goods of little worth stay with the customer; who else wants to keep them is looked at."""
    is_money = asked.resolution in ("refund", "store_credit")
    if is_money and 0 < _worth(goods) < policy.keep_it_below_minor:
        return "keep", None
    if asked.method == "keep" and asked.source == "customer":
        return "keep", Verdict(Decision.REVIEW, "keeps_the_goods")
    return asked.method, None
