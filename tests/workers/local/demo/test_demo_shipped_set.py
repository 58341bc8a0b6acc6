"""The shipped set is what its maker writes, sums up, and shows what it promises."""

from collections import Counter

from activities.connectors.channel.shopify.document import DocumentOptions, to_document
from activities.connectors.channel.shopify.translate import from_rest
from activities.connectors.channel.shopify.wire import RestOrder
from domain.order import OrderDocument, read_document
from domain.routing import Candidate, Unroutable, route
from tests.workers.local.demo import make_shipped
from workers.local.demo.plan import (
    CANCELLED,
    DELIVERED,
    ENDS,
    EXPIRED_PAYMENT,
    LOST,
    REFUSED_ADDRESS,
    REFUSED_PAYMENT,
    REFUSED_STOCK,
    REJECTED_INPUT,
    Plan,
    PlannedOrder,
)
from workers.local.demo.shipped_set import FOLDER, plan_shipped

OPTIONS = DocumentOptions(channel="shopify", tenders_from_attributes=True)


def _document(order: PlannedOrder) -> OrderDocument:
    if order.way == "api":
        return read_document(order.document)
    document = to_document(from_rest(RestOrder.model_validate(order.document)), OPTIONS)
    assert isinstance(document, dict), document
    return read_document(document)


def _parcels(plan: Plan, order: PlannedOrder) -> int:
    """How many locations are needed, were the stock untouched."""
    candidates = []
    for location in plan.setup.locations:
        there = {x.sku: x.on_hand for x in plan.setup.stock if x.location == location.location}
        candidates.append(Candidate(location.location, there, distance_km=0))
    return len(route(order.units, candidates))


def test_the_set_is_what_its_maker_writes() -> None:
    for name, text in make_shipped.files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, name


def test_each_document_is_read_and_says_what_was_planned() -> None:
    for order in plan_shipped().orders:
        if REJECTED_INPUT in order.expected:
            assert not order.units
            continue
        document = _document(order)
        assert document.order_id == order.order_id
        assert document.demand() == dict(sorted(order.units.items()))
        assert document.currency == order.currency


def test_every_end_channel_and_currency_occurs() -> None:
    plan = plan_shipped()
    assert len(plan.orders) == 82
    assert plan.expected_ends() == {
        DELIVERED: 61,
        CANCELLED: 4,
        REJECTED_INPUT: 2,
        REFUSED_PAYMENT: 5,
        REFUSED_STOCK: 4,
        REFUSED_ADDRESS: 2,
        EXPIRED_PAYMENT: 4,
    }
    assert set(plan.expected_ends()) == set(ENDS) - {LOST}  # only chaos loses parcels
    assert Counter(order.way for order in plan.orders) == {"shopify": 57, "api": 25}
    assert {order.currency for order in plan.orders} == {"USD", "EUR", "BRL", "JPY"}


def test_a_fifth_or_more_is_shipped_from_several_places() -> None:
    plan = plan_shipped()
    parcels = [_parcels(plan, order) for order in plan.orders if DELIVERED in order.expected]
    assert sum(count > 1 for count in parcels) * 5 >= len(plan.orders)


def test_only_what_is_to_be_refused_for_stock_cannot_be_routed() -> None:
    plan = plan_shipped()
    for order in plan.orders:
        try:
            _parcels(plan, order)
        except Unroutable:
            assert order.expected == {REFUSED_STOCK}
        else:
            assert REFUSED_STOCK not in order.expected


def test_there_is_enough_for_all_the_others_together() -> None:
    plan = plan_shipped()
    wanted: Counter[str] = Counter()
    for order in plan.orders:
        if REFUSED_STOCK not in order.expected:
            wanted.update(order.units)
    least = {x.sku: x.on_hand for x in plan.setup.stock}
    assert all(least[sku] >= units for sku, units in wanted.items())
