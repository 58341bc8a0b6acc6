"""Asking for a return: previewed, or kept in one transaction with the version the caller saw."""

from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.answers import Once
from api.problems import Kind, Problem, invalid
from api.return_models import NewReturn
from db.inbox import audit
from db.inbox.returns import NewItem, NewLine, commit_return
from db.inbox.returns import NewReturn as Kept
from db.queries import returns
from db.queries.return_facts import Facts, facts
from domain.returning.eligibility import Decision
from domain.returning.request import SENDS_GOODS, Asked, LineAsked, Plan, plan

# What is sent instead of the goods has to be named; a replacement is the same goods again.
NAMES_GOODS = "exchange"


async def preview(tx: AsyncConnection, order_id: str, wanted: NewReturn) -> dict[str, Any]:
    about = await _facts(tx, order_id, wanted, lock=False)
    return _answer(about, wanted, _plan(about, wanted), None)


async def ask(tx: AsyncConnection, order_id: str, wanted: NewReturn, once: Once) -> dict[str, Any]:
    """Raises: Problem for a stale version, or goods that may not come back."""
    about = await _facts(tx, order_id, wanted, lock=True)
    planned = _plan(about, wanted)
    if wanted.source != "customer" and not once.caller.may("returns:handle"):
        raise Problem(Kind.FORBIDDEN, f"to ask as {wanted.source} needs the scope returns:handle")
    if planned.verdict.decision is Decision.REFUSE:
        lines = _verdicts(wanted, planned)
        detail = f"refused: {planned.verdict.reason}"
        raise Problem(Kind.NOT_RETURNABLE, detail, {"order_id": order_id, "lines": lines})
    timings = once.context.config.timings
    is_doubtful = planned.verdict.decision is Decision.REVIEW
    within_s = timings.return_review_s if is_doubtful else timings.vendor_patience_s
    kept = _kept(about, wanted, planned, within_s)
    rma = await commit_return(tx, kept, once.caller.actor)
    after = {"state": kept.state, "resolution": kept.resolution, "method": kept.method}
    await audit.record(tx, once.caller.actor, "ReturnRequested", rma, audit.Change(after=after))
    return _answer(about, wanted, planned, rma)


async def _facts(tx: AsyncConnection, order_id: str, wanted: NewReturn, *, lock: bool) -> Facts:
    about = await facts(tx, order_id, lock=lock)
    if about is None:
        raise Problem(Kind.NOT_FOUND, f"there is no order {order_id}")
    if about.version != wanted.version:
        detail = f"it is at version {about.version}, not {wanted.version}: look again"
        raise Problem(Kind.STALE_VERSION, detail, {"order_id": order_id})
    await _check(tx, wanted)
    return about


async def _check(tx: AsyncConnection, wanted: NewReturn) -> None:
    """Raises: Problem with every fault that the shape alone cannot show."""
    faults = []
    if len({line.line_no for line in wanted.lines}) < len(wanted.lines):
        faults.append({"pointer": "/lines", "detail": "each line once"})
    if (wanted.resolution == NAMES_GOODS) != bool(wanted.instead):
        faults.append({"pointer": "/instead", "detail": "needed for an exchange, and only then"})
    if wanted.advance and wanted.payment_reference is None:
        faults.append({"pointer": "/payment_reference", "detail": "needed to hold the security"})
    if wanted.advance and (wanted.resolution not in SENDS_GOODS or wanted.method == "keep"):
        faults.append({"pointer": "/advance", "detail": "for goods that are exchanged and sent"})
    sold = await returns.sold_skus(tx, [line.sku for line in wanted.instead])
    faults += [
        {"pointer": f"/instead/{number}/sku", "detail": f"{line.sku!r} is unknown"}
        for number, line in enumerate(wanted.instead)
        if line.sku not in sold
    ]
    if wanted.location is not None and wanted.location not in await returns.known_locations(tx):
        faults.append({"pointer": "/location", "detail": f"{wanted.location!r} is unknown"})
    if faults:
        raise invalid(faults)


def _plan(about: Facts, wanted: NewReturn) -> Plan:
    lines = tuple(
        LineAsked(line.line_no, line.quantity, line.reason, line.condition) for line in wanted.lines
    )
    instead_minor = sum(each.quantity * each.unit_price_minor for each in wanted.instead)
    asked = Asked(
        wanted.source, wanted.resolution, wanted.method, about.country, lines, instead_minor
    )
    return plan(asked, about.parcels, about.policy, about.now)


def _kept(about: Facts, wanted: NewReturn, planned: Plan, within_s: float) -> Kept:
    photos = {line.line_no: tuple(line.photos) for line in wanted.lines}
    sources = {parcel.fulfillment_id: parcel.location for parcel in about.parcels}
    is_doubtful = planned.verdict.decision is Decision.REVIEW
    return Kept(
        order_id=about.order_id,
        source=wanted.source,
        resolution=wanted.resolution,
        method=planned.method,
        advance=wanted.advance,
        location=wanted.location or sources[planned.items[0][1].fulfillment_id],
        state="requested" if is_doubtful else "approved",
        review_reason=planned.verdict.reason,
        payment_reference=wanted.payment_reference,
        within_s=within_s,
        items=tuple(
            NewItem(
                item.fulfillment_id, item.line_no, item.sku, item.units, line.reason,
                line.condition, photos[line.line_no],
            )
            for line, item in planned.items
        ),
        instead=tuple(
            NewLine(line.sku, line.quantity, line.quantity * line.unit_price_minor)
            for line in wanted.instead
        ),
    )  # fmt: skip


def _verdicts(wanted: NewReturn, planned: Plan) -> list[dict[str, Any]]:
    return [
        {
            "line_no": line.line_no,
            "quantity": line.quantity,
            "decision": str(verdict.decision),
            "reason": verdict.reason,
        }
        for line, verdict in zip(wanted.lines, planned.verdicts, strict=True)
    ]


def _answer(about: Facts, wanted: NewReturn, planned: Plan, rma: str | None) -> dict[str, Any]:
    is_doubtful = planned.verdict.decision is Decision.REVIEW
    return {
        "order_id": about.order_id,
        "version": about.version,
        "rma": rma,
        "state": None if rma is None else "requested" if is_doubtful else "approved",
        "decision": str(planned.verdict.decision),
        "method": planned.method,
        "currency": about.currency,
        **asdict(planned.worth),
        "refund_minor": planned.refund_minor,
        "credit_minor": planned.credit_minor,
        "charge_minor": planned.charge_minor,
        "lines": _verdicts(wanted, planned),
    }
