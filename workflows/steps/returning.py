"""Steps of one return: authorized, labelled, received, looked at, settled, closed."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.fulfillment import FulfillmentActivities
    from activities.returning.authorization import AuthorizationActivities, Decide, Opened
    from activities.returning.exchange import Exchange, ExchangeActivities, PlanExchange
    from activities.returning.goods import Arrived, GiveUp, GoodsActivities, Inspected
    from activities.returning.labels import ReturnLabel, ReturnLabelActivities
    from activities.returning.refunding import RefundingActivities, RefundPart
    from activities.returning.settling import Owed, Settle, SettlingActivities
    from activities.returning.standing import Standing

from workflows.return_messages import ReturnArrival, ReturnInput, ReturnInspection
from workflows.steps.call import CARRIERS_QUEUE, PAYMENTS_QUEUE, at_vendor, locally

__all__ = ["Exchange", "Opened", "Owed", "Standing"]


async def open_return(rma: str) -> Opened:
    return await locally(AuthorizationActivities.open_return, rma)


async def approve(back: ReturnInput, actor: str) -> Standing:
    to = Decide(back.rma, actor, back.timings.vendor_patience_s)
    return await locally(AuthorizationActivities.approve_return, to)


async def refuse(back: ReturnInput, actor: str) -> Standing:
    return await locally(AuthorizationActivities.refuse_return, Decide(back.rma, actor))


async def cancel(back: ReturnInput, actor: str) -> Standing:
    return await locally(AuthorizationActivities.cancel_return, Decide(back.rma, actor))


async def create_shipment(back: ReturnInput) -> None:
    await at_vendor(
        ReturnLabelActivities.create_return_shipment,
        back.rma,
        queue=CARRIERS_QUEUE,
        timings=back.timings,
    )


async def buy_label(back: ReturnInput, arrival_s: float) -> None:
    await at_vendor(
        ReturnLabelActivities.buy_return_label,
        ReturnLabel(back.rma, arrival_s),
        queue=CARRIERS_QUEUE,
        timings=back.timings,
    )


async def void_label(back: ReturnInput) -> None:
    await at_vendor(
        ReturnLabelActivities.void_return_label,
        back.rma,
        queue=CARRIERS_QUEUE,
        timings=back.timings,
    )


async def give_drop_off_code(back: ReturnInput, arrival_s: float) -> None:
    to = ReturnLabel(back.rma, arrival_s)
    await locally(ReturnLabelActivities.give_drop_off_code, to)


async def poll(back: ReturnInput) -> str | None:
    return await at_vendor(
        ReturnLabelActivities.poll_return, back.rma, queue=CARRIERS_QUEUE, timings=back.timings
    )


async def receive(back: ReturnInput, said: ReturnArrival) -> Standing:
    arrived = Arrived(
        rma=back.rma,
        actor=said.actor,
        items=said.items,
        strangers=said.strangers,
        location=said.location,
        is_all=said.is_all,
        within_s=back.timings.inspection_s,
    )
    return await locally(GoodsActivities.receive_return, arrived)


async def give_up(back: ReturnInput) -> Standing:
    to = GiveUp(back.rma, back.timings.inspection_s)
    return await locally(GoodsActivities.give_up_return, to)


async def inspect(back: ReturnInput, said: ReturnInspection) -> Standing:
    within_s = back.timings.vendor_patience_s
    found = Inspected(back.rma, said.actor, said.found, within_s)
    return await locally(GoodsActivities.inspect_return, found)


async def settle(back: ReturnInput) -> Owed:
    to = Settle(back.rma, back.timings.vendor_patience_s)
    return await locally(SettlingActivities.settle_return, to)


async def money_owed(back: ReturnInput) -> Owed:
    return await locally(SettlingActivities.money_owed, back.rma)


async def give_up_refunds(back: ReturnInput) -> None:
    await locally(SettlingActivities.give_up_refunds, back.rma)


async def refund(back: ReturnInput, refund_no: int) -> None:
    await at_vendor(
        RefundingActivities.refund_return,
        RefundPart(back.rma, refund_no),
        queue=PAYMENTS_QUEUE,
        timings=back.timings,
    )


async def close(back: ReturnInput) -> Standing:
    return await locally(SettlingActivities.close_return, back.rma)


async def plan_exchange(back: ReturnInput) -> Exchange:
    wanted = PlanExchange(back.rma, back.timings.pick_s, back.timings.lost_s)
    return await locally(ExchangeActivities.plan_exchange, wanted)


async def end_exchange(back: ReturnInput) -> Owed:
    return await locally(ExchangeActivities.end_exchange, back.rma)


async def charge_security(back: ReturnInput) -> int | None:
    return await locally(ExchangeActivities.charge_security, back.rma)


async def call_parcel_off(fulfillment_id: str) -> None:
    await locally(FulfillmentActivities.cancel_fulfillment, fulfillment_id)
