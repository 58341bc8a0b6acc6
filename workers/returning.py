"""The activities of returns, by the queue that serves them: a part of the composition root."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.connectors.carrier.port import CarrierGateway
from activities.connectors.payment.port import PaymentGateway
from activities.returning.authorization import AuthorizationActivities
from activities.returning.exchange import ExchangeActivities
from activities.returning.goods import GoodsActivities
from activities.returning.labels import ReturnLabelActivities
from activities.returning.refunding import RefundingActivities
from activities.returning.settling import SettlingActivities
from workflows.messages import CORE_QUEUE
from workflows.steps.call import CARRIERS_QUEUE, PAYMENTS_QUEUE


def returning_by_queue(
    engine: AsyncEngine, payment: PaymentGateway, carrier: CarrierGateway
) -> dict[str, list[Callable[..., Any]]]:
    authorization = AuthorizationActivities(engine)
    goods = GoodsActivities(engine)
    labels = ReturnLabelActivities(engine, carrier)
    settling = SettlingActivities(engine)
    exchange = ExchangeActivities(engine)
    refunding = RefundingActivities(engine, payment)
    return {
        CORE_QUEUE: [
            authorization.open_return,
            authorization.approve_return,
            authorization.refuse_return,
            authorization.cancel_return,
            labels.give_drop_off_code,
            goods.receive_return,
            goods.give_up_return,
            goods.inspect_return,
            settling.settle_return,
            settling.money_owed,
            settling.give_up_refunds,
            settling.close_return,
            exchange.plan_exchange,
            exchange.end_exchange,
            exchange.charge_security,
        ],
        PAYMENTS_QUEUE: [refunding.refund_return],
        CARRIERS_QUEUE: [
            labels.create_return_shipment,
            labels.buy_return_label,
            labels.poll_return,
            labels.void_return_label,
        ],
    }
