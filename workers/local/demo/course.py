"""Remembers where each order of a run stands, as seen from outside."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from workers.local.demo.plan import DELIVERED, Plan, PlannedOrder

_PAID: Final = frozenset({"authorized", "partly_paid", "paid", "partly_refunded", "refunded"})
_SHIPPED: Final = frozenset({"shipped", "partly_delivered", "delivered"})


@dataclass(frozen=True)
class Standing:
    """How many orders have come how far."""

    orders: int
    placed: int
    paid: int
    shipped: int
    delivered: int
    ended: int


@dataclass
class Course:
    plan: Plan
    placed: dict[str, PlannedOrder] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    # Latencies of POST /orders.
    place_s: list[float] = field(default_factory=list)
    # What nobody expected, in sentences.
    notes: list[str] = field(default_factory=list)
    placing_is_over: bool = False
    _paid: set[str] = field(default_factory=set)
    _shipped: set[str] = field(default_factory=set)

    @property
    def to_deliver(self) -> set[str]:
        return {order.order_id for order in self.plan.orders if DELIVERED in order.expected}

    @property
    def is_over(self) -> bool:
        return self.placing_is_over and len(self.ends) == len(self.placed)

    @property
    def standing(self) -> Standing:
        return Standing(
            orders=len(self.plan.orders),
            placed=len(self.placed),
            paid=len(self._paid & self.to_deliver),
            shipped=len(self._shipped & self.to_deliver),
            delivered=sum(end == DELIVERED for end in self.ends.values()),
            ended=len(self.ends),
        )

    def waiting(self) -> list[PlannedOrder]:
        return [order for key, order in self.placed.items() if key not in self.ends]

    def end(self, order_id: str, outcome: str) -> None:
        self.ends.setdefault(order_id, outcome)
        if outcome == DELIVERED:
            self._paid.add(order_id)
            self._shipped.add(order_id)

    def see(self, items: Iterable[dict[str, Any]]) -> set[str]:
        """Take in a list of open orders; return their ids."""
        seen = set()
        for item in items:
            order_id, axes = item["order_id"], item["axes"]
            seen.add(order_id)
            if axes["payment"] in _PAID:
                self._paid.add(order_id)
            if axes["fulfillment"] in _SHIPPED:
                self._shipped.add(order_id)
        return seen

    def counts(self) -> Counter[str]:
        return Counter(self.ends.values())

    def unexpected(self) -> list[str]:
        """Orders that did not end as they should, in sentences."""
        found = []
        for order in self.plan.orders:
            end = self.ends.get(order.order_id, "open")
            if end not in order.expected:
                wanted = " or ".join(sorted(order.expected))
                found.append(f"{order.order_id} is {end}, expected {wanted}")
        return found
