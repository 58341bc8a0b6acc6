"""Decides how many units of each SKU lie in which warehouse before the run."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from random import Random

from workers.local.demo.plan import StockLevel


def scaled_demand(demand: Mapping[str, int], factor: Fraction, seed: int) -> dict[str, int]:
    """`factor` times the demand, rounded so that the sum is right to half a unit.

    Largest remainder; who wins among equal remainders is drawn from the seed.
    """
    exact = {sku: factor * units for sku, units in demand.items()}
    given = {sku: int(units) for sku, units in exact.items()}
    left = round(sum(exact.values(), Fraction(0))) - sum(given.values())
    order = sorted(exact)
    Random(seed).shuffle(order)  # noqa: S311 - a repeatable draw, no secret
    order.sort(key=lambda sku: given[sku] - exact[sku])
    for sku in order[:left]:
        given[sku] += 1
    return given


def spread(units: Mapping[str, int], locations: Sequence[str], seed: int) -> list[StockLevel]:
    """Deal each SKU's units out one by one, to the warehouses in an order drawn from the seed."""
    draw = Random(seed)  # noqa: S311 - a repeatable draw, no secret
    levels: list[StockLevel] = []
    for sku in sorted(units):
        turns = list(locations)
        draw.shuffle(turns)
        for turn, location in enumerate(turns):
            share = len(range(turn, units[sku], len(turns)))
            if share:
                levels.append(StockLevel(location, sku, share))
    return levels
