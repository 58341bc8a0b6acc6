"""What is done about a parcel that goes wrong on the road: told, replaced or written off, once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.mail import post_mail
from activities.rerouting import as_pieces, look_elsewhere
from db.stores import fulfillments, orders, parcels, parts
from domain.playbook import (
    INTERCEPTED,
    LATER_DAYS,
    RULES,
    Does,
    Facts,
    Patience,
    Play,
    due,
    late_from,
    next_at,
    remedy,
)
from domain.tracking import TrackingStatus


@dataclass(frozen=True)
class Consult:
    """`waived` names what a person decided to wait out."""

    fulfillment_id: str
    no_scan_s: float
    stalled_s: float
    lost_s: float
    promised_day_s: float
    waived: tuple[str, ...] = ()


@dataclass(frozen=True)
class Advice:
    """What the parcel's story has to do: ask, reship or refund; and when to look again."""

    play: str | None = None
    does: str | None = None
    again_in_s: float | None = None


@dataclass(frozen=True)
class WriteOff:
    fulfillment_id: str
    cause: str
    pick_s: float = 0.0


class PlaybookActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def consult_playbook(self, about: Consult) -> Advice:
        """Tell the customer what is to be told, and answer what else there is to do."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, about.fulfillment_id)
            known = await parcels.facts(tx, about.fulfillment_id)
            if part.state != "handed_over":
                return Advice()
            facts = await _facts(tx, about, known)
            patience = Patience(about.no_scan_s, about.stalled_s, about.lost_s)
            plays = due(facts, patience, known.now)
            for play in plays:
                if RULES[play].does is Does.TELL:
                    await _tell_late(tx, part, known, play)
            at = next_at(facts, patience, known.now)
            marks = await parcels.plays_of(tx, about.fulfillment_id)
            return _advice(plays, known, at, is_intercepted=INTERCEPTED in marks)

    @activity.defn
    async def reship(self, lost: WriteOff) -> bool:
        """Send the same units once more; False when nobody has them all.

        Nothing is charged: the share of the money moves to the replacement with the units.
        """
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, lost.fulfillment_id)
            if await parcels.replacement_of(tx, lost.fulfillment_id) is not None:
                return True
            if part.state != "handed_over":
                return False
            return await _reship(tx, part, lost)

    @activity.defn
    async def write_off(self, lost: WriteOff) -> None:
        """Give a parcel up: what was paid for it is refunded when the order closes."""
        async with self._engine.begin() as tx:
            part = await parts.locked(tx, lost.fulfillment_id)
            known = await parcels.facts(tx, lost.fulfillment_id)
            if await _give_up(tx, part, lost.cause, known):
                await _mail(tx, part, "parcel_refunded", {"tracking": known.tracking_number})


async def _facts(tx: AsyncConnection, about: Consult, known: Any) -> Facts:
    done = await parcels.plays_of(tx, about.fulfillment_id) | set(about.waived)
    done -= {INTERCEPTED}
    promised = known.promise_by and late_from(
        known.admitted_at, known.promise_by, about.promised_day_s
    )
    return Facts(
        status=TrackingStatus(known.tracking_status or "pending"),
        handed_over_at=known.handed_over_at,
        last_scan_at=known.last_scan_at,
        late_from=promised,
        done=frozenset(Play(play) for play in done),
    )


def _advice(
    plays: tuple[Play, ...], known: Any, at: datetime | None, *, is_intercepted: bool
) -> Advice:
    again_in_s = None if at is None else (at - known.now).total_seconds()
    for play in plays:
        if play is Play.RETURNED_TO_SENDER and is_intercepted:
            return Advice(play, Does.REFUND, again_in_s)
        if RULES[play].does is Does.ASK:
            return Advice(play, Does.ASK, again_in_s)
        if RULES[play].does is Does.REMEDY:
            does = remedy(
                known.on_loss,
                known.share_minor,
                known.decides_up_to_minor,
                is_replacement=known.replaces is not None,
            )
            return Advice(play, does, again_in_s)
    return Advice(again_in_s=again_in_s)


async def _tell_late(tx: AsyncConnection, part: Any, known: Any, play: Play) -> None:
    """The customer hears once of a parcel that is late, whatever made it so."""
    if not await parcels.note_play(tx, part.fulfillment_id, play):
        return
    await orders.tell(
        tx,
        part.order_id,
        "ParcelDelayed",
        fulfillment_id=part.fulfillment_id,
        data={"code": str(play)},
    )
    by = await parcels.promise_later(tx, part.order_id, known.now + timedelta(days=LATER_DAYS))
    day = by.date().isoformat()
    await orders.tell(
        tx,
        part.order_id,
        "PromiseChanged",
        fulfillment_id=part.fulfillment_id,
        data={"by": day, "code": str(play)},
    )
    facts = {"tracking": known.tracking_number, "by": day}
    await _mail(tx, part, "parcel_delayed", facts)


async def _give_up(tx: AsyncConnection, part: Any, cause: str, known: Any) -> bool:
    """Write the parcel off, with a claim on the carrier where it owes us; once."""
    if not await fulfillments.advance(tx, part.fulfillment_id, "lost", None, 0):
        return False
    await orders.tell(
        tx, part.order_id, "Lost", fulfillment_id=part.fulfillment_id, data={"code": cause}
    )
    if cause in {str(play) for play, rule in RULES.items() if rule.is_claimed}:
        await parcels.claim(tx, part.fulfillment_id, cause, known)
        data = {"code": cause, "amount_minor": known.share_minor, "currency": known.currency}
        await orders.tell(
            tx, part.order_id, "ClaimFiled", fulfillment_id=part.fulfillment_id, data=data
        )
    return True


async def _reship(tx: AsyncConnection, part: Any, lost: WriteOff) -> bool:
    head = await orders.head(tx, part.order_id)
    assert head is not None
    units = await parts.units_of(tx, part.fulfillment_id)
    skus = await parts.skus_of(tx, part.order_id)
    found = await look_elsewhere(tx, head, parts.per_sku(units, skus))
    if found.waiting:
        return False
    known = await parcels.facts(tx, part.fulfillment_id)
    await _give_up(tx, part, lost.cause, known)
    pieces = as_pieces(found, units, skus, origin=part.location, pick_s=lost.pick_s, backorder_s=0)
    ids = await parts.replace_part(tx, part, pieces)
    for fulfillment_id, piece in zip(ids, pieces, strict=True):
        await parts.allocate(tx, fulfillment_id, parts.per_sku(piece.units, skus))
        await orders.tell(tx, part.order_id, "Reshipped", fulfillment_id=fulfillment_id)
    await _mail(tx, part, "parcel_replaced", {"tracking": known.tracking_number})
    return True


async def _mail(tx: AsyncConnection, part: Any, template: str, facts: dict[str, str]) -> None:
    order = await orders.head(tx, part.order_id)
    await post_mail(tx, order, template, facts, part=f"f{part.number}")
