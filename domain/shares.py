"""How an order's lines and money are divided among its fulfillment orders, exactly."""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.money import split
from domain.order import Charge, Line, Tender

# Money that is already ours is used up before money that is only held.
_CARD: Final = "card"


def assign_lines(
    lines: Sequence[Line], sourced: Sequence[Mapping[str, int]]
) -> tuple[dict[int, int], ...]:
    """Turn units per SKU of each location into units per order line; lines are filled in order."""
    left = {line.line_no: line.quantity for line in lines}
    parts: list[dict[int, int]] = []
    for units in sourced:
        part: dict[int, int] = {}
        for sku, count in units.items():
            rest = count
            for line in lines:
                taken = min(rest, left[line.line_no]) if line.sku == sku else 0
                if taken:
                    part[line.line_no] = taken
                    left[line.line_no] -= taken
                    rest -= taken
            assert rest == 0, "no location ships more than was ordered"
        parts.append(part)
    return tuple(parts)


def value_shares(
    lines: Sequence[Line],
    charges: Sequence[Charge],
    parts: Sequence[Mapping[int, int]],
    step: int = 1,
) -> tuple[int, ...]:
    """Return what each part is worth; the parts sum to lines plus charges when they hold all units.

    A line is split by units; charges by the value of the goods, or by units when all are free.
    `step` is the smallest amount that can be paid: shares keep to it when their sum does.
    """
    goods = [0] * len(parts)
    units = [sum(part.values()) for part in parts]
    for line in lines:
        counts = [part.get(line.line_no, 0) for part in parts]
        if any(counts):
            for index, amount in enumerate(split(line.total_minor, counts)):
                goods[index] += amount
    charged = split(sum(charge.amount_minor for charge in charges), goods if any(goods) else units)
    exact = tuple(good + extra for good, extra in zip(goods, charged, strict=True))
    if step == 1 or sum(exact) % step:
        return exact
    return tuple(step * count for count in split(sum(exact) // step, exact))


def tender_shares(shares: Sequence[int], tenders: Sequence[Tender]) -> tuple[dict[int, int], ...]:
    """Say how much of each share each tender pays: rows sum to the shares, columns to the tenders.

    Tenders that are captured when paid go first, so that cards serve as few parcels as possible.
    """
    ordered = sorted(tenders, key=lambda tender: (tender.kind == _CARD, tender.tender_no))
    left = {tender.tender_no: tender.amount_minor for tender in ordered}
    rows: list[dict[int, int]] = []
    for share in shares:
        row: dict[int, int] = {}
        rest = share
        for number, amount in tuple(left.items()):
            taken = min(rest, amount)
            if taken:
                row[number] = taken
                left[number] = amount - taken
                rest -= taken
        assert rest == 0, "tenders cover the order"
        rows.append(row)
    return tuple(rows)
