"""Placing an order: checked, kept in the inbox, and, unless deferred, waited for."""

from dataclasses import dataclass
from typing import Any, Final, TypedDict

from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import ACCEPTED, Once, Settled
from api.context import Context
from api.door import missing
from api.messaging import RunClosed, ask_admission
from api.problems import BY_OUTCOME, Kind, Problem, invalid
from db.inbox.idempotency import StoredAnswer
from db.inbox.orders import (
    Committed,
    ContentDiffers,
    commit_order_anew,
    commit_rejected_order,
)
from db.queries import catalog, received
from domain.order import InvalidDocument, OrderDocument, read_document
from workflows.messages import Admission

_CREATED: Final = 201


@dataclass(frozen=True)
class Placing:
    """`document` is canonical JSON; `order` is the same, read."""

    document: dict[str, Any]
    order: OrderDocument
    deferred: bool


@dataclass(frozen=True)
class _Kept:
    inbox_id: int
    refused: Settled | None  # nothing is left of an article, and no run has begun


class _Named(TypedDict):
    channel: str
    external_id: str


def read(document: dict[str, Any], *, deferred: bool) -> Placing:
    """Raises: Problem for what the shape alone cannot say, such as sums."""
    try:
        return Placing(document, read_document(document), deferred)
    except InvalidDocument as wrong:
        raise invalid([_fault(problem) for problem in wrong.problems]) from None


def _fault(problem: str) -> dict[str, str]:
    """Turn "lines[1].sku: why" into a pointer and its reason; places count from one."""
    place, _, why = problem.partition(": ")
    parts = []
    for part in place.split("."):
        name, _, number = part.partition("[")
        parts.append(name)
        if number:
            parts.append(str(int(number.rstrip("]")) - 1))
    return {"pointer": "/" + "/".join(parts), "detail": why}


async def place(once: Once, placing: Placing) -> JSONResponse:
    async def keep(tx: AsyncConnection) -> _Kept:
        return await _keep(tx, once, placing)

    async def keep_only(tx: AsyncConnection) -> dict[str, Any]:
        await _keep(tx, once, placing)
        return _body(placing.order.order_id, "accepted")

    async def accept(kept: _Kept) -> StoredAnswer:
        if kept.refused is not None:
            raise kept.refused
        return _answer(placing.order.order_id, "accepted")

    async def decide(kept: _Kept) -> StoredAnswer:
        if kept.refused is not None:
            raise kept.refused
        return await _admission(once.context, placing.order, kept.inbox_id)

    if placing.deferred:
        return await once.accepted(keep_only)
    async with once.context.door.entered(placing.order) as is_inside:
        return await once.answer(keep, decide if is_inside else accept)


async def _keep(tx: AsyncConnection, once: Once, placing: Placing) -> _Kept:
    """Keep the order; one that comes too late for its stock, as refused, with its answer."""
    order = placing.order
    known = await _look_up(tx, placing)
    await once.context.backlog.let_in(tx, order.channel, order.external_id)
    if not placing.deferred:
        once.context.door.saw(order, known)
    short = missing(known, order)
    committed = await _commit(tx, placing, once.caller.actor, short)
    if committed.is_new:
        _refuse_retired(order, known)
    if short is None or not committed.is_rejected:
        return _Kept(committed.inbox_id, refused=None)
    about = {"order_id": order.order_id, "outcome": "refused_stock"}
    refused = Settled(Kind.REFUSED_STOCK, short, about)
    await once.store(tx, StoredAnswer(refused.status, refused.body()))
    return _Kept(committed.inbox_id, refused)


async def _look_up(tx: AsyncConnection, placing: Placing) -> catalog.Known:
    """What is taken for later is not measured by today's stock.

    Raises: Problem for a channel or an article that is unknown.
    """
    order = placing.order
    known = await catalog.look_up(
        tx, order.channel, list(order.demand()), stock=not placing.deferred
    )
    errors = []
    if known.currencies is None:
        errors.append({"pointer": "/channel", "detail": f"{order.channel!r} is unknown"})
    elif order.currency not in known.currencies:
        sold_in = ", ".join(known.currencies)
        errors.append({"pointer": "/currency", "detail": f"{order.channel} sells in {sold_in}"})
    errors += [
        {"pointer": f"/lines/{line.line_no - 1}/sku", "detail": f"{line.sku!r} is unknown"}
        for line in order.lines
        if line.sku in known.unknown_skus
    ]
    if errors:
        raise invalid(errors)
    return known


def _refuse_retired(order: OrderDocument, known: catalog.Known) -> None:
    """Raises: Problem for a new order of what is no longer sold, which undoes its keeping."""
    errors = [
        {"pointer": f"/lines/{line.line_no - 1}/sku", "detail": f"{line.sku!r} was retired"}
        for line in order.lines
        if line.sku in known.retired_skus
    ]
    if known.channel_is_retired:
        errors.insert(0, {"pointer": "/channel", "detail": f"{order.channel!r} was retired"})
    if errors:
        raise invalid(errors)


async def _commit(
    tx: AsyncConnection, placing: Placing, actor: str, short: str | None
) -> Committed:
    order = placing.order
    named = _Named(channel=order.channel, external_id=order.external_id)
    try:
        if short is None:
            return await commit_order_anew(
                tx, placing.document, deferred=placing.deferred, sender=actor, **named
            )
        return await commit_rejected_order(
            tx, placing.document, reason=short, sender=actor, **named
        )
    except ContentDiffers:
        raise Problem(
            Kind.CONTENT_DIFFERS,
            "the same channel and external id came with another content, which stands",
            {"order_id": order.order_id},
        ) from None


async def _admission(context: Context, order: OrderDocument, inbox_id: int) -> StoredAnswer:
    try:
        found = await ask_admission(context, order.order_id, inbox_id, order.channel)
    except RunClosed:
        found = await _recorded(context, order)
    if found is None:
        return _answer(order.order_id, "accepted")
    if found.status != "refused":
        return _answer(order.order_id, found.status)
    kind = BY_OUTCOME.get(found.outcome or "", Kind.REJECTED_INPUT)
    raise Problem(
        kind,
        found.reason or "no reason was given",
        {"order_id": order.order_id, "outcome": found.outcome},
    )


async def _recorded(context: Context, order: OrderDocument) -> Admission | None:
    """What became of an order whose run has ended."""
    async with context.engine.connect() as connection:
        end = await received.placement_end(connection, order.channel, order.external_id)
    if end is None:
        return None
    outcome, reason = end
    status = "refused" if outcome in BY_OUTCOME and outcome != "cancelled" else "admitted"
    return Admission(order.order_id, status, outcome, reason)


def _answer(order_id: str, status: str) -> StoredAnswer:
    return StoredAnswer(ACCEPTED if status == "accepted" else _CREATED, _body(order_id, status))


def _body(order_id: str, status: str) -> dict[str, Any]:
    return {"order_id": order_id, "status": status, "links": {"self": f"/orders/{order_id}"}}
