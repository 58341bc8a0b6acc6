"""Turns real Olist orders into what is set up, placed and expected of a demo run."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from domain.address import Address
from workers.errors import UserError
from workers.local.demo.olist_files import Olist, read_olist
from workers.local.demo.olist_rows import (
    CURRENCY,
    CustomerRow,
    ItemRow,
    OrderRow,
    PaymentRow,
    SellerRow,
    unknown_product,
)
from workers.local.demo.places import City
from workers.local.demo.plan import (
    CANCELLED,
    DELIVERED,
    REJECTED_INPUT,
    Channel,
    Location,
    Plan,
    PlannedOrder,
    Seller,
    Setup,
    StoreCredit,
    planned,
)
from workers.local.demo.stocking import scaled_demand, spread

CHANNEL: Final = "olist"
# Made up: the dataset's marketplaces bill for thousands of sellers, who stay unnamed.
SELLER: Final = Seller(
    seller="olist",
    legal_name="Cauce Demonstração Ltda.",
    address={
        "line1": "Rua do Comércio 100",
        "city": "Curitiba",
        "region": "PR",
        "postal_code": "80010-000",
        "country": "BR",
    },
    language="pt",
    time_zone="America/Sao_Paulo",
    tax_registration="CNPJ 00.000.000/0001-00",
    legal_lines=("Documento de demonstração, sem valor fiscal.",),
)
POOL: Final = "main"
WAREHOUSES: Final = 5
# The dataset's times are those of Brasilia.
_BRASILIA: Final = timezone(timedelta(hours=-3))
_CALLED_OFF: Final = frozenset({"canceled", "unavailable"})
_FIRST_NAMES: Final = (
    "Ana", "Beatriz", "Bruno", "Camila", "Carlos", "Daniela", "Eduardo", "Fernanda", "Gabriel",
    "Helena", "Igor", "Joana", "Larissa", "Lucas", "Mariana", "Mateus", "Paula", "Rafael",
    "Sofia", "Tiago",
)  # fmt: skip
_LAST_NAMES: Final = (
    "Almeida", "Alves", "Barbosa", "Cardoso", "Carvalho", "Costa", "Dias", "Ferreira", "Gomes",
    "Lima", "Martins", "Melo", "Moreira", "Oliveira", "Pereira", "Ribeiro", "Rocha", "Santos",
    "Silva", "Souza",
)  # fmt: skip
_STREETS: Final = ("Rua das Flores", "Rua XV de Novembro", "Avenida Brasil", "Rua da Praia")
# Card networks carry no less, and a boleto is for R$5.00 at least: below, it was settled by hand.
# Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_LEAST_MINOR: Final = {"card": 50, "debit": 50, "bank_slip": 500}
# Payment types in the words of the order document, with the vendor's method to pay by.
_TENDERS: Final = {
    "credit_card": ("card", "pm_card_visa"),
    "boleto": ("bank_slip", "pm_boleto_paid"),
    "debit_card": ("debit", "pm_card_debit"),
    "not_defined": ("manual", "not defined in the dataset"),
}


def plan_olist(folder: Path, count: int, factor: Fraction, seed: int) -> Plan:
    """Plan the first `count` good orders. Raises: UserError for a folder that cannot be read."""
    olist = read_olist(folder)
    rows = olist.orders[:count]
    if not rows:
        bad = (
            f"; the first of {len(olist.rejects)} bad rows: {olist.rejects[0]}"
            if olist.rejects
            else ""
        )
        raise UserError(f"{folder} holds no usable order{bad}")
    orders = tuple(
        planned(document_of(olist, row), expected_end(row, olist.items.get(row.order_id, [])))
        for row in rows
    )
    if factor < 1:
        orders = tuple(order.relaxed() for order in orders)
    return Plan(
        setup=setup_of(olist, orders, factor, seed),
        orders=orders,
        title=f"{len(orders)} orders of {folder}",
        rejects=olist.rejects,
    )


def expected_end(row: OrderRow, items: list[ItemRow]) -> str:
    if not items:
        return REJECTED_INPUT
    return CANCELLED if row.status in _CALLED_OFF else DELIVERED


def document_of(olist: Olist, row: OrderRow) -> dict[str, Any]:
    """The canonical order document."""
    items = olist.items.get(row.order_id, [])
    payments = [p for p in olist.payments.get(row.order_id, []) if p.value_minor]
    freight = sum(item.freight_minor for item in items)
    due = freight + sum(item.price_minor for item in items)
    tenders = tenders_of(row.order_id, payments, due)
    paid = sum(tender["amount_minor"] for tender in tenders)
    charges = [("shipping", freight), ("financing" if paid > due else "discount", paid - due)]
    customer = olist.customers[row.customer_id]
    address = address_of(olist, customer)
    return {
        "channel": CHANNEL,
        "external_id": row.order_id,
        "placed_at": row.purchased_at.replace(tzinfo=_BRASILIA).isoformat(),
        "currency": CURRENCY,
        "locale": "pt-BR",
        "customer": {
            "name": address["name"],
            "email": f"customer-{customer.unique_id[:8]}@example.com",
            "phone": None,
        },
        "ship_to": address,
        "lines": lines_of(items),
        "charges": [{"kind": kind, "amount_minor": minor} for kind, minor in charges if minor],
        "tenders": tenders,
    }


def lines_of(items: Iterable[ItemRow]) -> list[dict[str, Any]]:
    """The dataset has one row a unit: equal units at an equal price become one line."""
    quantities = Counter((item.product_id, item.price_minor) for item in items)
    return [
        {
            "sku": sku,
            "quantity": quantity,
            "unit_price_minor": price,
            "tax_minor": 0,
            "discount_minor": 0,
            "external_line_id": None,
        }
        for (sku, price), quantity in quantities.items()
    ]


def tenders_of(order_id: str, payments: list[PaymentRow], due_minor: int) -> list[dict[str, Any]]:
    """One tender a payment; an order nobody paid in the dataset was settled by hand."""
    if not payments:
        by_hand = {"kind": "manual", "amount_minor": due_minor, "reference": "no payment on record"}
        return [by_hand] if due_minor else []
    return [_tender(order_id, payment) for payment in payments]


def _tender(order_id: str, payment: PaymentRow) -> dict[str, Any]:
    credit = ("store_credit", credit_code(order_id, payment))
    kind, reference = _TENDERS.get(payment.kind, credit)
    if payment.value_minor < _LEAST_MINOR.get(kind, 0):
        kind, reference = "manual", f"{payment.kind} below the least amount"
    return {"kind": kind, "amount_minor": payment.value_minor, "reference": reference}


def credit_code(order_id: str, payment: PaymentRow) -> str:
    return f"V-{order_id[:12]}-{payment.number}".upper()


def address_of(olist: Olist, customer: CustomerRow) -> dict[str, Any]:
    """City, state and postcode are real; who lives there is made up, the same every time."""
    dice = hashlib.sha256(customer.unique_id.encode()).digest()
    point = olist.centroids.find(customer.zip_prefix, (customer.city, customer.state))
    first, last = _FIRST_NAMES[dice[0] % 20], _LAST_NAMES[dice[1] % 20]
    return {
        "name": f"{first} {last}",
        "line1": f"{_STREETS[dice[2] % 4]} {dice[3] + 1}",
        "line2": None,
        "city": customer.city.title(),
        "region": customer.state,
        "postal_code": f"{customer.zip_prefix}-000",
        "country": "BR",
        "latitude": point[0] if point else None,
        "longitude": point[1] if point else None,
    }


def setup_of(olist: Olist, orders: tuple[PlannedOrder, ...], factor: Fraction, seed: int) -> Setup:
    demand: Counter[str] = Counter()
    for order in orders:
        demand.update(order.units)
    locations = warehouses_of(olist)
    stock = spread(
        scaled_demand(demand, factor, seed), [location.location for location in locations], seed
    )
    return Setup(
        pools=(POOL,),
        locations=locations,
        channels=(
            Channel(CHANNEL, "Olist marketplaces", "api", POOL, (CURRENCY,), seller=SELLER.seller),
        ),
        sellers=(SELLER,),
        products=tuple(olist.products.get(sku) or unknown_product(sku) for sku in sorted(demand)),
        stock=tuple(stock),
        store_credits=tuple(
            StoreCredit(tender["reference"], CURRENCY, tender["amount_minor"])
            for order in orders
            for tender in order.document["tenders"]
            if tender["kind"] == "store_credit"
        ),
    )


def warehouses_of(olist: Olist) -> tuple[Location, ...]:
    """One warehouse in each of the cities with most sellers (without sellers: customers)."""
    cities = Counter((person.city, person.state) for person in _merchants(olist))
    largest = sorted(cities, key=lambda city: (-cities[city], city))[:WAREHOUSES]
    return tuple(_warehouse(olist, city) for city in largest)


def _merchants(olist: Olist) -> Sequence[SellerRow | CustomerRow]:
    return olist.sellers or tuple(olist.customers.values())


def _warehouse(olist: Olist, city: City) -> Location:
    prefixes = Counter(p.zip_prefix for p in _merchants(olist) if (p.city, p.state) == city)
    prefix = min(prefixes, key=lambda zip_prefix: (-prefixes[zip_prefix], zip_prefix))
    point = olist.centroids.find(prefix, city)
    name = f"CD {city[0].title()}"
    return Location(
        location=f"{city[0]}-{city[1]}".lower().replace(" ", "-"),
        pool=POOL,
        name=name,
        address=Address(
            name=name,
            line1="Avenida Industrial 100",
            line2=None,
            city=city[0].title(),
            region=city[1],
            postal_code=f"{prefix}-000",
            country="BR",
            latitude=point[0] if point else None,
            longitude=point[1] if point else None,
        ),
    )
