"""Finds everything that is held about a customer, by an e-mail address; exports and erases it."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, rows, run
from db.inbox import audit
from db.privacy.holdings import HOLDINGS, MENTIONED


class StillOpen(Exception):
    """Something of the customer is under way and needs their data; the text says what."""


@dataclass(frozen=True)
class Erased:
    pseudonym: str
    orders: int
    rows: int


@dataclass(frozen=True)
class Customer:
    """What points to them: every row about a customer names one of these."""

    address: str
    orders: list[str]
    fulfillments: list[str]
    exceptions: list[str]
    returns: list[str]
    # As they stand in a vendor's JSON.
    mentions: list[str]

    @property
    def pattern(self) -> str:
        """The address as a word of its own: not the end of a longer one, nor its beginning."""
        return rf"(^|[^a-z0-9._+-]){re.escape(self.address)}\.?([^a-z0-9.-]|$)"

    def named(self) -> dict[str, Any]:
        return vars(self) | {"pattern": self.pattern}


async def find(tx: AsyncConnection, address: str) -> Customer:
    """Locks their orders, so that none of them changes while it is read or erased."""
    address = address.strip().lower()
    orders = await rows(
        tx,
        """
        SELECT order_id FROM orders WHERE lower(customer_email) = :address
        ORDER BY order_id FOR UPDATE
        """,
        address=address,
    )
    ids = sorted(order.order_id for order in orders)
    found = await row(
        tx,
        """
        SELECT
          (SELECT array_agg(fulfillment_id) FROM fulfillments WHERE order_id = ANY(:orders)) AS f,
          (SELECT array_agg(exception_id) FROM exceptions WHERE order_id = ANY(:orders)) AS x,
          (SELECT array_agg(rma) FROM returns WHERE order_id = ANY(:orders)) AS r,
          (SELECT array_agg(ref) FROM (
            SELECT vendor_ref FROM authorizations WHERE order_id = ANY(:orders)
            UNION SELECT unnest(ARRAY[vendor_shipment_id, tracker_id, tracking_number])
            FROM labels l LEFT JOIN fulfillments f USING (fulfillment_id)
              LEFT JOIN returns r ON r.rma = l.rma
            WHERE coalesce(f.order_id, r.order_id) = ANY(:orders)
          ) AS refs(ref) WHERE ref IS NOT NULL) AS refs
        """,
        orders=ids,
    )
    assert found is not None
    mentions = [f'"{ref}"' for ref in (*ids, *(found.refs or []))]
    mentions += [f'"{order_id}:' for order_id in ids]
    parcels, exceptions, returns = (sorted(each or []) for each in (found.f, found.x, found.r))
    return Customer(address, ids, parcels, exceptions, returns, mentions)


async def export(tx: AsyncConnection, customer: Customer) -> dict[str, list[Any]]:
    """The rows by table, as they are; tables without any are left out."""
    held = {}
    for holding in HOLDINGS:
        found = await rows(
            tx,
            f"SELECT to_jsonb(held) AS held FROM {holding.table} AS held WHERE {holding.whose}",  # noqa: S608
            **_used(customer.named(), holding.whose),
        )
        if found:
            held[holding.table] = [each.held for each in found]
    return held


async def erase(tx: AsyncConnection, customer: Customer, actor: str) -> Erased | None:
    """Put a pseudonym in the place of the customer's data; None when nothing is held.

    Raises: StillOpen.
    """
    await _refuse_open(tx, customer)
    pseudonym = await _pseudonym(tx, customer)
    if pseudonym is None:
        return None
    named = customer.named() | {"pseudonym": pseudonym, "email": f"{pseudonym}@erased.invalid"}
    count = 0
    for holding in HOLDINGS:
        if holding.erased:
            changes = ", ".join(f"{name} = {value}" for name, value in holding.erased.items())
            statement = f"UPDATE {holding.table} SET {changes} WHERE {holding.whose}"  # noqa: S608
            count += await run(tx, statement, **_used(named, statement))
    done = Erased(pseudonym, len(customer.orders), count)
    data = audit.Change(after={"orders": done.orders, "rows": done.rows})
    await audit.record(tx, actor, "CustomerErased", pseudonym, data)
    return done


async def _refuse_open(tx: AsyncConnection, customer: Customer) -> None:
    opened = await row(
        tx,
        f"""
        SELECT 'order ' || order_id || ' is still open' AS what FROM orders
        WHERE order_id = ANY(:orders) AND outcome IS NULL
        UNION ALL
        SELECT 'return ' || rma || ' is still open' FROM returns
        WHERE order_id = ANY(:orders) AND state <> 'closed'
        UNION ALL
        SELECT kind || ' ' || inbox_id || ' in the inbox still waits' FROM inbox
        WHERE state = 'new' AND {MENTIONED}
        LIMIT 1
        """,  # noqa: S608
        orders=customer.orders,
        pattern=customer.pattern,
        mentions=customer.mentions,
    )
    if opened is not None:
        raise StillOpen(opened.what)


async def _pseudonym(tx: AsyncConnection, customer: Customer) -> str | None:
    """Made from what stays: an address could be guessed from a pseudonym that was made from it."""
    inbox = next(holding for holding in HOLDINGS if holding.table == "inbox")
    outbox = next(holding for holding in HOLDINGS if holding.table == "outbox")
    found = await row(
        tx,
        f"""
        SELECT coalesce((SELECT 'i' || min(inbox_id) FROM inbox WHERE {inbox.whose}),
            (SELECT 'o' || min(outbox_id) FROM outbox WHERE {outbox.whose})) AS first
        """,  # noqa: S608
        **_used(customer.named(), inbox.whose + outbox.whose),
    )
    first = customer.orders[0] if customer.orders else found and found.first
    return f"erased-{hashlib.sha256(first.encode()).hexdigest()[:12]}" if first else None


def _used(named: dict[str, Any], statement: str) -> dict[str, Any]:
    return {name: value for name, value in named.items() if f":{name}" in statement}
