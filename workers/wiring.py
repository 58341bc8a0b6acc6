"""The composition root: settings become gateways, and gateways become activities."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.admission import AdmissionActivities
from activities.backorders import BackorderActivities
from activities.changing import ChangingActivities
from activities.channels import ChannelActivities
from activities.closing import ClosingActivities
from activities.collecting import CollectingActivities
from activities.connectors.carrier.easypost.gateway import EasyPostGateway, easypost_client
from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.channel.port import ChannelGateway
from activities.connectors.channel.shopify.document import DocumentOptions
from activities.connectors.channel.shopify.gateway import ShopifyGateway, shopify_client
from activities.connectors.fraud.port import FraudScorer
from activities.connectors.payment.port import PaymentGateway
from activities.connectors.payment.stripe.gateway import StripeGateway, stripe_client
from activities.escalation import NOBODY, Addressees, EscalationActivities
from activities.exceptions import ExceptionActivities
from activities.fulfillment import FulfillmentActivities
from activities.holds import HoldActivities
from activities.intercepting import InterceptActivities
from activities.payments import PaymentActivities
from activities.playbook import PlaybookActivities
from activities.pruning import PruningActivities
from activities.reconciling.books import BookActivities
from activities.reconciling.tasks import TaskActivities
from activities.renewing import RenewingActivities
from activities.routing import RoutingActivities
from activities.scoring import ScoringActivities
from activities.settlement import SettlementActivities
from activities.shipping import ShippingActivities
from activities.shortage import ShortageActivities
from activities.stock import StockActivities
from workers.returning import returning_by_queue
from workers.settings import EVERY_OWNER, Settings
from workers.watch import batches
from workflows.messages import CORE_QUEUE
from workflows.steps.call import CARRIERS_QUEUE, CHANNELS_QUEUE, PAYMENTS_QUEUE


@dataclass(frozen=True)
class Gateways:
    payment: PaymentGateway
    carrier: CarrierGateway
    channels: dict[str, ChannelGateway]
    scorer: FraudScorer | None = None  # our own rules score without one


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""


def addressees(settings: Settings) -> Addressees:
    return Addressees(
        api_url=settings.api_url.rstrip("/"),
        default=settings.escalation_email.get(EVERY_OWNER),
        by_owner=settings.escalation_email,
    )


@asynccontextmanager
async def open_gateways(
    settings: Settings, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncIterator[Gateways]:
    """Open the vendors' accounts; one that is not configured fails when first used.

    `transport` replaces the network of all of them.
    """
    stripe = stripe_client(settings.stripe_url, _secret(settings.stripe_key), transport=transport)
    easypost = easypost_client(
        settings.easypost_url, _secret(settings.easypost_key), transport=transport
    )
    clients = [stripe, easypost]
    channels: dict[str, ChannelGateway] = {}
    if settings.shopify_url:
        token = _secret(settings.shopify_token)
        shop = shopify_client(settings.shopify_url, token, transport=transport)
        clients.append(shop)
        options = DocumentOptions(
            settings.shopify_channel, tenders_from_attributes=settings.shopify_tenders_from_notes
        )
        channels[settings.shopify_channel] = ShopifyGateway(shop, options)
    try:
        yield Gateways(StripeGateway(stripe), EasyPostGateway(easypost), channels)
    finally:
        for client in clients:
            await client.aclose()


def activities_by_queue(
    engine: AsyncEngine, gateways: Gateways, addressees: Addressees = NOBODY
) -> dict[str, list[Callable[..., Any]]]:
    """Say which queue serves which activity.

    The core queue also has every step that falls back there when the database was away, which is
    why the vendors' classes appear in it with their internal halves.
    """
    has_scorer = gateways.scorer is not None
    admission = AdmissionActivities(engine, gateways.carrier, has_scorer=has_scorer)
    stock = StockActivities(engine, observe_batch=batches.ORDERS.observe)
    payments = PaymentActivities(engine, gateways.payment)
    settlement = SettlementActivities(engine, gateways.payment)
    routing = RoutingActivities(engine)
    shipping = ShippingActivities(engine, gateways.carrier)
    closing = ClosingActivities(engine)
    channels = ChannelActivities(engine, gateways.channels)
    books = BookActivities(engine, gateways.payment, gateways.carrier, gateways.channels)
    tasks = TaskActivities(engine)
    escalation = EscalationActivities(engine, addressees)
    returning = returning_by_queue(engine, gateways.payment, gateways.carrier)
    return {
        CORE_QUEUE: [
            admission.admit,
            stock.reserve,
            stock.release_stock,
            stock.expire_reservations,
            PruningActivities(engine).forget_answers,
            payments.take,
            payments.settle_slip,
            routing.route,
            *_in_the_house(engine),
            *_at_the_counter(engine),
            *_when_it_goes_wrong(engine),
            closing.close_order,
            closing.money_due,
            *_for_people(engine),
            tasks.begin_look,
            tasks.compare_books,
            tasks.compare_runs,
            tasks.forget_lines,
            escalation.escalate,
            *returning[CORE_QUEUE],
        ],
        PAYMENTS_QUEUE: [
            payments.take,
            payments.slip_is_paid,
            payments.capture,
            settlement.give_back,
            books.read_payments,
            *(_opinions(engine, gateways.scorer) if gateways.scorer else ()),
            *returning[PAYMENTS_QUEUE],
        ],
        CARRIERS_QUEUE: [
            admission.verify_address,
            shipping.create_shipment,
            shipping.buy_label,
            shipping.void_label,
            shipping.poll_tracking,
            books.read_labels,
            *returning[CARRIERS_QUEUE],
        ],
        CHANNELS_QUEUE: [channels.pull_orders, books.read_orders],
    }


def _opinions(engine: AsyncEngine, scorer: FraudScorer) -> list[Callable[..., Any]]:
    return [ScoringActivities(engine, scorer).score_order]


def _in_the_house(engine: AsyncEngine) -> list[Callable[..., Any]]:
    """What is done about a fulfillment order until the carrier has it, and at its end."""
    fulfillment = FulfillmentActivities(engine)
    return [
        fulfillment.advance,
        fulfillment.recorded_state,
        fulfillment.unheard_reports,
        fulfillment.request_cancellation,
        fulfillment.begin_hand_over,
        fulfillment.hand_over,
        fulfillment.cancel_fulfillment,
    ]


def _at_the_counter(engine: AsyncEngine) -> list[Callable[..., Any]]:
    collecting = CollectingActivities(engine)
    return [
        collecting.make_ready,
        collecting.remind,
        collecting.begin_collection,
        collecting.hand_out,
        collecting.put_back,
    ]


def _for_people(engine: AsyncEngine) -> list[Callable[..., Any]]:
    """What waits for a person's decision."""
    exceptions = ExceptionActivities(engine)
    holds = HoldActivities(engine)
    return [
        exceptions.raise_exception,
        exceptions.resolve_exception,
        holds.place_hold,
        holds.alter_hold,
        holds.look_at_holds,
    ]


def _when_it_goes_wrong(engine: AsyncEngine) -> list[Callable[..., Any]]:
    """What is done about missing units, authorizations that lapse, parcels that do not arrive."""
    shortage = ShortageActivities(engine)
    playbook = PlaybookActivities(engine)
    return [
        shortage.report_shortage,
        shortage.part_now,
        shortage.parts_now,
        ChangingActivities(engine).apply_change,
        InterceptActivities(engine).intercept,
        BackorderActivities(engine).fill_backorders,
        RenewingActivities(engine).lapsing_authorizations,
        playbook.consult_playbook,
        playbook.reship,
        playbook.write_off,
    ]
