"""How the channels of orders show themselves to their customers, and the orders' locales."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import rows
from domain.brand import Brand, Colors

# A channel without a brand goes by its name.
BRAND: Final = """
    coalesce(b.name, c.name) AS brand_name, coalesce(b.sender_name, b.name) AS sender_name,
    b.sender, b.logo_url, b.logo_alt, b.support, b.legal_lines, b.language, b.colors
"""


@dataclass(frozen=True)
class Shown:
    """What an order's customer is shown, and the locale that the order asks for."""

    brand: Brand
    locale: str


async def shown_to(connection: AsyncConnection, order_ids: Sequence[str]) -> dict[str, Shown]:
    if not order_ids:
        return {}
    found = await rows(
        connection,
        f"""
        SELECT o.order_id, o.locale, {BRAND}
        FROM orders o JOIN channels c USING (channel) LEFT JOIN brands b USING (channel)
        WHERE o.order_id = ANY(CAST(:order_ids AS text[]))
        """,  # noqa: S608 - made of constants
        order_ids=sorted(set(order_ids)),
    )
    return {each.order_id: Shown(brand_of(each), each.locale) for each in found}


def brand_of(found: Any) -> Brand:
    """`found` is a row with the columns of `BRAND`."""
    if found.language is None:
        return Brand(found.brand_name)
    return Brand(
        name=found.brand_name,
        sender_name=found.sender_name,
        sender=found.sender,
        logo_url=found.logo_url,
        logo_alt=found.logo_alt,
        support=found.support,
        legal_lines=tuple(found.legal_lines),
        language=found.language,
        colors=Colors(**found.colors),
    )
