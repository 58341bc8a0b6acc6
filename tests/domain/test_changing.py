"""What a change does to an order: exact units and money, whatever is asked in whatever order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.changing import Part, Placed, Proposal, Unchangeable, Wish, propose
from domain.order import Charge, Line
from domain.shares import value_shares

LINES = (
    Line(1, "A", 3, 1_000, tax_minor=100),
    Line(2, "B", 2, 333, discount_minor=5),
)
CHARGES = (Charge("shipping", 500),)


def placed(*states: str, step: int = 1) -> Placed:
    """The order in one parcel for each state; all units of a line are in the same one."""
    units = [{line.line_no: line.quantity} for line in LINES]
    if len(states) < len(LINES):
        units = [{line.line_no: line.quantity for line in LINES}]
    shares = value_shares(LINES, CHARGES, units, step)
    parts = tuple(
        Part(f"f{number}", number, state, held, share)
        for number, (state, held, share) in enumerate(
            zip(states, units, shares, strict=bool(states)), 1
        )
    )
    return Placed(LINES, CHARGES, {}, parts, step, has_card=True)


def refused(order: Placed, *wishes: Wish) -> str:
    with pytest.raises(Unchangeable) as error:
        propose(order, wishes)
    return error.value.code


def cancel(line_no: int, units: int) -> Wish:
    return Wish("cancel_units", line_no, units)


def test_units_are_worth_their_part_of_the_parcel() -> None:
    found = propose(placed("open"), [cancel(1, 1)])
    [cut] = found.cuts
    assert (cut.units, cut.is_whole) == ({1: 1}, False)
    assert 1_000 < found.refund_minor < 1_250  # with its part of tax and freight
    assert found.charge_minor == 0


def test_a_parcel_that_loses_everything_is_stopped_at_its_whole_share() -> None:
    order = placed("open", "picked")
    [cut] = propose(order, [cancel(2, 2)]).cuts
    assert (cut.fulfillment_id, cut.is_whole) == ("f2", True)
    assert cut.worth_minor == order.parts[1].share_minor


def test_units_that_waited_longest_from_the_door_are_taken_first() -> None:
    parts = (
        Part("f1", 1, "packed", {1: 1}, 1_000),
        Part("f2", 2, "open", {1: 1}, 1_000),
        Part("f3", 3, "backordered", {1: 1}, 1_000),
    )
    order = Placed(LINES[:1], (), {}, parts, 1, has_card=True)
    assert [cut.fulfillment_id for cut in propose(order, [cancel(1, 1)]).cuts] == ["f3"]
    assert [cut.fulfillment_id for cut in propose(order, [cancel(1, 2)]).cuts] == ["f2", "f3"]


def test_what_cannot_be_done_says_why() -> None:
    assert refused(placed("open"), cancel(9, 1)) == "unknown_line"
    assert refused(placed("open"), cancel(1, 4)) == "too_many"
    assert refused(placed("handed_over"), cancel(1, 1)) == "too_late"
    assert refused(placed("packed"), cancel(1, 1)) == "packed"
    assert refused(placed("open"), cancel(1, 3), cancel(2, 2)) == "nothing_left"
    stopping = placed("open")
    stopping = replace(stopping, parts=(replace(stopping.parts[0], is_stopping=True),))
    assert refused(stopping, cancel(1, 1)) == "too_late"
    collected = replace(placed("open"), is_collected=True)
    assert refused(collected, Wish("add_line", 0, 1, "C", 100)) == "collected"
    no_card = replace(placed("open"), has_card=False)
    assert refused(no_card, Wish("add_line", 0, 1, "C", 100)) == "no_card"


def test_more_of_a_line_is_a_line_of_its_own() -> None:
    found = propose(placed("open"), [Wish("set_quantity", 1, 5), Wish("add_line", 0, 1, "C", 100)])
    assert [(line.line_no, line.sku, line.quantity) for line in found.added] == [
        (3, "A", 2),
        (4, "C", 1),
    ]
    assert found.charge_minor == 2 * 1_000 + 66 + 100
    assert found.cuts == ()


def test_an_order_that_is_not_routed_is_priced_whole() -> None:
    routed, waiting = placed("open"), placed()
    wish = [cancel(1, 2)]
    assert propose(waiting, wish).refund_minor == propose(routed, wish).refund_minor


def after(order: Placed, done: Proposal) -> Placed:
    """The order as a change of one parcel leaves it."""
    [cut] = done.cuts
    [part] = order.parts
    kept = {line: units - cut.units.get(line, 0) for line, units in part.units.items()}
    cancelled = {line: order.cancelled.get(line, 0) + cut.units.get(line, 0) for line in part.units}
    left = replace(part, units=kept, share_minor=part.share_minor - cut.worth_minor)
    return replace(order, parts=(left,), cancelled=cancelled)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.integers(1, 3)), max_size=8),
    st.sampled_from([1, 10, 100]),
)
def test_any_sequence_of_cancellations_sums_to_what_was_paid(
    asked: list[tuple[int, int]], step: int
) -> None:
    lines = (replace(LINES[0], tax_minor=100), replace(LINES[1], unit_price_minor=350,
             discount_minor=0))  # fmt: skip
    charges = (Charge("shipping", 500),)
    units = {line.line_no: line.quantity for line in lines}
    [share] = value_shares(lines, charges, [units], step)
    order = Placed(lines, charges, {}, (Part("f1", 1, "open", units, share),), step, has_card=True)
    given_back = 0
    for line_no, count in asked:
        try:
            done = propose(order, [cancel(line_no, count)])
        except Unchangeable:
            continue
        given_back += done.refund_minor
        assert done.refund_minor % step == 0
        order = after(order, done)
    assert given_back + order.parts[0].share_minor == share
    assert min(order.parts[0].units.values()) >= 0


def lower(line_no: int, amount_minor: int) -> Wish:
    return Wish("lower_price", line_no, amount_minor=amount_minor)


def test_a_price_is_lowered_with_its_tax_where_its_units_are() -> None:
    parts = (Part("f1", 1, "open", {1: 1, 2: 2}, 2_000), Part("f2", 2, "packed", {1: 2}, 2_261))
    order = Placed(LINES, CHARGES, {}, parts, 1, has_card=False)
    found = propose(order, [lower(1, 310)])
    [allowance] = found.allowances
    assert (allowance.net_minor, allowance.tax_minor) == (300, 10)
    assert allowance.by_part == {"f1": 103, "f2": 207}
    assert (found.refund_minor, found.charge_minor, found.cuts) == (310, 0, ())


def test_a_price_that_cannot_be_lowered_says_why() -> None:
    order = placed("open")
    assert refused(order, lower(9, 1)) == "unknown_line"
    assert refused(order, lower(1, 3_100)) == "too_much"
    assert refused(placed("handed_over"), lower(1, 1)) == "too_late"
    assert refused(replace(order, step=10), lower(1, 15)) == "no_payable_amount"
    assert refused(replace(order, cancelled={1: 1}), lower(1, 1)) == "partly_cancelled"
    taxed = replace(order, charges=(Charge("tax", 90),))
    assert refused(taxed, lower(2, 1)) == "taxed_beside"
    assert refused(order, lower(1, 1), cancel(2, 1)) == "apart"
    free = Line(1, "A", 1, 100)
    shared = Part("f1", 1, "open", {1: 1}, 100, payers=2)
    paid_by_two = Placed((free,), (), {}, (shared,), 1, has_card=True)
    assert refused(paid_by_two, lower(1, 99)) == "too_much"
    assert propose(paid_by_two, [lower(1, 98)]).refund_minor == 98


@given(st.data(), st.sampled_from([1, 10, 100]))
def test_what_parcels_bear_is_what_the_line_costs_less(data: st.DataObject, step: int) -> None:
    counts = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    line = Line(1, "A", sum(counts), 1_000, tax_minor=100 * len(counts))
    parts = tuple(
        Part(f"f{number}", number, "open", {1: count}, count * 1_000 + 100)
        for number, count in enumerate(counts, 1)
    )
    order = Placed((line,), (), {}, parts, step, has_card=True)
    half = 500 * sum(counts)
    wanted = step * data.draw(st.integers(1, half // step))
    [allowance] = propose(order, [lower(1, wanted)]).allowances
    assert sum(allowance.by_part.values()) == allowance.amount_minor == wanted
    assert all(less % step == 0 for less in allowance.by_part.values())
    assert 0 <= allowance.tax_minor <= line.tax_minor
