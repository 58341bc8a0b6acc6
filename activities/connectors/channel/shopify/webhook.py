"""Shopify's webhooks: is it theirs, and what does it say in our words."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Final

import pydantic

from activities.connectors.channel.port import (
    CancelledOrder,
    ChannelNotice,
    RejectedDocument,
    WaitingOrder,
)
from activities.connectors.channel.shopify.document import (
    DEFAULT_OPTIONS,
    DocumentOptions,
    malformed,
    to_document,
)
from activities.connectors.channel.shopify.translate import from_rest, numeric_id
from activities.connectors.channel.shopify.wire import RestOrder
from activities.connectors.errors import InvalidSignature
from activities.connectors.signatures import any_matches

ORDER_TOPICS: Final = frozenset({"orders/create", "orders/updated", "orders/paid"})
CANCELLED_TOPIC: Final = "orders/cancelled"


def verify(payload: bytes, signature_header: str, secrets: Sequence[str]) -> None:
    """Raises: InvalidSignature. Source:
    https://shopify.dev/docs/apps/build/webhooks/subscribe/https#step-2-validate-the-origin
    """
    try:
        given = base64.b64decode(signature_header, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSignature("the signature header cannot be read") from None
    if not any_matches(payload, (given,), secrets):
        raise InvalidSignature("no secret of ours signed this")


def parse(topic: str, payload: bytes, options: DocumentOptions = DEFAULT_OPTIONS) -> ChannelNotice:
    """Raises: ValueError when the payload is no JSON object."""
    body = json.loads(payload)
    if not isinstance(body, dict):
        raise ValueError("the payload is no JSON object")  # noqa: TRY004 - the sender's, not ours
    external_id = _external_id(body)
    # The topic is not signed: what cancels an order must be in the body.
    if topic == CANCELLED_TOPIC and body.get("cancelled_at"):
        return ChannelNotice("cancelled", external_id)
    if topic not in ORDER_TOPICS:
        return ChannelNotice("other", external_id)
    return _order(body, external_id, options)


def _order(
    body: dict[str, Any], external_id: str | None, options: DocumentOptions
) -> ChannelNotice:
    try:
        result = to_document(from_rest(RestOrder.model_validate(body)), options)
    except pydantic.ValidationError as error:
        result = malformed(external_id or "unknown", error)
    except ValueError as error:
        result = RejectedDocument(external_id or "unknown", str(error))
    if isinstance(result, WaitingOrder):
        return ChannelNotice("waiting", external_id)
    if isinstance(result, CancelledOrder):
        return ChannelNotice("cancelled", external_id)
    if isinstance(result, RejectedDocument):
        return ChannelNotice("order", external_id, reject=result)
    return ChannelNotice("order", external_id, document=result)


def _external_id(body: dict[str, Any]) -> str | None:
    gid = body.get("admin_graphql_api_id") or body.get("id")
    return None if gid is None else numeric_id(str(gid))
