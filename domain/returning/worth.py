"""What returned goods are worth: exact by parcel, so that all parts sum to what was paid for it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.money import split
from domain.returning.parcels import Goods
from domain.returning.policy import WHOLE, ReturnPolicy

# What a customer misses most goes back first. Store credit comes last: it can only be spent here,
# and no one is given more of any means than was paid with it, so that none is turned into another.
REFUND_ORDER: Final = ("card", "debit", "bank_slip", "manual", "store_credit")


@dataclass(frozen=True, slots=True)
class Worth:
    """What a return is worth, and what is taken off; all in minor units."""

    goods_minor: int = 0
    freight_minor: int = 0
    fee_minor: int = 0
    return_freight_minor: int = 0

    @property
    def total_minor(self) -> int:
        return max(
            0,
            self.goods_minor + self.freight_minor - self.fee_minor - self.return_freight_minor,
        )


def goods_in_parcels(total_minor: int, counts: Sequence[int]) -> tuple[int, ...]:
    """How a line's money lies in its parcels: as it was divided when they were planned."""
    return split(total_minor, counts) if any(counts) else tuple(0 for _ in counts)


@dataclass(frozen=True, slots=True)
class Held:
    """Units of a line in one parcel; `line_minor` is what the whole line cost, with its tax."""

    line_no: int
    quantity: int
    line_minor: int
    is_exchange: bool = False


def goods_of(held: Sequence[Held], discount_minor: int) -> tuple[int, ...]:
    """What the units of each cost: their part of the line, and of discounts on the order.

    What was sent in exchange has no part in those.
    """
    by_line: defaultdict[int, list[int]] = defaultdict(list)
    for index, each in enumerate(held):
        by_line[each.line_no].append(index)
    goods = [0] * len(held)
    for indexes in by_line.values():
        counts = [held[index].quantity for index in indexes]
        parts = goods_in_parcels(held[indexes[0]].line_minor, counts)
        for index, amount in zip(indexes, parts, strict=True):
            goods[index] = amount
    own = [0 if each.is_exchange else amount for each, amount in zip(held, goods, strict=True)]
    if discount_minor and any(own):
        off = split(discount_minor, own)
        goods = [max(0, amount + part) for amount, part in zip(goods, off, strict=True)]
    return tuple(goods)


def deduct(goods: Goods, policy: ReturnPolicy) -> Worth:
    """Take off what the policy says; goods that are our fault cost nothing and bring freight."""
    is_fault = goods.faulty_minor > 0
    is_chosen = goods.chosen_minor > 0
    return Worth(
        goods_minor=goods.chosen_minor + goods.faulty_minor,
        freight_minor=goods.freight_minor if policy.refunds_freight or is_fault else 0,
        fee_minor=goods.chosen_minor * policy.restocking_fee_bp // WHOLE,
        return_freight_minor=policy.return_freight_minor if is_chosen and not is_fault else 0,
    )


def bonus(amount_minor: int, policy: ReturnPolicy) -> int:
    return amount_minor * policy.credit_bonus_bp // WHOLE


def stepped(before_minor: int, amount_minor: int, step: int) -> int:
    """The payable part of an amount after others: what one leaves over, a later one brings."""
    return (before_minor + amount_minor) // step * step - before_minor // step * step


@dataclass(frozen=True, slots=True)
class Refundable:
    """Money that an authorization holds for goods that left, and no return has asked for."""

    authorization_key: str
    tender_no: int
    kind: str
    amount_minor: int


def spread(amount_minor: int, held: Sequence[Refundable]) -> tuple[tuple[Refundable, int], ...]:
    """Say how much goes back to each tender; never more than it holds, so maybe less than asked."""
    ordered = sorted(
        held, key=lambda each: (REFUND_ORDER.index(each.kind), each.tender_no,
                                each.authorization_key)
    )  # fmt: skip
    found: list[tuple[Refundable, int]] = []
    rest = amount_minor
    for each in ordered:
        part = min(rest, each.amount_minor)
        if part > 0:
            found.append((each, part))
            rest -= part
    return tuple(found)
