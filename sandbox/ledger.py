"""Adds the ledger up: what each vendor was asked to do, so that doubles and sums can be found."""

import json
from typing import Any

from sandbox.store import Store

Json = dict[str, Any]


def summed(store: Store) -> Json:
    return {
        "payments": payments(store),
        "labels": labels(store),
        "fulfillments": fulfillments(store),
        "messages": messages(store),
    }


def payments(store: Store) -> list[Json]:
    """One line an intent; `captures` and `refunds` count how often money moved."""
    lines: dict[str, Json] = {}
    for row in _rows(store, "stripe"):
        metadata = row["detail"]["metadata"]
        line = lines.setdefault(
            row["subject"],
            {
                "intent": row["subject"],
                "order": metadata.get("order") or metadata.get("order_id"),
                "metadata": metadata,
                "currency": row["detail"]["currency"].upper(),
                "authorized_minor": 0,
                "captured_minor": 0,
                "refunded_minor": 0,
                "authorizations": 0,
                "captures": 0,
                "refunds": 0,
                "declines": 0,
                "canceled": False,
            },
        )
        _add_payment(line, row["operation"], row["amount"])
    return list(lines.values())


def _add_payment(line: Json, operation: str, amount: int) -> None:
    match operation:
        case "authorize":
            line["authorized_minor"] += amount
            line["authorizations"] += 1
        case "capture":
            line["captured_minor"] += amount
            line["captures"] += 1
        case "refund":
            line["refunded_minor"] += amount
            line["refunds"] += 1
        case "decline":
            line["declines"] += 1
        case "cancel":
            line["canceled"] = True
        case _:
            raise ValueError(f"unknown operation {operation!r}")


def labels(store: Store) -> list[Json]:
    """One line a shipment that was bought; a second purchase of one reference is a second line."""
    lines: dict[str, Json] = {}
    for row in _rows(store, "easypost"):
        line = lines.setdefault(
            row["subject"], {"shipment": row["subject"], "bought": 0, "voided": False}
        )
        if row["operation"] == "delivered":
            line["status"] = "delivered"
            continue
        line.update(row["detail"], amount_minor=row["amount"])
        line["bought"] += row["operation"] == "buy"
        line["voided"] = line["voided"] or row["operation"] == "void"
        line["status"] = "voided" if line["voided"] else "bought"
    return [line for line in lines.values() if line["bought"]]


def fulfillments(store: Store) -> list[Json]:
    return [
        {"fulfillment": row["subject"], "at": row["at"], **row["detail"]}
        for row in _rows(store, "shopify")
        if row["operation"] == "fulfill"
    ]


def messages(store: Store) -> list[Json]:
    """Webhooks by vendor and topic."""
    rows = store.rows(
        "SELECT vendor, topic, count(DISTINCT event) AS events, count(*) AS deliveries,"
        " sum(attempts) AS attempts, sum(delivered_at IS NOT NULL) AS delivered,"
        " sum(next_at IS NOT NULL) AS pending"
        " FROM deliveries GROUP BY vendor, topic ORDER BY vendor, topic"
    )
    return [dict(row) for row in rows]


def requests(store: Store, vendor: str | None) -> list[Json]:
    """Every mutating request in the order it came."""
    rows = store.rows(
        "SELECT at, vendor, method, path, idempotency_key, replayed, status, fault"
        " FROM requests WHERE ? IS NULL OR vendor = ? ORDER BY seq",
        (vendor, vendor),
    )
    return [{**row, "replayed": bool(row["replayed"])} for row in rows]


def _rows(store: Store, vendor: str) -> list[Json]:
    rows = store.rows(
        "SELECT at, operation, subject, amount, detail FROM ledger WHERE vendor=? ORDER BY seq",
        (vendor,),
    )
    return [{**row, "detail": json.loads(row["detail"])} for row in rows]
