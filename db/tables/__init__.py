"""The tables: what the system of record holds, and what it refuses to hold."""

from db.tables import (
    brands,
    catalog,
    changes,
    credentials,
    documents,
    fulfillments,
    holds,
    inbox,
    messages,
    orders,
    payments,
    reconciliation,
    returns,
    search,
    stock,
    webhooks,
)
from db.tables.columns import metadata

__all__ = [
    "brands",
    "catalog",
    "changes",
    "credentials",
    "documents",
    "fulfillments",
    "holds",
    "inbox",
    "messages",
    "metadata",
    "orders",
    "payments",
    "reconciliation",
    "returns",
    "search",
    "stock",
    "webhooks",
]
