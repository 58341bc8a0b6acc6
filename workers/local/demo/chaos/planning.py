"""Gives orders of a plan their paths: each path once, then as often as the rates say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from workers.errors import UserError
from workers.local.demo.chaos.holds import CAREFUL
from workers.local.demo.chaos.path import Path
from workers.local.demo.chaos.rates import WHOLE
from workers.local.demo.chaos.returns import LENIENT
from workers.local.demo.chaos.table import PATHS
from workers.local.demo.plan import (
    DELIVERED,
    REFUSED_STOCK,
    Location,
    Plan,
    PlannedOrder,
    Setup,
    StockLevel,
    planned,
)

Json = dict[str, Any]
# From this score a person looks: a mailbox that lives for minutes, and a first order.
REVIEW_FROM: Final = 40
# More than any demo's goods are worth: a lenient channel lets customers keep all of them.
EVERYTHING_MINOR: Final = 10**9
# Units beyond an order's own in each place: for parcels sent once more, and for exchanges.
SPARE_UNITS: Final = 3
# Long enough for a stack to start and the first orders to be placed.
PREORDER_S: Final = 150.0
# Less than this is no amount to charge, refund and divide.
LEAST_MINOR: Final = 500


def with_paths(plan: Plan, rates: Mapping[str, int], seed: int, now: datetime) -> Plan:
    """The orders of all paths first, then the others. Raises: UserError when none may take one."""
    contested = _contested(plan)
    plain = [order for order in plan.orders if _is_plain(order)]
    able = [order for order in plain if not contested & set(order.units)]
    if not able:
        raise UserError("no order of this set can go wrong: paid by one card, placed over the API")
    taken, chosen = _choose(plain, able, rates, Random(seed))  # noqa: S311 - repeatable, no secret
    setting = _Setting(plan.setup, now)
    special = tuple(setting.send(order, key) for order, key in chosen)
    others = tuple(order for order in plan.orders if order.order_id not in taken)
    return replace(
        plan,
        setup=setting.setup(),
        orders=(*special, *others),
        title=f"{plan.title}, {len(special)} of them on a path of their own",
    )


def _contested(plan: Plan) -> set[str]:
    """Products that must run out: their stock is left as it is."""
    scarce = (order.units for order in plan.orders if REFUSED_STOCK in order.expected)
    return {sku for units in scarce for sku in units}


def _is_plain(order: PlannedOrder) -> bool:
    """Placed over the API and paid by one card: its people can do everything with it."""
    if order.way != "api" or order.expected != {DELIVERED}:
        return False
    tenders = order.document["tenders"]
    return (
        [tender["kind"] for tender in tenders] == ["card"]
        and order.due_minor >= LEAST_MINOR
        and all(charge["kind"] != "discount" for charge in order.document["charges"])
    )


def _choose(
    plain: Sequence[PlannedOrder],
    able: Sequence[PlannedOrder],
    rates: Mapping[str, int],
    dice: Random,
) -> tuple[set[str], list[tuple[PlannedOrder, str]]]:
    """Which orders take which path; where a small set has too few, one is placed once more.

    With goods of its own it does not matter that others want those of the `plain` one.
    """
    free, chosen, taken = list(able), [], set()
    for key, path in PATHS.items():
        order = next((order for order in free if _fits(order, path)), None)
        if order is None:
            order = _once_more(_model(plain if path.own_goods else able, path), key)
            chosen.append((order, key))
            continue
        free.remove(order)
        taken.add(order.order_id)
        chosen.append((order, key))
    for order in free:
        drawn = _drawn(rates, dice)
        if drawn is not None and _fits(order, PATHS[drawn]):
            taken.add(order.order_id)
            chosen.append((order, drawn))
    return taken, chosen


def _model(orders: Sequence[PlannedOrder], path: Path) -> PlannedOrder:
    """Raises: UserError when no order is large enough."""
    found = next((order for order in orders if _fits(order, path)), None)
    if found is None:
        raise UserError("no order of this set has as many lines and units as every path needs")
    return found


def _fits(order: PlannedOrder, path: Path) -> bool:
    lines = order.document["lines"]
    worth = min(line["unit_price_minor"] for line in lines)
    return (
        worth >= LEAST_MINOR
        and sum(order.units.values()) >= path.least_units
        and max(line["quantity"] for line in lines) >= path.least_of_line
        and len(lines) >= path.least_lines
    )


def _once_more(order: PlannedOrder, key: str) -> PlannedOrder:
    name = f"{order.external_id}-{key}".replace("_", "-")
    return replace(order, external_id=name, document={**order.document, "external_id": name})


def _drawn(rates: Mapping[str, int], dice: Random) -> str | None:
    left = dice.randrange(WHOLE)
    for key, rate in rates.items():
        left -= rate
        if left < 0:
            return key if key in PATHS else None
    return None


class _Setting:
    """What the orders of paths need beside what they are: channels, goods, stock."""

    def __init__(self, setup: Setup, now: datetime) -> None:
        self._setup = setup
        self._now = now
        self._products = {product.sku: product for product in setup.products}
        self._channels = {channel.channel: channel for channel in setup.channels}
        self._lenient: set[str] = set()
        self._stock: Counter[tuple[str, str]] = Counter()
        for level in setup.stock:
            self._stock[level.location, level.sku] += level.on_hand

    def send(self, order: PlannedOrder, key: str) -> PlannedOrder:
        """The same order, on its path."""
        path, document = PATHS[key], deepcopy(order.document)
        if path.street:
            # The number keeps streets apart: some of them are troubled once.
            document["ship_to"]["line1"] = f"{path.street} {order.external_id[:12]}"
        if path.mailbox:
            document["customer"]["email"] = f"buyer-{order.external_id[:12].lower()}@{path.mailbox}"
        if path.policy:
            document["channel"] = self._channel(document["channel"], path.policy)
        if path.own_goods:
            self._own_goods(document, key, order.external_id, is_preorder=path.is_preorder)
        else:
            self._spare(document)
        if path.in_store:
            document |= {"delivery": "pickup", "pickup_location": self._store().location}
        sent = planned(document, path.end)
        return replace(sent, path=key, back_minor=path.back(document))

    def setup(self) -> Setup:
        stock = (StockLevel(*where, units) for where, units in sorted(self._stock.items()))
        keep = (
            {"channel": name, "keep_it_below_minor": EVERYTHING_MINOR} for name in self._lenient
        )
        return replace(
            self._setup,
            locations=(
                replace(self._store(), capabilities=("pickup",)),
                *self._setup.locations[1:],
            ),
            products=tuple(self._products.values()),
            channels=tuple(self._channels.values()),
            stock=tuple(stock),
            return_policies=(*self._setup.return_policies, *keep),
        )

    def _store(self) -> Location:
        """Where goods of an order's own lie."""
        return self._setup.locations[0]

    def _channel(self, name: str, policy: str) -> str:
        """A channel beside the order's own, with rules of its own."""
        base, ruled = self._channels[name], f"{name}{policy}"[:20]
        channel = replace(base, channel=ruled, name=f"{base.name}, {policy}")
        if policy == CAREFUL:
            scores = {"review_from": REVIEW_FROM}
            channel = replace(channel, undeliverable="hold", fraud_policy=scores)
        if policy == LENIENT:
            self._lenient.add(ruled)
        self._channels[ruled] = channel
        return ruled

    def _own_goods(self, document: Json, key: str, name: str, *, is_preorder: bool) -> None:
        """Nobody else's units, all of them in one place."""
        place = self._store().location
        from_day = (self._now + timedelta(seconds=PREORDER_S)).isoformat() if is_preorder else None
        for number, line in enumerate(document["lines"], start=1):
            sku = f"{line['sku']}-{key}-{name[:12]}-{number}"[:100]
            own = replace(self._products[line["sku"]], sku=sku, available_from=from_day)
            self._products[sku] = own
            self._stock[place, sku] += line["quantity"]
            line["sku"] = sku

    def _spare(self, document: Json) -> None:
        for line in document["lines"]:
            for location in self._setup.locations:
                self._stock[location.location, line["sku"]] += line["quantity"] + SPARE_UNITS
