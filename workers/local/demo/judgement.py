"""Judges a run by the vendors' ledger and the plan alone; our own records are not asked."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workers.local.demo.plan import DELIVERED, Plan, PlannedOrder

Json = dict[str, Any]


@dataclass(frozen=True)
class Judgement:
    """All zero but `splits` when the run was right; `details` names what was not."""

    splits: int
    oversold_units: int
    double_captures: int
    double_labels: int
    money_mismatch_minor: int
    details: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not (
            self.oversold_units
            or self.double_captures
            or self.double_labels
            or self.money_mismatch_minor
        )


def judge(plan: Plan, ends: Mapping[str, str], ledger: Json) -> Judgement:
    """`ends` says how each order ended; an order without an end owes nothing yet."""
    kept = [label for label in ledger["labels"] if not label["voided"]]
    parcels = _parcels(kept)
    oversold = oversold_units(plan, parcels)
    captures = double_captures(plan.orders, ledger["payments"])
    doubles = double_labels(kept)
    money = money_mismatches(plan.orders, ends, ledger["payments"])
    return Judgement(
        splits=sum(len(parts) > 1 for parts in parcels.values()),
        oversold_units=sum(oversold.values()),
        double_captures=len(captures),
        double_labels=sum(doubles.values()),
        money_mismatch_minor=sum(abs(minor) for minor in money.values()),
        details=(
            *(f"{sku}: {units} units sold that were not there" for sku, units in oversold.items()),
            *(f"{what}: captured more than once" for what in captures),
            *(f"{part}: {more} labels too many" for part, more in doubles.items()),
            *(
                f"{order_id}: vendors hold {minor:+} minor units"
                for order_id, minor in money.items()
            ),
        ),
    )


def _part(label: Json) -> tuple[str, str]:
    """The order and its part, as the label's reference begins: shop-1001:f1:label:1."""
    order_id, _, rest = str(label.get("reference") or label["shipment"]).partition(":")
    return order_id, rest.partition(":")[0]


def _parcels(labels: Iterable[Json]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        order_id, part = _part(label)
        found[order_id].add(part)
    return found


def oversold_units(plan: Plan, parcels: Mapping[str, set[str]]) -> dict[str, int]:
    """A parcel's label does not say what is in it: one label counts as the whole order."""
    shipped: Counter[str] = Counter()
    for order in plan.orders:
        if order.order_id in parcels:
            shipped.update(order.units)
    given = plan.setup.units()
    return {sku: units - given[sku] for sku, units in shipped.items() if units > given[sku]}


def double_labels(labels: Iterable[Json]) -> dict[str, int]:
    """Unvoided purchases beyond the first, by part of an order."""
    bought: Counter[str] = Counter()
    for label in labels:
        bought[":".join(_part(label))] += label["bought"]
    return {part: count - 1 for part, count in bought.items() if count > 1}


def double_captures(orders: Iterable[PlannedOrder], payments: Iterable[Json]) -> list[str]:
    """Intents captured twice, and orders of which more was ever captured than they cost."""
    found = []
    captured: Counter[str] = Counter()
    for payment in payments:
        captured[str(payment["order"])] += payment["captured_minor"]
        if payment["captures"] > 1:
            found.append(str(payment["intent"]))
    due = {order.order_id: order.due_minor + max(0, -order.back_minor) for order in orders}
    return found + [name for name, minor in captured.items() if minor > due.get(name, 0)]


def money_mismatches(
    orders: Iterable[PlannedOrder], ends: Mapping[str, str], payments: Iterable[Json]
) -> dict[str, int]:
    """What vendors hold beside what is due: all of a delivered order, nothing of any other."""
    held: Counter[str] = Counter()
    for payment in payments:
        held[str(payment["order"])] += payment["captured_minor"] - payment["refunded_minor"]
    for order in orders:
        if ends.get(order.order_id) == DELIVERED:
            held[order.order_id] -= order.due_minor - order.back_minor
    return {order_id: minor for order_id, minor in held.items() if minor}
