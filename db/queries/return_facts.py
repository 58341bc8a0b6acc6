"""What a return is judged and valued by: parcels that left, the channel's policy, the moment."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows
from db.stores import orders
from domain.invoicing import tax_beside
from domain.returning.parcels import ShippedLine, ShippedParcel
from domain.returning.policy import ReturnPolicy, read_policy
from domain.returning.worth import Held, Refundable, goods_of

_GONE: Final = frozenset({"handed_over", "delivered"})


@dataclass(frozen=True)
class Facts:
    order_id: str
    version: int
    channel: str
    currency: str
    country: str
    now: datetime
    policy: ReturnPolicy
    parcels: tuple[ShippedParcel, ...]


async def facts(tx: AsyncConnection, order_id: str, *, lock: bool = False) -> Facts | None:
    """None for no such order; `lock` takes the order's row first, as every writer does."""
    head = await row(
        tx,
        f"""
        SELECT o.order_id, o.version, o.channel, o.currency, o.ship_to ->> 'country' AS country,
            now() AS now, coalesce(p.rules, '{{}}') AS rules
        FROM orders o LEFT JOIN return_policies p USING (channel)
        WHERE o.order_id = :order_id {"FOR UPDATE OF o" if lock else ""}
        """,  # noqa: S608 - a constant
        order_id=order_id,
    )
    if head is None:
        return None
    return Facts(
        head.order_id,
        head.version,
        head.channel,
        head.currency,
        head.country or "",
        head.now,
        read_policy(head.rules),
        await _parcels(tx, order_id),
    )


async def policy_of(tx: AsyncConnection, order_id: str) -> ReturnPolicy:
    found = await row(
        tx,
        "SELECT p.rules FROM orders o JOIN return_policies p USING (channel) WHERE order_id = :o",
        o=order_id,
    )
    return read_policy(found.rules if found else {})


async def _parcels(tx: AsyncConnection, order_id: str) -> tuple[ShippedParcel, ...]:
    """Units of a parcel that was replaced are those of what replaces it."""
    found = await rows(
        tx,
        """
        SELECT f.fulfillment_id, f.location, f.share_minor, f.state, f.delivered_at,
            f.rma IS NOT NULL AS is_exchange, l.line_no, l.sku, l.quantity, l.in_return, l.returned,
            p.category, coalesce(x.total_minor,
                o.quantity * o.unit_price_minor + o.tax_minor - o.discount_minor) AS total_minor
        FROM fulfillments f JOIN fulfillment_lines l USING (fulfillment_id)
            JOIN products p ON p.sku = l.sku
            LEFT JOIN order_lines o ON o.order_id = f.order_id AND o.line_no = l.line_no
            LEFT JOIN exchange_lines x ON x.rma = f.rma AND x.line_no = l.line_no
        WHERE f.order_id = :order_id AND NOT EXISTS (
            SELECT FROM fulfillments n WHERE n.replaces = f.fulfillment_id)
        ORDER BY f.number, l.line_no
        """,
        order_id=order_id,
    )
    goods = await _goods(tx, order_id, found)
    lines: dict[str, list[ShippedLine]] = defaultdict(list)
    for each, goods_minor in zip(found, goods, strict=True):
        line = ShippedLine(
            each.line_no, each.sku, each.category, each.quantity, each.in_return, each.returned,
            goods_minor,
        )  # fmt: skip
        lines[each.fulfillment_id].append(line)
    heads = {each.fulfillment_id: each for each in found if each.state in _GONE}
    return tuple(
        _parcel(part, tuple(lines[fulfillment_id])) for fulfillment_id, part in heads.items()
    )


def _parcel(part: Any, lines: tuple[ShippedLine, ...]) -> ShippedParcel:
    """An exchange's parcel costs its goods, whoever paid for them: its share is only the rest."""
    goods_minor = sum(line.goods_minor for line in lines)
    share_minor = goods_minor if part.is_exchange else part.share_minor
    return ShippedParcel(part.fulfillment_id, part.location, share_minor, part.delivered_at, lines)


async def _goods(tx: AsyncConnection, order_id: str, found: Sequence[Any]) -> tuple[int, ...]:
    """What the units of each row cost, with their tax, wherever the order states it."""
    ordered, charges = await orders.lines(tx, order_id), await orders.charges(tx, order_id)
    numbers = [line.line_no for line in ordered]
    beside = dict(zip(numbers, tax_beside(ordered, charges), strict=False))
    held = [
        Held(
            each.line_no, each.quantity,
            (each.total_minor or 0) + beside.get(each.line_no, 0), each.is_exchange,
        )
        for each in found
    ]  # fmt: skip
    discounts = [charge.amount_minor for charge in charges if charge.kind == "discount"]
    return goods_of(held, sum(discounts))


async def refundable(tx: AsyncConnection, order_id: str) -> list[Refundable]:
    """Return what authorizations hold for goods that left, less what returns have asked for."""
    found = await rows(
        tx,
        """
        SELECT a.authorization_key, a.tender_no, t.kind, least(
            a.captured_minor - a.refunded_minor - coalesce(r.pending, 0),
            coalesce(kept.amount, 0) - coalesce(r.asked, 0))::bigint AS amount_minor
        FROM authorizations a JOIN tenders t USING (order_id, tender_no)
        LEFT JOIN (
            SELECT s.authorization_key, sum(s.amount_minor) AS amount
            FROM fulfillment_shares s JOIN fulfillments f USING (fulfillment_id)
            WHERE f.order_id = :order_id AND f.handed_over_at IS NOT NULL AND f.state <> 'lost'
            GROUP BY 1) kept USING (authorization_key)
        LEFT JOIN (
            SELECT authorization_key, sum(amount_minor) AS asked,
                sum(amount_minor) FILTER (WHERE made_at IS NULL) AS pending
            FROM return_refunds WHERE given_up_at IS NULL GROUP BY 1) r USING (authorization_key)
        WHERE a.order_id = :order_id AND a.state = 'taken'
        """,
        order_id=order_id,
    )
    return [Refundable(*each) for each in found if each.amount_minor > 0]
