"""What must come out right whatever was done: units by SKU and location, money by order."""

from collections.abc import Mapping
from typing import Any, Final

from tests.activities.shop import Shop

# On hand + what left (in transit, sold, lost) + written off = received + restocked.
_UNITS: Final = """
    SELECT v.sku, v.location, v.on_hand, v.reserved,
        coalesce(p.left_us, 0)::bigint AS left_us, coalesce(p.held, 0)::bigint AS held,
        coalesce(d.restocked, 0)::bigint AS restocked, coalesce(m.gone, 0)::bigint AS gone
    FROM location_levels v
    LEFT JOIN (SELECT sku, location,
            sum(quantity) FILTER (WHERE handed_over_at IS NOT NULL) AS left_us,
            sum(quantity) FILTER (WHERE state IN ('open', 'picked', 'packed', 'handing_over'))
                AS held
        FROM fulfillment_lines JOIN fulfillments USING (fulfillment_id) GROUP BY 1, 2
    ) p USING (sku, location)
    LEFT JOIN (SELECT sku, d.location, sum(quantity) AS restocked
        FROM return_dispositions d JOIN return_items USING (rma, item_no)
        WHERE disposition = 'restock' GROUP BY 1, 2) d USING (sku, location)
    LEFT JOIN (SELECT sku, location, -sum(on_hand_change) AS gone
        FROM stock_movements WHERE kind = 'adjust' GROUP BY 1, 2) m USING (sku, location)
    WHERE v.sku = ANY(:skus)
"""
# From the ledger of events alone. Refunds of returns are given for goods that had left.
_MONEY: Final = """
    SELECT o.order_id, o.outcome IS NOT NULL AS is_closed, (SELECT coalesce(
            sum(CASE event WHEN 'captured' THEN amount_minor ELSE -amount_minor END), 0)::bigint
        FROM payment_events e WHERE e.order_id = o.order_id AND event IN ('captured', 'refunded')
    ) AS kept, (SELECT coalesce(sum(share_minor), 0)::bigint FROM fulfillments f
        WHERE f.order_id = o.order_id AND handed_over_at IS NOT NULL AND state <> 'lost'
    ) AS shipped, (SELECT coalesce(sum(p.amount_minor), 0)::bigint
        FROM return_refunds p JOIN returns r USING (rma)
        WHERE r.order_id = o.order_id AND made_at IS NOT NULL) AS given_back
    FROM orders o WHERE order_id = ANY(:orders)
"""
_ABOVE: Final = """
    SELECT authorization_key FROM authorizations a LEFT JOIN (SELECT authorization_key,
            sum(amount_minor) FILTER (WHERE event = 'captured') AS captured,
            sum(amount_minor) FILTER (WHERE event = 'refunded') AS refunded
        FROM payment_events GROUP BY 1) e USING (authorization_key)
    WHERE a.order_id = ANY(:orders) AND (coalesce(e.captured, 0) > a.amount_minor
        OR coalesce(e.refunded, 0) > coalesce(e.captured, 0))
"""


async def lost_units(
    shop: Shop, skus: list[str], received: Mapping[tuple[str, str], int]
) -> list[str]:
    found = await shop.rows(_UNITS, skus=skus)
    known = {(level.sku, level.location) for level in found}
    wrong = [f"{key} has no level" for key, units in received.items() if units and key not in known]
    for level in found:
        came = received.get((level.sku, level.location), 0) + level.restocked
        if level.on_hand + level.left_us + level.gone != came:
            wrong.append(f"{level}: {came} came in")
        if level.reserved != level.held:
            wrong.append(f"{level}: reserved is not what parcels hold")
    return wrong


async def lost_money(shop: Shop, orders: list[str], *, at_the_end: bool) -> list[str]:
    """While orders are open, no more may be taken or given back than was held and taken."""
    above = await shop.rows(_ABOVE, orders=orders)
    wrong = [f"{each.authorization_key}: more than was held" for each in above]
    if at_the_end:
        wrong += [
            f"{order}: kept is not what is owed"
            for order in await shop.rows(_MONEY, orders=orders)
            if not order.is_closed or order.kept != order.shipped - order.given_back
        ]
    return wrong + _at_the_bank(shop, await _ours(shop, orders)) * at_the_end


async def _ours(shop: Shop, orders: list[str]) -> tuple[int, int]:
    (sums,) = await shop.rows(
        """
        SELECT coalesce(sum(captured_minor), 0)::bigint AS captured,
            coalesce(sum(refunded_minor), 0)::bigint AS refunded
        FROM authorizations WHERE order_id = ANY(:orders) AND vendor = 'bank'
        """,
        orders=orders,
    )
    return sums.captured, sums.refunded


def _at_the_bank(shop: Shop, ours: tuple[Any, ...]) -> list[str]:
    captured = sum(payment.received_minor for payment in shop.bank.payments.values())
    theirs = (captured, sum(shop.bank.refunded.values()))
    return [f"we wrote {ours}, the bank has {theirs}"] * (ours != theirs)
