"""A credit for units of an order finds the invoices that billed them."""

from hypothesis import given
from hypothesis import strategies as st

from domain.crediting import Credit, Invoiced, spread_credit

LINES = st.dictionaries(st.integers(1, 3), st.integers(1, 5), max_size=3)


@st.composite
def parcels(draw: st.DrawFn) -> list[Invoiced]:
    found = []
    for number in range(draw(st.integers(0, 4))):
        units = draw(LINES)
        values = {line_no: draw(st.integers(0, 900)) for line_no in units}
        found.append(Invoiced(f"o-f{number}", draw(st.integers(0, 2_000)), units, values))
    return found


@given(parcels(), st.integers(0, 9_000), LINES)
def test_a_credit_is_spread_to_the_unit_and_within_each_invoice(
    found: list[Invoiced], amount: int, units: dict[int, int]
) -> None:
    left = {parcel.fulfillment_id: parcel for parcel in found}
    notes = spread_credit(found, amount, units)
    assert sum(each.amount_minor for each in notes) == min(
        amount, sum(parcel.left_minor for parcel in found)
    )
    for each in notes:
        parcel = left[each.fulfillment_id]
        assert 0 < each.amount_minor <= parcel.left_minor
        assert all(count <= parcel.units[n] for n, count in each.units.items())
    for line_no, count in units.items():
        assert sum(each.units.get(line_no, 0) for each in notes) <= count


def test_units_are_taken_from_the_parcels_in_their_order_and_weigh_by_their_worth() -> None:
    first = Invoiced("o-f1", 3_000, {1: 1, 2: 1}, {1: 1_000, 2: 2_000})
    second = Invoiced("o-f2", 2_000, {1: 2}, {1: 2_000})
    assert spread_credit([first, second], 1_800, {1: 2}) == (
        Credit("o-f1", 900, {1: 1}),
        Credit("o-f2", 900, {1: 1}),
    )


def test_without_units_it_is_by_what_is_left() -> None:
    parcels = [Invoiced("o-f1", 300, {1: 1}, {1: 300}), Invoiced("o-f2", 100, {2: 1}, {2: 100})]
    assert spread_credit(parcels, 200, {}) == (Credit("o-f1", 150, {}), Credit("o-f2", 50, {}))
