"""Legal sellers of a test's own, and the documents that are written for them."""

import itertools
from typing import Any

from activities.delivery import Delivery
from activities.documents import Documents
from activities.setting_up import upsert_catalog
from tests.activities.shop import Shop

NUMBERS = itertools.count(1)
ADDRESS = {
    "line1": "Calle del Río 12", "line2": None, "city": "Sevilla", "region": None,
    "postal_code": "41001", "country": "ES",
}  # fmt: skip


def seller(code: str, **changes: Any) -> dict[str, Any]:
    return {
        "seller": code, "legal_name": "Cauce S.L.", "address": ADDRESS, "vat_id": "ESB12345674",
        "tax_registration": None, "registration": None, "exemption": None, "legal_lines": [],
        "invoice_series": f"I{code}", "credit_note_series": f"C{code}", "language": "es",
        "time_zone": "UTC",
    } | changes  # fmt: skip


async def a_channel(shop: Shop, *, sold_by: dict[str, Any] | None = None) -> str:
    """A channel of the test's own, so that its series starts at one."""
    channel = f"d{next(NUMBERS)}x{shop.prefix}"
    entry = {"channel": channel, "name": channel, "kind": "api", "pool": "main",
             "currencies": ["USD"], "seller": sold_by and sold_by["seller"]}  # fmt: skip
    async with shop.engine.begin() as tx:
        await upsert_catalog(tx, {"channels": [entry], "sellers": [sold_by] if sold_by else []})
    return channel


def a_seller(**changes: Any) -> dict[str, Any]:
    return seller(f"S{next(NUMBERS)}", **changes)


async def deliver(shop: Shop) -> None:
    """Until nothing is due: the shop is shared, and others' documents come along."""
    delivery = Delivery(shop.engine, {"document": Documents(shop.engine)})
    await shop.change("UPDATE outbox SET next_attempt_at = now() WHERE kind = 'document'")
    while (await delivery.deliver("document")).count:
        pass


async def issued(shop: Shop, order_id: str) -> list[Any]:
    return await shop.rows(
        "SELECT * FROM documents WHERE order_id = :o ORDER BY kind DESC, series, sequence",
        o=order_id,
    )
