"""What returned goods are worth: exact by parcel, so that all parts sum to what was paid for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.apportion import portion
from domain.money import split
from domain.returning.policy import WHOLE, ReturnPolicy

# What a customer misses most goes back first. Store credit comes last: it can only be spent here,
# and no one is given more of any means than was paid with it, so that none is turned into another.
REFUND_ORDER: Final = ("card", "debit", "bank_slip", "manual", "store_credit")


@dataclass(frozen=True, slots=True)
class ParcelLine:
    """Units of a line in a parcel that left; `goods_minor` is what all of them cost."""

    fulfillment_id: str
    line_no: int
    quantity: int
    returned: int
    goods_minor: int


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


def unit_worth(line: ParcelLine, units: int, before: int = 0) -> int:
    """`before`: units of this line that the same return takes ahead of these."""
    return portion(line.goods_minor, line.quantity, line.returned + before, units)


def freight_back(
    share_minor: int, lines: Sequence[ParcelLine], taken: Mapping[int, int]
) -> int:
    """What a parcel cost beyond its goods, once the last of its units comes back; else nothing."""
    left = sum(line.quantity - line.returned - taken.get(line.line_no, 0) for line in lines)
    return share_minor - sum(line.goods_minor for line in lines) if left == 0 else 0


def deduct(goods_minor: int, freight_minor: int, policy: ReturnPolicy, *, at_fault: bool) -> Worth:
    """Take off what the policy says; a return that is our fault costs nothing and brings all."""
    if at_fault:
        return Worth(goods_minor, freight_minor)
    return Worth(
        goods_minor=goods_minor,
        freight_minor=freight_minor if policy.refunds_freight else 0,
        fee_minor=goods_minor * policy.restocking_fee_bp // WHOLE,
        return_freight_minor=policy.return_freight_minor,
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
