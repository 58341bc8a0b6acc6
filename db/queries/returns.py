"""Returns as staff and customers read them: newest first, and one with all its parts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows
from domain.returning.states import Counts, acceptance, reception

# A code is money: whoever reads returns must not be able to spend it.
_RETURN: Final = """
    to_jsonb(r) - 'payment_reference' || jsonb_build_object(
      'credit_code', '…' || right(r.credit_code, 4),
      'currency', (SELECT currency FROM orders o WHERE o.order_id = r.order_id),
      'items', (SELECT coalesce(jsonb_agg(to_jsonb(i) || jsonb_build_object(
          'dispositions', (SELECT coalesce(jsonb_agg(to_jsonb(d)), '[]')
            FROM return_dispositions d WHERE d.rma = i.rma AND d.item_no = i.item_no)
        ) ORDER BY item_no), '[]') FROM return_items i WHERE i.rma = r.rma),
      'instead', (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY line_no), '[]')
        FROM exchange_lines x WHERE x.rma = r.rma),
      'refunds', (SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY refund_no), '[]')
        FROM return_refunds p WHERE p.rma = r.rma),
      'labels', (SELECT coalesce(jsonb_agg(to_jsonb(b) ORDER BY created_at, label_key), '[]')
        FROM labels b WHERE b.rma = r.rma AND b.state <> 'begun'),
      'parcels', (SELECT coalesce(jsonb_agg(fulfillment_id ORDER BY number), '[]')
        FROM fulfillments f WHERE f.rma = r.rma)
    )
"""


@dataclass(frozen=True)
class ReturnFilter:
    state: str | None = None
    order_id: str | None = None


@dataclass(frozen=True)
class After:
    requested_at: datetime
    rma: str


async def list_returns(
    connection: AsyncConnection, wanted: ReturnFilter, *, after: After | None, limit: int
) -> list[dict[str, Any]]:
    conditions = ["true"]
    if wanted.state is not None:
        conditions.append("r.state = :state")
    if wanted.order_id is not None:
        conditions.append("r.order_id = :order_id")
    if after is not None:
        conditions.append("(r.requested_at, r.rma) < (:after_at, :after_rma)")
    found = await rows(
        connection,
        f"""
        SELECT {_RETURN} AS found FROM returns r WHERE {" AND ".join(conditions)}
        ORDER BY r.requested_at DESC, r.rma DESC LIMIT :limit
        """,  # noqa: S608 - fragments of this file
        limit=limit,
        state=wanted.state,
        order_id=wanted.order_id,
        after_at=after and after.requested_at,
        after_rma=after and after.rma,
    )
    return [_with_axes(dict(each.found)) for each in found]


async def get_return(connection: AsyncConnection, rma: str) -> dict[str, Any] | None:
    found = await row(
        connection,
        f"SELECT {_RETURN} AS found FROM returns r WHERE r.rma = :rma",  # noqa: S608
        rma=rma,
    )
    return None if found is None else _with_axes(dict(found.found))


def _with_axes(found: dict[str, Any]) -> dict[str, Any]:
    """Reception and acceptance are derived from the items, never set by hand."""
    items = [
        Counts(item["requested"], item["received"], item["accepted"], item["rejected"])
        for item in found["items"]
    ]
    is_over = found["arrival_over"] or found["state"] not in ("requested", "approved")
    found["reception"] = reception(items, is_kept=found["method"] == "keep", is_over=is_over)
    found["acceptance"] = acceptance(items)
    return found


async def known_skus(connection: AsyncConnection, skus: list[str]) -> set[str]:
    found = await rows(
        connection, "SELECT sku FROM products WHERE sku = ANY(CAST(:skus AS text[]))", skus=skus
    )
    return {each.sku for each in found}


async def sold_skus(connection: AsyncConnection, skus: list[str]) -> set[str]:
    """Those of them that were not retired."""
    statement = "SELECT sku FROM products WHERE sku = ANY(CAST(:skus AS text[])) AND active"
    return {each.sku for each in await rows(connection, statement, skus=skus)}


async def known_locations(connection: AsyncConnection) -> set[str]:
    return {each.location for each in await rows(connection, "SELECT location FROM locations")}


async def has_order(connection: AsyncConnection, order_id: str) -> bool:
    query = "SELECT 1 FROM orders WHERE order_id = :order_id"
    return await row(connection, query, order_id=order_id) is not None
