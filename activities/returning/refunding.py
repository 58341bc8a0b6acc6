"""Giving back a return's money: an intent, one call under its key, its record."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection
from temporalio import activity

from activities.connectors.errors import Rejected
from activities.payments import INTERNAL, record_refusal
from activities.returning.standing import locked
from activities.settlement import Due, SettlementActivities
from db.stores import documents, payments, return_money, returns
from db.stores.documents import PartOf
from db.stores.payments import Intent


@dataclass(frozen=True)
class RefundPart:
    """One part of a return's refund: of one authorization."""

    rma: str
    refund_no: int


class RefundingActivities(SettlementActivities):
    """Refunds as a settlement does, under a key of the return's own."""

    @activity.defn
    async def refund_return(self, refund: RefundPart) -> None:
        """Give one part back; one that is given back, or given up, stays as it is."""
        async with self._engine.begin() as tx:
            back = await locked(tx, refund.rma)
            part = await return_money.get(tx, refund.rma, refund.refund_no)
            if part.made_at or part.given_up_at:
                return
            held = await payments.authorization(tx, part.authorization_key)
            assert held is not None
            intent = await _begin(tx, back, part, held)
            if held.vendor in INTERNAL:
                await self._record(tx, intent, held)
                return
        due = Due("refund", part.authorization_key, part.tender_no, part.amount_minor)
        try:
            await self._refund(intent, held, due)
        except Rejected as refusal:
            await record_refusal(self._engine, intent, refusal.code)
            raise

    async def _record(self, tx: AsyncConnection, intent: Any, held: Any) -> None:
        await super()._record(tx, intent, held)
        await return_money.made(tx, intent.key)

    async def _refunded(self, tx: AsyncConnection, intent: Any) -> None:
        """The customer hears of the return as a whole, when it is settled."""
        of = await return_money.standing_of(tx, intent.key)
        part_of = None if of.is_whole else PartOf(of.rma, has_freight=of.has_freight)
        units = await returns.accepted(tx, of.rma)
        await documents.credit_returned(
            tx, intent.order_id, intent.key, intent.amount_minor, units, part_of
        )


async def _begin(tx: AsyncConnection, back: Any, part: Any, held: Any) -> Any:
    """A refusal by the vendor ends a key; when a person has it tried anew, the next one is used."""
    series = f"{back.order_id}:r{back.number}.{part.refund_no}:refund:"
    refused = await payments.count_ended(
        tx, part.authorization_key, "refund", "refused", prefix=series
    )
    key = f"{series}{refused + 1}"
    intent = await payments.begin(
        tx,
        Intent(
            key=key,
            order_id=back.order_id,
            tender_no=part.tender_no,
            verb="refund",
            amount_minor=part.amount_minor,
            currency=held.currency,
            authorization_key=part.authorization_key,
        ),
    )
    await return_money.begun(tx, back.rma, part.refund_no, key)
    return intent
