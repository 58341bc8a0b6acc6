"""Quotes: two carriers, five services, a price from weight and zone that never changes its mind."""

import math
import re
from typing import Any, Final

from sandbox.store import Tx, new_id

Json = dict[str, Any]

ABROAD_ZONE: Final = 9

# carrier, service, cents to start, cents per ounce, cents per zone, days at home
SERVICES: Final = (
    ("USPS", "GroundAdvantage", 520, 9, 45, 3),
    ("USPS", "Priority", 780, 14, 60, 2),
    ("USPS", "Express", 2650, 30, 150, 1),
    ("UPS", "Ground", 610, 8, 50, 4),
    ("UPS", "2ndDayAir", 1550, 22, 110, 2),
)
ACCOUNTS: Final = {
    "USPS": "ca_9685a1198a75477885a3cdca37559000",
    "UPS": "ca_9685a1198a75477885a3cdca37559001",
}


def zone(sender: Json, receiver: Json) -> int:
    """1 next door to 8 across the country, by how far the postal regions lie apart."""
    if sender.get("country") != receiver.get("country"):
        return ABROAD_ZONE
    return 1 + math.ceil(abs(_region(sender) - _region(receiver)) * 7 / 99)


def _region(address: Json) -> int:
    """The first two characters of a postal code as a number of 0 to 99."""
    text = re.sub(r"\W", "", str(address.get("zip") or "")).upper()[:2].ljust(2, "0")
    return sum(int(sign, 36) % 10 * place for sign, place in zip(text, (10, 1), strict=True))


def quote(tx: Tx, shipment: Json) -> list[Json]:
    distance = zone(shipment["from_address"], shipment["to_address"])
    ounces = math.ceil(shipment["parcel"]["weight"])
    at = tx.clock.iso(tx.now)
    return [
        _rate(shipment, at, service, service[2] + service[3] * ounces + service[4] * distance)
        for service in SERVICES
    ]


def _rate(
    shipment: Json, at: str, service: tuple[str, str, int, int, int, int], cents: int
) -> Json:
    carrier, name, *_, days = service
    currency = shipment["options"]["currency"]
    abroad = shipment["from_address"].get("country") != shipment["to_address"].get("country")
    days += 4 * abroad
    return {
        "id": new_id("rate_", 32),
        "object": "Rate",
        "created_at": at,
        "updated_at": at,
        "mode": "test",
        "service": name,
        "carrier": carrier,
        "rate": money(cents),
        "currency": currency,
        "retail_rate": money(cents * 13 // 10),
        "retail_currency": currency,
        "list_rate": money(cents * 11 // 10),
        "list_currency": currency,
        "billing_type": "easypost",
        "delivery_days": days,
        "delivery_date": None,
        "delivery_date_guaranteed": False,
        "est_delivery_days": days,
        "shipment_id": shipment["id"],
        "carrier_account_id": ACCOUNTS[carrier],
    }


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
