"""Stock is the factor times demand, to the unit, and lies in several places."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from workers.local.demo.stocking import scaled_demand, spread

DEMANDS = st.dictionaries(st.sampled_from("abcdefghij"), st.integers(1, 50))
FACTORS = st.fractions(min_value=0, max_value=3, max_denominator=100)


@given(DEMANDS, FACTORS, st.integers(0, 9))
def test_the_sum_is_the_factor_of_the_sum_and_no_sku_is_a_unit_off(
    demand: dict[str, int], factor: Fraction, seed: int
) -> None:
    stock = scaled_demand(demand, factor, seed)
    assert sum(stock.values()) == round(factor * sum(demand.values()))
    for sku, units in demand.items():
        assert abs(stock[sku] - factor * units) < 1
    assert stock == scaled_demand(dict(reversed(demand.items())), factor, seed)


def test_equal_remainders_are_drawn_from_the_seed() -> None:
    demand = {f"s{n}": 1 for n in range(40)}
    drawn = [scaled_demand(demand, Fraction(1, 2), seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


@given(DEMANDS, st.integers(0, 9))
def test_units_are_dealt_evenly_over_the_warehouses(units: dict[str, int], seed: int) -> None:
    levels = spread(units, ("north", "south", "east"), seed)
    for sku, count in units.items():
        shares = [level.on_hand for level in levels if level.sku == sku]
        assert sum(shares) == count
        assert len(shares) == min(count, 3)
        assert max(shares) - min(shares) <= 1
