"""Which parcels' invoices a credit for units of an order is about, and with how much each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.money import split


@dataclass(frozen=True)
class Invoiced:
    """A parcel with what is not credited of it: money, and units by line.

    `values` is what one line's units are worth together, for weighing lines against each other.
    """

    fulfillment_id: str
    left_minor: int
    units: Mapping[int, int]
    values: Mapping[int, int]


@dataclass(frozen=True)
class Credit:
    fulfillment_id: str
    amount_minor: int
    units: Mapping[int, int]


def spread_credit(
    parcels: Sequence[Invoiced], amount_minor: int, units: Mapping[int, int]
) -> tuple[Credit, ...]:
    """Take the units from the parcels in their order, and the amount by what those are worth.

    Without units the amount is by what is left of each. No parcel is credited more than its rest:
    what is given beyond all invoices, for goodwill, needs no credit note.
    """
    taken = _take(parcels, units)
    weights = [
        sum(p.values[n] * count // p.units[n] for n, count in part.items())
        for p, part in zip(parcels, taken, strict=True)
    ]
    lefts = [parcel.left_minor for parcel in parcels]
    amounts = _within(lefts, amount_minor, weights if any(weights) else lefts)
    return tuple(
        Credit(parcel.fulfillment_id, amount, part)
        for parcel, amount, part in zip(parcels, amounts, taken, strict=True)
        if amount
    )


def _take(parcels: Sequence[Invoiced], units: Mapping[int, int]) -> list[dict[int, int]]:
    wanted = dict(units)
    taken = []
    for parcel in parcels:
        part = {n: min(count, wanted.get(n, 0)) for n, count in parcel.units.items()}
        wanted = {n: count - part.get(n, 0) for n, count in wanted.items()}
        taken.append({n: count for n, count in part.items() if count})
    return taken


def _within(lefts: Sequence[int], amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split by weights; what is too much for one goes to the others, in their order."""
    if not lefts:
        return []
    parts = [min(*pair) for pair in zip(split(amount_minor, weights), lefts, strict=True)]
    rest = amount_minor - sum(parts)
    for index, left in enumerate(lefts):
        more = min(rest, left - parts[index])
        parts[index] += more
        rest -= more
    return parts
