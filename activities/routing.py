"""Routing: each hold moves from the pool's balance to a location's, and the parts are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from activities.calendars import work_at
from activities.mail import post_mail
from activities.waiting import begin_waiting, may_begin, missing_units, waiting_part
from db.engine import row, rows, run
from db.stores import fulfillments, orders, stock
from db.stores.fulfillments import NewPart, Share
from db.stores.orders import Contents
from db.stores.stock import Cause, Change
from domain.holds import Transition
from domain.money import settled_step
from domain.promise import promise
from domain.routing import Candidate, Coordinates, Sourced, Unroutable, distance_km, route
from domain.shares import assign_lines, tender_shares, value_shares
from domain.timings import DAY


@dataclass(frozen=True)
class RouteOrder:
    order_id: str
    pick_s: float
    backorder_s: float = 30 * DAY
    is_reserved_anew: bool = False  # what is not held now is not asked for once more


@dataclass(frozen=True)
class Planned:
    """One fulfillment order; `unauthorized` names the cards whose share must still be held."""

    fulfillment_id: str
    number: int
    location: str
    state: str
    lines: tuple[tuple[int, int], ...]
    cards: tuple[int, ...]
    unauthorized: tuple[int, ...]
    pickup: bool = False  # collected where it lies
    # Until the warehouse should report its next step, from when this was read.
    due_s: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Routed:
    """`unreserved`: the reservation expired first; `unroutable`: no location has what the pool has.

    `on_hold`: an open hold comes before routing; `blocked` is what holds forbid the plan's parts.
    `changes` were confirmed and are still to be made.
    """

    plan: tuple[Planned, ...] = ()
    promise_by: datetime | None = None
    unreserved: bool = False
    unroutable: str | None = None
    on_hold: bool = False
    blocked: tuple[str, ...] = ()
    changes: tuple[int, ...] = ()
    is_sold_out: bool = False  # in the one store in which it was to be collected


class RoutingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def route(self, order: RouteOrder) -> Routed:
        async with self._engine.begin() as tx:
            head = await orders.head(tx, order.order_id, lock=True)
            assert head is not None
            found = await _standing(tx, order.order_id)
            if found.is_routed:
                return replace(await as_planned(tx, order.order_id), blocked=tuple(found.blocked))
            if Transition.ROUTING in found.blocked:
                return Routed(on_hold=True)
            demand = await _held(tx, order.order_id)
            contents = await orders.contents(tx, order.order_id)
            missing = missing_units(head, contents.lines, demand)
            if not demand and not (missing and await _may_wait_whole(tx, head, order)):
                return Routed(unreserved=True)
            await stock.lock_pool(tx, head.pool, list(demand))
            try:
                sourced = route(demand, await candidates(tx, head, list(demand))) if demand else ()
                waiting = await waiting_part(tx, head, sourced, missing)
            except Unroutable as short:
                return Routed(unroutable=str(short), is_sold_out=head.pickup_location is not None)
            await _allocate(tx, head, sourced)
            ids = await _write_parts(tx, head, contents, [*sourced, *waiting], order.pick_s)
            if waiting:
                await begin_waiting(tx, head, ids[-1], order.backorder_s)
            await _promise(tx, head, [*sourced, *waiting], ids[-1] if waiting else None)
            return await as_planned(tx, order.order_id)


async def _standing(tx: AsyncConnection, order_id: str) -> Any:
    """Whether the order has its parts already, and which transitions its open holds block."""
    return await row(
        tx,
        """
        SELECT EXISTS (SELECT FROM fulfillments WHERE order_id = :order_id AND rma IS NULL)
                AS is_routed,
            ARRAY(SELECT DISTINCT unnest(blocks) FROM holds
                WHERE order_id = :order_id AND state = 'open' ORDER BY 1) AS blocked
        """,
        order_id=order_id,
    )


async def _may_wait_whole(tx: AsyncConnection, head: Any, order: RouteOrder) -> bool:
    return head.outcome is None and await may_begin(
        tx, order.order_id, is_reserved_anew=order.is_reserved_anew
    )


async def _held(tx: AsyncConnection, order_id: str) -> dict[str, int]:
    found = await rows(
        tx,
        """
        SELECT sku, quantity FROM reservations
        WHERE order_id = :order_id AND state = 'held' ORDER BY sku FOR UPDATE
        """,
        order_id=order_id,
    )
    return {hold.sku: hold.quantity for hold in found}


async def candidates(tx: AsyncConnection, head: Any, skus: list[str]) -> list[Candidate]:
    """Lock and read the pool's locations that have any of the SKUs; the one store, if it is one."""
    found = await rows(
        tx,
        """
        SELECT v.location, v.sku, v.on_hand - v.reserved AS available, l.address, l.time_zone,
            l.opening, l.holidays, l.cut_off, now() AS now
        FROM location_levels v JOIN locations l USING (location)
        WHERE l.pool = :pool AND l.active AND v.sku = ANY(CAST(:skus AS text[]))
            AND (l.ships OR v.location = CAST(:store AS text))
            AND v.location = coalesce(CAST(:store AS text), v.location)
        ORDER BY v.sku, v.location FOR UPDATE OF v
        """,
        pool=head.pool,
        skus=skus,
        store=head.pickup_location,
    )
    available: dict[str, dict[str, int]] = {}
    for level in found:
        available.setdefault(level.location, {})[level.sku] = level.available
    places = {level.location: level for level in found}
    there = coordinates(head.ship_to)
    return [_candidate(place, available[name], there) for name, place in places.items()]


def _candidate(place: Any, available: Mapping[str, int], there: Coordinates) -> Candidate:
    work = work_at(place)
    return Candidate(
        place.location,
        available,
        distance_km(coordinates(place.address), there),
        wait_days=work.wait_days,
        work=work,
    )


def coordinates(address: Mapping[str, Any]) -> tuple[float | None, float | None]:
    return address.get("latitude"), address.get("longitude")


async def _allocate(tx: AsyncConnection, head: Any, sourced: Sequence[Sourced]) -> None:
    moves = sorted(
        (sku, part.location, units, f"{head.order_id}-f{number}")
        for number, part in enumerate(sourced, start=1)
        for sku, units in part.units.items()
    )
    for sku, location, units, fulfillment_id in moves:
        await stock.move_location(
            tx,
            head.pool,
            Change(location, sku, reserved=units, open_demand=-units),
            Cause(
                key=f"{fulfillment_id}:allocate:{sku}",
                kind="allocate",
                text="routed",
                order_id=head.order_id,
                fulfillment_id=fulfillment_id,
            ),
        )
    await run(
        tx,
        """
        UPDATE reservations SET state = 'allocated', ended_at = now()
        WHERE order_id = :order_id AND state = 'held'
        """,
        order_id=head.order_id,
    )


async def _write_parts(
    tx: AsyncConnection,
    head: Any,
    contents: Contents,
    sourced: Sequence[Sourced],
    pick_s: float,
) -> list[str]:
    """Write a fulfillment order for each; units are held for those that have some. Return ids."""
    lines = contents.lines
    parts = assign_lines(lines, [part.units for part in sourced])
    worth = value_shares(lines, contents.charges, parts, settled_step(head.currency))
    paid = await _shares(tx, head.order_id, tender_shares(worth, contents.tenders))
    skus = {line.line_no: line.sku for line in lines}
    ids = []
    for number, part in enumerate(sourced, start=1):
        written = NewPart(
            number=number,
            location=part.location,
            pick_s=part.within_s(pick_s),
            units=parts[number - 1],
            held={} if part.is_waiting else part.units,
            share_minor=worth[number - 1],
            shares=paid[number - 1],
        )
        ids.append(await fulfillments.insert_routed(tx, head, written, skus))
    return ids


async def _shares(
    tx: AsyncConnection, order_id: str, paid: Sequence[Mapping[int, int]]
) -> list[list[Share]]:
    """Tie each share to the money that pays it.

    A card's first share uses the authorization made at placement; it can be captured once, so each
    further share will be authorized by itself. What is already taken serves all shares.
    """
    taken = await rows(
        tx,
        """
        SELECT tender_no, authorization_key, state FROM authorizations
        WHERE order_id = :order_id AND state IN ('held', 'taken')
        """,
        order_id=order_id,
    )
    keys = {money.tender_no: money for money in taken}
    shares: list[list[Share]] = []
    for share in paid:
        shares.append([])
        for tender_no, amount in share.items():
            money = keys.get(tender_no)
            shares[-1].append(Share(tender_no, amount, money.authorization_key if money else None))
            if money is not None and money.state == "held":
                del keys[tender_no]
    return shares


async def _promise(
    tx: AsyncConnection, head: Any, sourced: Sequence[Sourced], waiting: str | None
) -> None:
    window = promise(head.now, sourced)
    by = window.latest
    if waiting is not None:
        by = max(by, (await fulfillments.get(tx, waiting)).next_deadline)
    await run(
        tx,
        """
        UPDATE orders SET promise_from = :earliest, promise_by = :latest,
            next_step = 'deliver', next_deadline = :latest WHERE order_id = :order_id
        """,
        order_id=head.order_id,
        earliest=window.earliest,
        latest=by,
    )
    dates = {"from": window.earliest.date().isoformat(), "by": by.date().isoformat()}
    await orders.tell(tx, head.order_id, "OrderConfirmed", data=dates)
    await post_mail(tx, head, _confirmation(head, waiting), dates)


def _confirmation(head: Any, waiting: str | None) -> str:
    if waiting is not None:
        return "backorder_confirmed"
    return "pickup_confirmed" if head.pickup_location else "order_confirmed"


async def as_planned(tx: AsyncConnection, order_id: str) -> Routed:
    found = await rows(
        tx,
        f"""
        SELECT f.fulfillment_id, f.number, f.location, f.state, f.is_pickup, o.promise_by,
            (SELECT array_agg(ARRAY[line_no, quantity] ORDER BY line_no) FROM fulfillment_lines l
                WHERE l.fulfillment_id = f.fulfillment_id) AS lines,
            coalesce((SELECT array_agg(s.tender_no ORDER BY s.tender_no)
                FROM fulfillment_shares s JOIN tenders t
                    ON t.order_id = f.order_id AND t.tender_no = s.tender_no
                    LEFT JOIN authorizations a USING (authorization_key)
                WHERE s.fulfillment_id = f.fulfillment_id AND t.kind = 'card'
                    AND a.state IS DISTINCT FROM 'taken'), '{{}}') AS cards,
            coalesce((SELECT array_agg(s.tender_no ORDER BY s.tender_no) FROM fulfillment_shares s
                WHERE s.fulfillment_id = f.fulfillment_id AND s.authorization_key IS NULL
                    AND f.state IN ('open', 'picked', 'packed')), '{{}}')
                AS unauthorized,
            ARRAY(SELECT c.number FROM order_changes c
                WHERE c.order_id = f.order_id AND c.state = 'confirmed' ORDER BY 1) AS changes,
            {fulfillments.DUE_S}
        FROM fulfillments f JOIN orders o USING (order_id)
        WHERE f.order_id = :order_id AND f.rma IS NULL ORDER BY f.number
        """,  # noqa: S608 - a fragment of our own
        order_id=order_id,
    )
    plan = tuple(
        Planned(
            fulfillment_id=part.fulfillment_id,
            number=part.number,
            location=part.location,
            state=part.state,
            lines=tuple((line_no, quantity) for line_no, quantity in part.lines or ()),
            cards=tuple(part.cards),
            unauthorized=tuple(part.unauthorized),
            pickup=part.is_pickup,
            due_s=part.due_s,
        )
        for part in found
    )
    return Routed(plan, found[0].promise_by, changes=tuple(found[0].changes))
