"""Writes the shipped set anew: `python -m tests.workers.local.demo.make_shipped`."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from domain.money import split
from tests.workers.local.demo import shipped_shopify as shopify
from tests.workers.local.demo import shipped_world as world
from tests.workers.local.demo.shipped_world import Article, Person

SHIPPED = Path(__file__).parents[4] / "workers" / "local" / "demo" / "shipped"
SEED = 20260301
FIRST_DAY = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DECLINED = ("pm_card_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds")
CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")

# Channel, basket, payment, end, how many.
SCENARIOS = (
    ("shopify", "one", "card", "delivered", 20),
    ("shopify", "together", "card", "delivered", 7),
    ("shopify", "apart", "card", "delivered", 14),
    ("shopify", "apart", "card+credit", "delivered", 2),
    ("shopify", "one", "slip", "delivered", 3),
    ("shopify", "together", "credit", "delivered", 1),
    ("shopify", "one", "declined", "refused_payment", 3),
    ("shopify", "one", "slip never", "expired_payment", 1),
    ("shopify", "one", "slip late", "expired_payment", 1),
    ("shopify", "sold out", "card", "refused_stock", 2),
    ("shopify", "together", "card", "cancelled", 2),
    ("shopify", "nowhere", "card", "refused_address", 1),
    ("shop", "one", "card", "delivered", 4),
    ("shop", "one", "debit", "delivered", 2),
    ("shop", "apart", "card", "delivered", 4),
    ("shop", "apart", "two cards", "delivered", 1),
    ("shop", "apart", "slip", "delivered", 1),
    ("shop", "together", "card+credit", "delivered", 1),
    ("shop", "together", "manual", "delivered", 1),
    ("shop", "one", "declined", "refused_payment", 1),
    ("shop", "together", "second card declined", "refused_payment", 1),
    ("shop", "one", "slip never", "expired_payment", 1),
    ("shop", "one", "slip late", "expired_payment", 1),
    ("shop", "sold out", "card", "refused_stock", 2),
    ("shop", "apart", "card", "cancelled", 1),
    ("shop", "one", "debit", "cancelled", 1),
    ("shop", "nowhere", "card", "refused_address", 1),
    ("shop", "empty", "card", "rejected_input", 2),
)


@dataclass(frozen=True)
class Sale:
    number: int
    channel: str
    person: Person
    line1: str
    basket: tuple[tuple[Article, int], ...]
    discount_percent: int
    payment: str
    end: str
    placed_at: datetime

    @property
    def external_id(self) -> str:
        return (
            str(6_410_000_000_000 + self.number)
            if self.channel == "shopify"
            else (f"S-{self.number}")
        )

    @property
    def order_id(self) -> str:
        return f"{self.channel}-{self.external_id}"


def sales() -> list[Sale]:
    draw = Random(SEED)
    wanted = [(c, b, p, e) for c, b, p, e, count in SCENARIOS for _ in range(count)]
    draw.shuffle(wanted)
    found = []
    for number, (channel, basket, payment, end) in enumerate(wanted, start=1001):
        people = [p for p in world.PEOPLE if p.country == "BR" or "slip" not in payment]
        person = draw.choice(people)
        found.append(
            Sale(
                number=number,
                channel=channel,
                person=person,
                line1="1 UNDELIVERABLE ROAD" if basket == "nowhere" else person.line1,
                basket=tuple(_basket(draw, basket)),
                discount_percent=draw.choice((0, 0, 0, 10)),
                payment=payment,
                end=end,
                placed_at=FIRST_DAY + timedelta(minutes=7 * number + draw.randrange(7)),
            )
        )
    return found


def _basket(draw: Random, kind: str) -> list[tuple[Article, int]]:
    if kind == "empty":
        return []
    if kind == "sold out":
        gone = draw.choice((world.POSTER, world.WINTER))
        return [
            (draw.choice(world.ARTICLES), 1),
            (gone, world.LEFT[gone.sku] + draw.choice((1, 2))),
        ]
    if kind == "together":
        place = draw.choice(world.EVERYWHERE)
        there = [article for article in world.ARTICLES if place in article.homes]
        return [
            (article, draw.choice((1, 1, 2))) for article in draw.sample(there, draw.choice((2, 3)))
        ]
    if kind == "apart":
        places = draw.sample(world.EVERYWHERE, draw.choice((2, 2, 2, 3)))
        only = [[a for a in world.ARTICLES if a.homes == (place,)] for place in places]
        extra = draw.sample([a for a in world.ARTICLES if len(a.homes) == 4], draw.choice((0, 1)))
        return [(draw.choice(there), draw.choice((1, 1, 2))) for there in only] + [
            (e, 1) for e in extra
        ]
    return [(draw.choice(world.ARTICLES), draw.choice((1, 1, 1, 2, 3)))]


def lines_of(sale: Sale) -> list[dict[str, Any]]:
    currency = sale.person.currency
    lines = []
    for article, quantity in sale.basket:
        price = world.price_minor(article, currency)
        discount = quantity * price * sale.discount_percent // 100
        taxable = quantity * price - discount
        lines.append(
            {
                "sku": article.sku,
                "quantity": quantity,
                "unit_price_minor": price,
                # Prices hold the tax already everywhere but in the States.
                "tax_minor": taxable * 7 // 100 if sale.person.country == "US" else 0,
                "discount_minor": discount,
                "external_line_id": None,
            }
        )
    return lines


def tenders_of(sale: Sale, total_minor: int) -> list[dict[str, Any]]:
    card = CARDS[sale.number % 3]
    refused = DECLINED[sale.number % 2]
    gift = ("store_credit", f"GIFT-{sale.number}")
    parts: dict[str, tuple[tuple[str, str], ...]] = {
        "card": (("card", card),),
        "credit": (gift,),
        "card+credit": (("card", card), gift),
        "two cards": (("card", CARDS[0]), ("card", CARDS[1])),
        "second card declined": (("card", CARDS[0]), ("card", refused)),
        "declined": (("card", refused),),
        "debit": (("debit", "pm_card_debit"),),
        "manual": (("manual", f"bank transfer {sale.number}"),),
        "slip": (("bank_slip", "pm_boleto_paid"),),
        "slip never": (("bank_slip", "pm_boleto_never"),),
        "slip late": (("bank_slip", "pm_boleto_late"),),
    }
    chosen = parts[sale.payment]
    amounts = split(total_minor, [3, 2][: len(chosen)])
    return [
        {"kind": kind, "amount_minor": amount, "reference": reference}
        for (kind, reference), amount in zip(chosen, amounts, strict=True)
    ]


def canonical(sale: Sale) -> dict[str, Any]:
    person, lines = sale.person, lines_of(sale)
    shipping = world.SHIPPING_MINOR[person.currency]
    total = shipping + sum(
        x["quantity"] * x["unit_price_minor"] + x["tax_minor"] - x["discount_minor"] for x in lines
    )
    return {
        "channel": sale.channel,
        "external_id": sale.external_id,
        "placed_at": sale.placed_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "currency": person.currency,
        "locale": person.locale,
        "customer": {"name": person.name, "email": person.email, "phone": None},
        "ship_to": {
            "name": person.name,
            "line1": sale.line1,
            "line2": None,
            "city": person.city,
            "region": person.region,
            "postal_code": person.postal_code,
            "country": person.country,
            "latitude": person.point[0],
            "longitude": person.point[1],
        },
        "lines": lines,
        "charges": [{"kind": "shipping", "amount_minor": shipping}],
        "tenders": tenders_of(sale, total),
    }


def setup_of(found: list[Sale]) -> dict[str, Any]:
    """Three times what is wanted of everything, but for what is sold out."""
    wanted: Counter[str] = Counter()
    for sale in found:
        for article, quantity in sale.basket:
            wanted[article.sku] += quantity
    articles = (*world.ARTICLES, world.POSTER, world.WINTER)
    return {
        "pools": ["main"],
        "locations": [
            {"location": code, "pool": "main", "name": place[0], "address": _place(place)}
            for code, place in world.LOCATIONS.items()
        ],
        "channels": [
            {"channel": code, "name": name, "kind": kind, "pool": "main",
             "currencies": sorted(world.RATES), "buffer": 0, "seller": world.SELLER["seller"]}
            for code, name, kind in (("shop", "Own shop", "api"), ("shopify", "Shopify", "shopify"))
        ],
        "sellers": [world.SELLER],
        "products": [
            {"sku": a.sku, "name": a.title, "weight_g": a.weight_g, "length_mm": a.size_mm[0],
             "width_mm": a.size_mm[1], "height_mm": a.size_mm[2]}
            for a in articles
        ],
        "stock": [
            {"location": home, "sku": a.sku, "on_hand": world.LEFT.get(a.sku, 3 * wanted[a.sku])}
            for a in articles
            for home in a.homes
        ],
        "store_credits": [
            {"code": t["reference"], "currency": sale.person.currency,
             "balance_minor": t["amount_minor"]}
            for sale in found
            for t in canonical(sale)["tenders"]
            if t["kind"] == "store_credit"
        ],
    }  # fmt: skip


def _place(place: tuple[Any, ...]) -> dict[str, Any]:
    names = ("name", "line1", "city", "region", "postal_code", "country", "latitude", "longitude")
    return dict(zip(names, place, strict=True)) | {"line2": None, "phone": None}


def files() -> dict[str, str]:
    found = sales()
    by_channel = {c: [s for s in found if s.channel == c] for c in ("shopify", "shop")}
    sold = [shopify.document(sale, canonical(sale)) for sale in by_channel["shopify"]]
    return {
        "setup.json": json.dumps(setup_of(found), indent=1, ensure_ascii=False) + "\n",
        "shopify_orders.json": _one_a_line(sold),
        "api_orders.json": _one_a_line([canonical(sale) for sale in by_channel["shop"]]),
        "expected.json": json.dumps({s.order_id: s.end for s in found}, indent=1) + "\n",
    }


def _one_a_line(documents: list[dict[str, Any]]) -> str:
    lines = ",\n".join(json.dumps(document, ensure_ascii=False) for document in documents)
    return f"[\n{lines}\n]\n"


if __name__ == "__main__":
    for name, text in files().items():
        (SHIPPED / name).write_text(text, encoding="utf-8")
