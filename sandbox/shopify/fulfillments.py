"""Fulfillments: `fulfillmentCreate` is not idempotent, it only refuses what is no longer open."""

from collections.abc import Mapping
from typing import Any, Final

from sandbox.shopify import seeds
from sandbox.shopify.completion import gid, shop_id
from sandbox.shopify.execute import QueryFault
from sandbox.shopify.seeds import FULFILLMENT_ORDER
from sandbox.store import Tx

Json = dict[str, Any]

FULFILLMENT: Final = "shopify.fulfillment"
OPEN: Final = ("OPEN", "IN_PROGRESS")
GID: Final = "gid://shopify/FulfillmentOrder/"


class UserError(Exception):
    """What Shopify answers beside the data instead of as an error."""

    def __init__(self, message: str, *field: str) -> None:
        super().__init__(message)
        self.field = ["fulfillment", *field]


def create(tx: Tx, given: Mapping[str, Any]) -> Json:
    """The new fulfillment. Raises: UserError, QueryFault."""
    picked = [_picked(tx, group) for group in _groups(given)]
    if len({opened["id"] for opened, _ in picked}) != len(picked):
        raise UserError("Fulfillment orders must be unique.")
    orders = {opened["order"] for opened, _ in picked}
    if len(orders) != 1:
        raise UserError("All fulfillment orders must belong to the same order.")
    order = seeds.load(tx, orders.pop())
    assert order is not None
    units: dict[str, int] = {}
    for opened, quantities in picked:
        _take(tx, opened, quantities, units)
    fulfillment = _new(tx, order, given.get("trackingInfo") or {}, units)
    tx.put(FULFILLMENT, fulfillment, lookup=str(order["id"]))
    _update_order(tx, order, fulfillment)
    tx.record(
        "shopify",
        "fulfill",
        fulfillment["id"],
        order=str(order["id"]),
        name=order["name"],
        tracking_number=next(iter(fulfillment["numbers"]), None),
        tracking_numbers=fulfillment["numbers"],
        units=sum(units.values()),
    )
    return fulfillment


def track(tx: Tx, key: str, info: Mapping[str, Any]) -> Json:
    """Replaces the tracking information. Raises: UserError."""
    fulfillment = tx.get(FULFILLMENT, key)
    if fulfillment is None:
        raise UserError("Fulfillment does not exist.")
    fulfillment.update(_tracking(info), updated_at=tx.clock.iso(tx.now))
    tx.put(FULFILLMENT, fulfillment)
    return fulfillment


def _groups(given: Mapping[str, Any]) -> list[Json]:
    groups = given.get("lineItemsByFulfillmentOrder")
    if not isinstance(groups, list) or not groups:
        raise QueryFault(
            "Variable $fulfillment of type FulfillmentInput! was provided invalid value for"
            " lineItemsByFulfillmentOrder (Expected value to not be null)",
            "INVALID_VARIABLE",
        )
    return groups


def _picked(tx: Tx, group: Json) -> tuple[Json, dict[str, int]]:
    """The fulfillment order of one group, and units by its line; all that remains by default."""
    key = str(group.get("fulfillmentOrderId"))
    opened = tx.get(FULFILLMENT_ORDER, key)
    if opened is None:
        raise UserError("Fulfillment order does not exist.")
    if opened["status"] not in OPEN:
        number, status = key.removeprefix(GID), opened["status"].lower()
        raise UserError(f"Fulfillment order {number} has an unfulfillable status= {status}.")
    remaining = {line["id"]: line["remaining"] for line in opened["lines"]}
    wanted = group.get("fulfillmentOrderLineItems")
    if not wanted:
        return opened, {line: units for line, units in remaining.items() if units}
    quantities: dict[str, int] = {}
    for item in wanted:
        if item["id"] not in remaining:
            raise UserError("Fulfillment order line item does not exist.")
        quantities[item["id"]] = quantities.get(item["id"], 0) + item["quantity"]
        if item["quantity"] < 1 or quantities[item["id"]] > remaining[item["id"]]:
            raise UserError("Invalid fulfillment order line item quantity requested.")
    return opened, quantities


def _take(tx: Tx, opened: Json, quantities: dict[str, int], units: dict[str, int]) -> None:
    for line in opened["lines"]:
        taken = quantities.get(line["id"], 0)
        line["remaining"] -= taken
        if taken:
            units[str(line["line"])] = units.get(str(line["line"]), 0) + taken
    done = not any(line["remaining"] for line in opened["lines"])
    opened["status"] = "CLOSED" if done else "IN_PROGRESS"
    tx.put(FULFILLMENT_ORDER, opened)


def _new(tx: Tx, order: Json, info: Mapping[str, Any], units: dict[str, int]) -> Json:
    now = tx.clock.iso(tx.now)
    number = len(order["fulfillments"]) + 1
    return {
        "id": gid("Fulfillment", shop_id()),
        "order": str(order["id"]),
        "name": f"{order['name']}-F{number}",
        "status": "SUCCESS",
        "created_at": now,
        "updated_at": now,
        "units": units,
        **_tracking(info),
    }


def _tracking(info: Mapping[str, Any]) -> Json:
    numbers = info.get("numbers") or ([info["number"]] if info.get("number") else [])
    urls = info.get("urls") or ([info["url"]] if info.get("url") else [])
    return {"company": info.get("company"), "numbers": list(numbers), "urls": list(urls)}


def _update_order(tx: Tx, order: Json, fulfillment: Json) -> None:
    for line in order["line_items"]:
        line["fulfillable_quantity"] -= fulfillment["units"].get(str(line["id"]), 0)
        left = line["fulfillable_quantity"]
        touched = left < line["quantity"]
        line["fulfillment_status"] = "fulfilled" if not left else "partial" if touched else None
    done = not any(line["fulfillable_quantity"] for line in order["line_items"])
    order["fulfillment_status"] = "fulfilled" if done else "partial"
    order["updated_at"] = tx.clock.iso(tx.now)
    order["fulfillments"].append(_rest(order, fulfillment))
    seeds.save(tx, order)


def _rest(order: Json, fulfillment: Json) -> Json:
    numbers, urls = fulfillment["numbers"], fulfillment["urls"]
    return {
        "id": int(fulfillment["id"].rpartition("/")[2]),
        "admin_graphql_api_id": fulfillment["id"],
        "created_at": fulfillment["created_at"],
        "updated_at": fulfillment["updated_at"],
        "line_items": [
            {"id": int(line), "quantity": units} for line, units in fulfillment["units"].items()
        ],
        "location_id": 1,
        "name": fulfillment["name"],
        "order_id": order["id"],
        "origin_address": {},
        "receipt": {},
        "service": "manual",
        "shipment_status": None,
        "status": "success",
        "tracking_company": fulfillment["company"],
        "tracking_number": next(iter(numbers), None),
        "tracking_numbers": numbers,
        "tracking_url": next(iter(urls), None),
        "tracking_urls": urls,
    }
