"""Shopify's front door: token, one GraphQL endpoint, signature."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from sandbox.calls import Call, Refused, Reply
from sandbox.clock import Clock
from sandbox.settings import Secrets
from sandbox.shopify import fulfillments, orders, seeds, views
from sandbox.shopify.execute import Field, Node, QueryFault, run
from sandbox.shopify.language import SyntaxFault, parse
from sandbox.store import Tx, new_id

Json = dict[str, Any]

API_VERSION: Final = "2026-07"
PATH: Final = f"/admin/api/{API_VERSION}/graphql.json"
MUTATION_COST: Final = 10
QUERY_COST: Final = 12
BUCKET: Final = 2000.0
REFILL: Final = 100.0
THROTTLED: Final = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
FAILED: Final = {
    "message": "Internal error. Looks like something went wrong on our end.",
    "extensions": {"code": "INTERNAL_SERVER_ERROR"},
}


class Shopify:
    """Shopify as the gate sees it."""

    name = "shopify"

    def __init__(self, secrets: Secrets, shop_domain: str) -> None:
        self._token = secrets.shopify_token
        self._webhook_secret = secrets.shopify_webhook
        self._domain = shop_domain

    def answer(self, tx: Tx, call: Call) -> Reply:
        """Raises: Refused."""
        token = call.headers.get("x-shopify-access-token", "")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            raise Refused(Reply({"errors": message}, 401))
        if (call.method, call.path) != ("POST", PATH):
            raise Refused(Reply({"errors": "Not Found"}, 404))
        try:
            body = call.json()
            query, given = str(body["query"]), body.get("variables") or {}
        except (ValueError, KeyError, TypeError):
            raise Refused(Reply({"errors": {"query": "Required parameter missing"}}, 400)) from None
        return _executed(tx, query, body.get("operationName"), given)

    def outage(self, status: int) -> Any:
        return {"errors": [THROTTLED if status == 429 else FAILED]}  # noqa: PLR2004 - HTTP's own

    def refusal(self) -> Reply:
        return Reply({"errors": [FAILED]}, 422)

    def busy_mark(self, call: Call) -> str | None:  # noqa: ARG002 - the Vendor protocol
        return None

    def busy(self, call: Call) -> Reply:  # noqa: ARG002 - the Vendor protocol
        return Reply({"errors": [FAILED]}, 409)

    def sign(self, event: str, topic: str, body: bytes, now: float) -> Mapping[str, str]:
        """The event id is one for all deliveries of an event, the webhook id is the delivery's.

        Source: https://shopify.dev/docs/apps/build/webhooks/subscribe/https
        """
        digest = hmac.new(self._webhook_secret.encode(), body, hashlib.sha256).digest()
        return {
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "x-shopify-topic": topic,
            "x-shopify-shop-domain": self._domain,
            "x-shopify-api-version": API_VERSION,
            "x-shopify-event-id": event,
            "x-shopify-webhook-id": new_id("", 32),
            "x-shopify-triggered-at": Clock().iso(now, millis=True),
        }


def _executed(tx: Tx, query: str, name: str | None, given: Json) -> Reply:
    """GraphQL tells its errors with status 200."""
    try:
        document = parse(query)
        with tx.undone_on(QueryFault):
            data = run(document, name, given, _roots(tx))
    except SyntaxFault as fault:
        return Reply({"errors": [{"message": str(fault), "extensions": {"code": "parseError"}}]})
    except QueryFault as fault:
        return Reply({"errors": [{"message": str(fault), "extensions": fault.extensions}]})
    cost = MUTATION_COST if "fulfillment" in next(iter(data), "") else QUERY_COST
    return Reply({"data": data, "extensions": {"cost": _cost(cost)}})


def _cost(points: int) -> Json:
    return {
        "requestedQueryCost": points,
        "actualQueryCost": points,
        "throttleStatus": {
            "maximumAvailable": BUCKET,
            "currentlyAvailable": int(BUCKET) - points,
            "restoreRate": REFILL,
        },
    }


def _roots(tx: Tx) -> Json:
    search = Field(
        lambda arguments: orders.search(tx, arguments),
        ("first", "last", "after", "before", "reverse", "query", "sortKey", "savedSearchId"),
    )
    return {
        "query": {
            "orders": search,
            "order": Field(lambda arguments: _order(tx, arguments), ("id",)),
            "shop": Node("Shop", {"id": "gid://shopify/Shop/1", "name": "Cauce sandbox"}),
        },
        "mutation": {
            "fulfillmentCreate": Field(
                lambda arguments: _create(tx, arguments), ("fulfillment", "message")
            ),
            "fulfillmentTrackingInfoUpdate": Field(
                lambda arguments: _track(tx, arguments),
                ("fulfillmentId", "trackingInfoInput", "notifyCustomer"),
            ),
        },
    }


def _order(tx: Tx, arguments: Mapping[str, Any]) -> Node | None:
    doc = seeds.load(tx, str(arguments.get("id")).removeprefix("gid://shopify/Order/"))
    return None if doc is None else views.order(tx, doc)


def _create(tx: Tx, arguments: Mapping[str, Any]) -> Node:
    try:
        made: Node | None = views.fulfillment(
            fulfillments.create(tx, arguments.get("fulfillment") or {})
        )
        errors: list[Node] = []
    except fulfillments.UserError as error:
        made, errors = None, [_user_error(error)]
    return Node("FulfillmentCreatePayload", {"fulfillment": made, "userErrors": errors})


def _track(tx: Tx, arguments: Mapping[str, Any]) -> Node:
    key, info = str(arguments.get("fulfillmentId")), arguments.get("trackingInfoInput") or {}
    try:
        made: Node | None = views.fulfillment(fulfillments.track(tx, key, info))
        errors: list[Node] = []
    except fulfillments.UserError as error:
        made, errors = None, [_user_error(error)]
    fields = {"fulfillment": made, "userErrors": errors}
    return Node("FulfillmentTrackingInfoUpdatePayload", fields)


def _user_error(error: fulfillments.UserError) -> Node:
    return Node("UserError", {"field": error.field, "message": str(error)})
