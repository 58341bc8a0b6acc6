"""Vendors' webhooks: verified on the raw bytes, and kept before they are acknowledged."""

import hashlib
import json
import logging
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Request
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.connectors.carrier.easypost import webhook as easypost
from activities.connectors.channel.port import ChannelNotice
from activities.connectors.channel.shopify import webhook as shopify
from activities.connectors.channel.shopify.document import DocumentOptions
from activities.connectors.errors import InvalidSignature
from activities.connectors.payment.stripe import webhook as stripe
from activities.news import slip_of
from api.auth import charge_failure
from api.context import ApiConfig, Context, Ctx
from api.fields import Answer
from api.problems import Kind, Problem, documented
from db.engine import one_by_one
from db.inbox import audit
from db.inbox.audit import Change
from db.inbox.cancellations import keep_cancellation
from db.inbox.orders import Committed, ContentDiffers, commit_order, commit_rejected_order
from db.inbox.webhooks import commit_webhook
from domain.order import EXTERNAL_ID

log = logging.getLogger(__name__)
router: Final = APIRouter(
    tags=["webhooks"],
    responses=documented(
        Kind.BAD_SIGNATURE, Kind.UNREADABLE_WEBHOOK, Kind.TOO_LARGE, Kind.TOO_SLOW, Kind.TOO_OFTEN
    ),
)
# Who says so, in the audit log.
SHOPIFY: Final = "webhook:shopify"
_UNREADABLE: Final = (ValueError, TypeError, RecursionError)
Signature = Annotated[str, Header()]


class Taken(Answer):
    """A repeat is acknowledged like the first."""

    status: Literal["taken", "repeat"]


@router.post("/webhooks/stripe", response_model=Taken)
async def take_stripe(
    request: Request, context: Ctx, stripe_signature: Signature = ""
) -> dict[str, str]:
    """Payment events of Stripe. Signed; no API key."""
    payload, config = await request.body(), context.config
    try:
        stripe.verify(payload, stripe_signature, config.stripe_secrets, int(config.now_s()))
        notice = stripe.parse(payload)
    except InvalidSignature as wrong:
        raise _unsigned(request, context, wrong) from None
    except _UNREADABLE as wrong:
        raise _unreadable(wrong) from None
    is_news = slip_of(notice) is not None
    return await _keep(context, "stripe", notice.event_id, _document(payload), is_news=is_news)


@router.post("/webhooks/easypost", response_model=Taken)
async def take_easypost(
    request: Request, context: Ctx, x_hmac_signature: Signature = ""
) -> dict[str, str]:
    """Tracking events of EasyPost. Signed; no API key."""
    payload = await request.body()
    try:
        easypost.verify(payload, x_hmac_signature, context.config.easypost_secrets)
        is_news = easypost.parse(payload) is not None
    except InvalidSignature as wrong:
        raise _unsigned(request, context, wrong) from None
    except _UNREADABLE as wrong:
        raise _unreadable(wrong) from None
    document = _document(payload)
    event_id = _event_id(document.get("id"), payload)
    return await _keep(context, "easypost", event_id, document, is_news=is_news)


@router.post("/webhooks/shopify", response_model=Taken)
async def take_shopify(
    request: Request,
    context: Ctx,
    x_shopify_hmac_sha256: Signature = "",
    x_shopify_topic: Annotated[str, Header(max_length=100)] = "",
) -> dict[str, str]:
    """Orders of Shopify, and whatever else it tells. Signed; no API key."""
    payload = await request.body()
    try:
        shopify.verify(payload, x_shopify_hmac_sha256, context.config.shopify_secrets)
        notice = shopify.parse(x_shopify_topic, payload, _options(context.config))
    except InvalidSignature as wrong:
        raise _unsigned(request, context, wrong) from None
    except _UNREADABLE as wrong:
        raise _unreadable(wrong) from None
    if notice.kind in ("order", "cancelled") and EXTERNAL_ID.fullmatch(notice.external_id or ""):
        return await _keep_order(context, notice)
    # The shop's own event id is not signed: a replay could change it. One event may be told under
    # several topics.
    event_id = f"{x_shopify_topic}:{_digest(payload)}"
    document = {"topic": x_shopify_topic, "payload": _document(payload)}
    return await _keep(context, "shopify", event_id, document, is_news=False)


def _options(config: ApiConfig) -> DocumentOptions:
    return DocumentOptions(config.shopify_channel, config.shopify_tenders_from_attributes)


def _document(payload: bytes) -> dict[str, Any]:
    """Raises: Problem for what is no JSON object, or holds numbers that JSON does not know."""
    try:
        document = json.loads(payload, parse_constant=_refuse)
    except _UNREADABLE as wrong:
        raise _unreadable(wrong) from None
    if not isinstance(document, dict):
        raise Problem(Kind.UNREADABLE_WEBHOOK, "it is no JSON object")
    return document


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _event_id(given: object, payload: bytes) -> str:
    """The vendor's own id, else one that the same bytes have again."""
    return given if isinstance(given, str) and given else _digest(payload)


def _digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


async def _keep(
    context: Context, source: str, event_id: str, document: dict[str, Any], *, is_news: bool
) -> dict[str, str]:
    async with one_by_one(context.engine) as tx:
        is_new = await commit_webhook(tx, source, event_id, document, is_news=is_news)
    return {"status": "taken" if is_new else "repeat"}


async def _keep_order(context: Context, notice: ChannelNotice) -> dict[str, str]:
    async with context.engine.begin() as tx:
        try:
            is_new = await _commit_order(tx, context.config.shopify_channel, notice)
        except ContentDiffers as changed:
            # The first content stands: edits at the channel are not followed.
            log.info("%s", changed)
            is_new = False
    return {"status": "taken" if is_new else "repeat"}


async def _commit_order(tx: AsyncConnection, channel: str, notice: ChannelNotice) -> bool:
    external_id = notice.external_id or ""
    if notice.kind == "cancelled":
        return await keep_cancellation(tx, channel, external_id, SHOPIFY)
    if notice.document is not None:
        kept = await commit_order(
            tx, notice.document, channel=channel, external_id=external_id, deferred=True
        )
        await _write_down(tx, kept, f"{channel}-{external_id}", Change(after={"state": "received"}))
        return kept.is_new
    reason = notice.reject.reason if notice.reject else "the order cannot be read"
    named = {"external_id": external_id, "reason": reason}
    kept = await commit_rejected_order(
        tx, named, channel=channel, external_id=external_id, reason=reason
    )
    rejected = Change(after={"state": "rejected"}, reason=reason)
    await _write_down(tx, kept, f"{channel}-{external_id}", rejected)
    return kept.is_new


async def _write_down(tx: AsyncConnection, kept: Committed, order_id: str, change: Change) -> None:
    if kept.is_new:
        await audit.record(tx, SHOPIFY, "OrderReceived", order_id, change)


def _unsigned(request: Request, context: Context, wrong: InvalidSignature) -> Problem:
    """Raises: Problem when this address sent too many such already."""
    charge_failure(request, context)
    return Problem(Kind.BAD_SIGNATURE, str(wrong))


def _unreadable(wrong: BaseException) -> Problem:
    """Tell the kind of fault only: the text may repeat the payload."""
    return Problem(Kind.UNREADABLE_WEBHOOK, type(wrong).__name__)
