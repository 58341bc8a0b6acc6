"""One call to Shopify's GraphQL: its errors come with status 200 and are told apart here."""

from collections.abc import Mapping
from typing import Any, Final

from activities.connectors.channel.shopify.queries import API_VERSION
from activities.connectors.errors import (
    ConnectorError,
    Misconfigured,
    NotSent,
    OutcomeUnknown,
    Throttled,
)
from activities.connectors.http import DEFAULT_RETRY_AFTER_S, MAX_RETRY_AFTER_S, VendorClient

PATH: Final = f"/admin/api/{API_VERSION}/graphql.json"
SERVER_FAULTS: Final = frozenset({"INTERNAL_SERVER_ERROR", "TIMEOUT"})


class ShopifyApi:
    def __init__(self, client: VendorClient) -> None:
        self._client = client

    async def read(self, name: str, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._call(name, query, variables, mutating=False)

    async def change(
        self, name: str, query: str, variables: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        return await self._call(name, query, variables, mutating=True)

    async def _call(
        self, name: str, query: str, variables: Mapping[str, Any], *, mutating: bool
    ) -> Mapping[str, Any]:
        body = {"operationName": name, "query": query, "variables": variables}
        answer = await self._client.send("POST", PATH, json=body, mutating=mutating)
        if not isinstance(answer, dict):
            answer = {}
        if answer.get("errors"):
            raise self._client.redacted(self._error(answer, mutating=mutating))
        data = answer.get("data")
        if not isinstance(data, dict):
            kind = OutcomeUnknown if mutating else Misconfigured
            raise kind(self._client.vendor, f"{name}: an answer without data")
        return data

    def _error(self, answer: Mapping[str, Any], *, mutating: bool) -> ConnectorError:
        errors = answer["errors"]
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        code = str((first.get("extensions") or {}).get("code") or "")
        detail = f"{code or 'error'}: {first.get('message') or errors}"
        vendor = self._client.vendor
        if code == "THROTTLED":
            return Throttled(vendor, detail, retry_after_s=_refill_s(answer))
        if code in SERVER_FAULTS:
            return OutcomeUnknown(vendor, detail) if mutating else NotSent(vendor, detail)
        # Access, cost, or a query that this API version does not know.
        return Misconfigured(vendor, detail)


def _refill_s(answer: Mapping[str, Any]) -> float:
    """How long until the bucket holds what the query costs.

    Source: https://shopify.dev/docs/api/usage/limits
    """
    cost = (answer.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    try:
        missing = float(cost["requestedQueryCost"]) - float(status["currentlyAvailable"])
        seconds = missing / float(status["restoreRate"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return DEFAULT_RETRY_AFTER_S
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S)
