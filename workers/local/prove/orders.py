"""What the harness sells: its own products beside the shipped set, and orders made of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

from workers.local.demo.plan import (
    CANCELLED,
    DELIVERED,
    LOST,
    REFUSED_PAYMENT,
    Channel,
    PlannedOrder,
    Product,
    Setup,
    StockLevel,
    planned,
)

PLENTY: Final = 1_000_000
# Each lies in one warehouse only, so that an order of both is shipped from two places.
EAST, WEST = "PROVE-EAST", "PROVE-WEST"
LAST_ONE, HOT = "PROVE-LAST", "PROVE-HOT"
# Nothing is sold from there; what is sent there stays where it is, as the street says.
ATTIC: Final = "prove-attic"
NEVER_SCANNED: Final = "1 Never Scanned Street"
DAMAGED: Final = "1 Damaged Street"
OUTLET: Final = "outlet"
# What is lost or damaged is replaced, or refunded, without a person.
CAREFUL, GENEROUS = "careful", "generous"
# The shop waits for goods longer than anything here takes; the outlet gives up within seconds.
RETURN_POLICIES: Final = (
    {"channel": "shop", "arrival_days": 100},
    {"channel": OUTLET, "arrival_days": 3},
)
UNIT_MINOR: Final = 1_000
SHIPPING_MINOR: Final = 500

Lines = Sequence[tuple[str, int]]
Means = tuple[str, str, str]  # a tender's kind, its reference, the currency
CARD: Final[Means] = ("card", "pm_card_visa", "USD")
DECLINED: Final[Means] = ("card", "pm_card_chargeDeclined", "USD")
DEBIT: Final[Means] = ("debit", "pm_card_debit", "USD")
SLIP: Final[Means] = ("bank_slip", "pm_boleto_paid", "BRL")


def extended(shipped: Setup, hot_units: int) -> Setup:
    """The shipped set-up, with more channels and the harness's products and stock."""
    first = shipped.locations[0]
    outlet = Channel(
        OUTLET, "Outlet", "api", shipped.pools[0], ("USD",), decides_up_to_minor=PLENTY
    )
    near, far = first.location, shipped.locations[1].location
    attic = replace(
        first, location=ATTIC, name="Attic", address=replace(first.address, line1=NEVER_SCANNED)
    )
    return replace(
        shipped,
        channels=(
            *shipped.channels,
            outlet,
            replace(outlet, channel=CAREFUL, name="Careful", on_loss="reship"),
            replace(outlet, channel=GENEROUS, name="Generous", on_loss="refund"),
        ),
        locations=(*shipped.locations, attic),
        products=(
            *shipped.products,
            *(Product(sku, sku, 500, 200, 150, 50) for sku in (EAST, WEST, LAST_ONE, HOT)),
        ),
        stock=(
            *shipped.stock,
            StockLevel(near, EAST, PLENTY),
            StockLevel(far, WEST, PLENTY),
            StockLevel(near, LAST_ONE, 1),
            StockLevel(near, HOT, hot_units),
        ),
        return_policies=RETURN_POLICIES,
    )


def an_order(
    external_id: str,
    lines: Lines,
    *,
    expected: str = DELIVERED,
    channel: str = "shop",
    pay: Means = CARD,
    street: str = "417 Montgomery Street",
) -> PlannedOrder:
    """An order of one buyer in San Francisco; every unit costs the same."""
    total = sum(units for _, units in lines) * UNIT_MINOR + SHIPPING_MINOR
    kind, reference, currency = pay
    document: dict[str, Any] = {
        "channel": channel,
        "external_id": external_id,
        "placed_at": "2026-01-02T10:00:00Z",
        "currency": currency,
        "locale": "en",
        "customer": {"name": "Ada Example", "email": "ada@example.com", "phone": None},
        "ship_to": {
            "name": "Ada Example", "line1": street, "line2": None,
            "city": "San Francisco", "region": "CA", "postal_code": "94104", "country": "US",
            "latitude": 37.79, "longitude": -122.4,
        },
        "lines": [
            {"sku": sku, "quantity": units, "unit_price_minor": UNIT_MINOR} for sku, units in lines
        ],
        "charges": [{"kind": "shipping", "amount_minor": SHIPPING_MINOR}],
        "tenders": [{"kind": kind, "amount_minor": total, "reference": reference}],
    }  # fmt: skip
    return planned(document, expected)


def a_mix(prefix: str, count: int, dice: Random) -> list[PlannedOrder]:
    """Orders of every kind, in an order of their own: split and whole, cards, debit, slips.

    Of some the parcel is damaged, and replaced or refunded as their channel says.
    """
    kinds: list[Callable[[str], PlannedOrder]] = [
        lambda name: an_order(name, [(EAST, 1)]),
        lambda name: an_order(name, [(EAST, 1), (WEST, 2)]),
        lambda name: an_order(name, [(WEST, 1)], pay=DEBIT),
        lambda name: an_order(name, [(EAST, 2)], pay=SLIP),
        lambda name: an_order(name, [(WEST, 1)], pay=DECLINED, expected=REFUSED_PAYMENT),
        lambda name: an_order(name, [(EAST, 1), (WEST, 1)], expected=CANCELLED),
        lambda name: an_order(name, [(EAST, 1)], channel=CAREFUL, street=f"{name} Damaged Once St"),
        lambda name: an_order(name, [(WEST, 1)], channel=GENEROUS, street=DAMAGED, expected=LOST),
    ]
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    dice.shuffle(chosen)
    return [make(f"{prefix}-{number}") for number, make in enumerate(chosen, start=1)]
