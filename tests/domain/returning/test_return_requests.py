"""A return as it is asked for: judged, valued, and given its way back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from domain.returning.eligibility import Decision
from domain.returning.parcels import ShippedLine, ShippedParcel
from domain.returning.policy import DEFAULT
from domain.returning.request import Asked, LineAsked, plan

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ARRIVED = NOW - timedelta(days=3)


def parcel(number: int, quantity: int = 2, arrived_at: datetime | None = ARRIVED) -> ShippedParcel:
    held = ShippedLine(1, "A", None, quantity, 0, 0, 1_000 * quantity)
    return ShippedParcel(f"o-f{number}", "west", 1_000 * quantity + 500, arrived_at, (held,))


def asked(quantity: int = 1, **changes: str) -> Asked:
    line = LineAsked(1, quantity, changes.pop("reason", "unwanted"), "opened")
    wish = Asked("customer", "refund", "label", "US", (line,))
    return replace(wish, **changes)  # type: ignore[arg-type]


def test_units_come_out_of_the_oldest_parcel_first() -> None:
    found = plan(asked(3), [parcel(1), parcel(2)], DEFAULT, NOW)
    assert [(item.fulfillment_id, item.units) for _, item in found.items] == [
        ("o-f1", 2), ("o-f2", 1),
    ]  # fmt: skip
    assert (found.verdict.decision, found.refund_minor) == (Decision.ALLOW, 3_500)


def test_goods_of_little_worth_are_kept() -> None:
    policy = replace(DEFAULT, keep_it_below_minor=1_001)
    assert plan(asked(), [parcel(1)], policy, NOW).method == "keep"
    assert plan(asked(2), [parcel(1)], policy, NOW).method == "label"
    exchange = asked(resolution="exchange")
    assert plan(exchange, [parcel(1)], policy, NOW).method == "label"


def test_a_customer_who_keeps_the_goods_is_looked_at_and_staff_are_not() -> None:
    claim = asked(method="keep", resolution="replacement", reason="defective")
    found = plan(claim, [parcel(1)], DEFAULT, NOW)
    assert (found.verdict.decision, found.verdict.reason) == (Decision.REVIEW, "keeps_the_goods")
    by_staff = plan(replace(claim, source="staff"), [parcel(1)], DEFAULT, NOW)
    assert by_staff.verdict.decision is Decision.ALLOW


def test_nothing_is_claimed_of_a_parcel_that_has_not_arrived() -> None:
    claim = asked(method="keep", resolution="replacement", source="staff")
    found = plan(claim, [parcel(1, arrived_at=None)], DEFAULT, NOW)
    assert (found.verdict.decision, found.verdict.reason) == (Decision.REFUSE, "not_arrived")


def test_store_credit_takes_the_place_of_a_refund() -> None:
    policy = replace(DEFAULT, credit_bonus_bp=1_000)
    found = plan(asked(resolution="store_credit"), [parcel(1)], policy, NOW)
    assert (found.refund_minor, found.credit_minor) == (0, 1_100)


def test_an_exchange_is_charged_or_refunded_the_difference() -> None:
    for instead, refund, charge in ((1_000, 0, 0), (1_300, 0, 300), (600, 400, 0)):
        wish = replace(asked(resolution="exchange"), instead_minor=instead)
        found = plan(wish, [parcel(1)], DEFAULT, NOW)
        assert (found.refund_minor, found.charge_minor) == (refund, charge)


def test_a_line_nobody_shipped_is_refused_and_worth_nothing() -> None:
    found = plan(asked(), [], DEFAULT, NOW)
    assert (found.verdict.reason, found.worth.total_minor) == ("not_shipped", 0)
