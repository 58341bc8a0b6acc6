"""Orders placed in the shop: kept, opened for fulfillment, and told by webhook."""

import json
from typing import Any, Final

from sandbox.shopify.completion import complete, gid, shop_id
from sandbox.shopify.money import BadAmount
from sandbox.store import Tx, new_id

Json = dict[str, Any]

ORDER: Final = "shopify.order"
FULFILLMENT_ORDER: Final = "shopify.fulfillment_order"


class BadOrder(ValueError):
    """A document no shop would hold."""


def seed(tx: Tx, document: Json, *, tell: bool) -> Json:
    """The completed order; an id seeded before is an update of that order. Raises: BadOrder."""
    try:
        order = complete(tx, document)
    except KeyError as missing:
        raise BadOrder(f"{missing.args[0]} is missing") from None
    except (BadAmount, TypeError, ValueError, AttributeError) as wrong:
        raise BadOrder(str(wrong)) from None
    known = load(tx, str(order["id"]))
    save(tx, order)
    if known is None:
        _open(tx, order)
    if tell:
        announce(tx, "orders/updated" if known else "orders/create", order)
    return order


def cancel(tx: Tx, key: str, reason: str) -> Json:
    """The buyer cancels at the channel. Raises: BadOrder."""
    order = load(tx, key)
    if order is None:
        raise BadOrder(f"no order {key}")
    now = tx.clock.iso(tx.now)
    order.update(cancelled_at=now, updated_at=now, closed_at=now, cancel_reason=reason)
    save(tx, order)
    for opened in tx.find(FULFILLMENT_ORDER, key):
        if opened["status"] != "CLOSED":
            opened["status"] = "CANCELLED"
            tx.put(FULFILLMENT_ORDER, opened)
    announce(tx, "orders/cancelled", order)
    return order


def load(tx: Tx, key: str) -> Json | None:
    held = tx.get(ORDER, key)
    return None if held is None else held["order"]


def save(tx: Tx, order: Json) -> None:
    """Keyed by number, sorted by its last update, as the shop lists orders."""
    key = str(order["id"])
    tx.put(ORDER, {"id": key, "order": order}, lookup=order["name"], sort=order["updated_at"])


def announce(tx: Tx, topic: str, order: Json) -> None:
    tx.emit("shopify", topic, new_id("", 32), json.dumps(order))


def _open(tx: Tx, order: Json) -> None:
    """One fulfillment order over all lines: this shop has one location."""
    lines = [
        {
            "id": gid("FulfillmentOrderLineItem", shop_id()),
            "line": line["id"],
            "total": line["quantity"],
            "remaining": line["quantity"],
        }
        for line in order["line_items"]
        if line["requires_shipping"]
    ]
    key = str(order["id"])
    opened = {
        "id": gid("FulfillmentOrder", shop_id()),
        "order": key,
        "status": "OPEN",
        "lines": lines,
        "at": order["updated_at"],
    }
    tx.put(FULFILLMENT_ORDER, opened, lookup=key)
