"""Parcels that left, as returns see them: which units may still come back, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.apportion import portion


@dataclass(frozen=True, slots=True)
class ShippedLine:
    """Units of a line in one parcel; `goods_minor` is what all of them cost."""

    line_no: int
    sku: str
    category: str | None
    quantity: int
    in_return: int
    returned: int
    goods_minor: int

    @property
    def free(self) -> int:
        return self.quantity - self.in_return - self.returned


@dataclass(frozen=True, slots=True)
class ShippedParcel:
    """`share_minor` is what the parcel cost with its part of freight and other charges."""

    fulfillment_id: str
    location: str
    share_minor: int
    arrived_at: datetime | None
    lines: tuple[ShippedLine, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """Units of a line that come out of one parcel."""

    fulfillment_id: str
    line_no: int
    sku: str
    units: int
    is_fault: bool = False  # what was wrong is ours or the carrier's


@dataclass(frozen=True, slots=True)
class Goods:
    """What items cost, before anything is taken off."""

    chosen_minor: int = 0  # sent back because the customer wished so
    faulty_minor: int = 0
    freight_minor: int = 0


def pick(
    parcels: Sequence[ShippedParcel], line_no: int, quantity: int, *, is_fault: bool = False
) -> tuple[Item, ...]:
    """Take units of a line out of the parcels, oldest first; fewer when there are fewer."""
    found, rest = [], quantity
    for parcel in parcels:
        for line in parcel.lines:
            units = min(rest, line.free) if line.line_no == line_no else 0
            if units > 0:
                found.append(Item(parcel.fulfillment_id, line_no, line.sku, units, is_fault))
                rest -= units
    return tuple(found)


def cost(parcels: Sequence[ShippedParcel], items: Sequence[Item]) -> Goods:
    """What was paid for the items; with a parcel's last unit, what it cost beyond its goods.

    Whatever the sequence of returns, all units of a parcel together bring exactly its share.
    """
    sums = {True: 0, False: 0}
    freight = 0
    for parcel in parcels:
        taken = [item for item in items if item.fulfillment_id == parcel.fulfillment_id]
        left = 0
        for line in parcel.lines:
            before = line.returned
            for item in taken:
                if item.line_no == line.line_no:
                    sums[item.is_fault] += portion(
                        line.goods_minor, line.quantity, before, item.units
                    )
                    before += item.units
            left += line.quantity - before
        if taken and left == 0:
            freight += parcel.share_minor - sum(line.goods_minor for line in parcel.lines)
    return Goods(chosen_minor=sums[False], faulty_minor=sums[True], freight_minor=freight)
