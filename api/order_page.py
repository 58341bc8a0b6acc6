"""The customer's page of one order, opened by the signed link in every mail, without a login."""

from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.auth import charge_failure
from api.context import Context, Ctx
from api.problems import Kind, Problem
from db.inbox import audit, mail_opt_outs
from db.inbox.audit import Change
from db.queries.order_page import order_page, stage_of
from domain.axes import FulfillmentAxis
from domain.collection import collection_code
from domain.money import format_minor
from domain.order_link import order_of

router: Final = APIRouter(include_in_schema=False)
# A link may be passed on or kept by a browser: nothing of the page is to be stored or indexed.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}
_STAGES: Final = {
    FulfillmentAxis.UNFULFILLED: "We have your order.",
    FulfillmentAxis.IN_PROGRESS: "Your order is being packed.",
    FulfillmentAxis.PARTLY_SHIPPED: "A part of your order is on its way.",
    FulfillmentAxis.SHIPPED: "Your order is on its way.",
    FulfillmentAxis.PARTLY_DELIVERED: "A part of your order was delivered.",
    FulfillmentAxis.DELIVERED: "Your order was delivered.",
    FulfillmentAxis.LOST: "Your parcel was lost on its way.",
    FulfillmentAxis.CANCELLED: "Your order will not be shipped.",
}
_PARCELS: Final = {
    "backordered": "waits for its goods",
    "open": "is being packed",
    "picked": "is being packed",
    "packed": "is being packed",
    "ready_for_pickup": "is ready",
    "handing_over": "is being packed",
    "handed_over": "is on its way",
    "delivered": "was delivered",
    "cancelled": "was cancelled",
    "lost": "was lost",
}


@router.get("/o/{token}", response_class=HTMLResponse)
async def show_order_page(token: str, request: Request, context: Ctx) -> HTMLResponse:
    return await _page(token, _order_of(token, request, context), context)


@router.post("/o/{token}/unsubscribe", response_class=HTMLResponse)
async def stop_optional_mail(token: str, request: Request, context: Ctx) -> HTMLResponse:
    """Also what a mail program's own button asks for (RFC 8058): answered without a redirect."""
    order_id = _order_of(token, request, context)
    async with context.engine.begin() as tx:
        if await mail_opt_outs.stop(tx, order_id):
            await audit.record(tx, "customer", "OptionalMailStopped", order_id, _WANTED_NO_MORE)
    return await _page(token, order_id, context)


@router.post("/o/{token}/subscribe", response_class=HTMLResponse)
async def resume_optional_mail(token: str, request: Request, context: Ctx) -> HTMLResponse:
    order_id = _order_of(token, request, context)
    async with context.engine.begin() as tx:
        if await mail_opt_outs.resume(tx, order_id):
            await audit.record(tx, "customer", "OptionalMailResumed", order_id, _WANTED_AGAIN)
    return await _page(token, order_id, context)


_WANTED_NO_MORE: Final = Change({"optional_mail": True}, {"optional_mail": False})
_WANTED_AGAIN: Final = Change({"optional_mail": False}, {"optional_mail": True})


def _order_of(token: str, request: Request, context: Context) -> str:
    """Raises: Problem, the same for a forged link as for none; after too many, TOO_OFTEN."""
    order_id = order_of(token, context.config.order_link_secrets)
    if order_id is None:
        charge_failure(request, context)
        raise Problem(Kind.NOT_FOUND, "the link is not complete, or no longer valid")
    return order_id


async def _page(token: str, order_id: str, context: Context) -> HTMLResponse:
    async with context.engine.connect() as connection:
        page = await order_page(connection, order_id)
    if page is None:
        raise Problem(Kind.NOT_FOUND, "the link is not complete, or no longer valid")
    template = Template(files("api").joinpath("order_page.html").read_text("utf-8"))
    newest = context.config.order_link_secrets[0]
    return HTMLResponse(template.substitute(_words(token, page, newest)), headers=_HEADERS)


def _words(token: str, page: Any, secret: str) -> dict[str, str]:
    """Everything that is not ours is escaped."""
    total = f"{format_minor(page.total_minor, page.currency)} {page.currency}"
    mail = ("subscribe", "again", "no") if page.opted_out else ("unsubscribe", "no", "all")
    return {
        "shop": escape(page.shop),
        "order": escape(page.external_id),
        "stage": _stage(page),
        "promise": _promise(page),
        "total": total,
        "lines": "".join(_line(line) for line in page.lines),
        "parcels": "".join(
            _parcel(n, each, secret) for n, each in enumerate(page.parcels, start=1)
        ),
        "action": f"/o/{escape(token)}/{mail[0]}",
        "button": f"Send me {mail[1]} notes about the day of delivery",
        "now": f"You get {mail[2]} notes about the day of delivery.",
    }


def _stage(page: Any) -> str:
    is_ready = any(parcel["state"] == "ready_for_pickup" for parcel in page.parcels)
    return "Your order is ready for you." if is_ready else _STAGES[stage_of(page)]


def _promise(page: Any) -> str:
    if page.promise_by is None or page.outcome is not None or page.pickup_location:
        return ""
    first, last = (f"{day:%A}, {day.day} {day:%B}" for day in (page.promise_from, page.promise_by))
    return f"It should reach you between {first} and {last}."


def _line(line: dict[str, Any]) -> str:
    notes = [f"{line[word]} {word}" for word in ("shipped", "cancelled") if line[word]]
    return (
        f"<tr><td>{escape(line['name'])}</td><td>{line['quantity']}</td>"
        f"<td>{', '.join(notes)}</td></tr>"
    )


def _parcel(number: int, parcel: dict[str, Any], secret: str) -> str:
    word = _PARCELS[parcel["state"]]
    if parcel["is_pickup"] and parcel["state"] == "delivered":
        word = "was collected"
    about = f"Parcel {number} {word}."
    if parcel["number"] is not None:
        about += f" {parcel['carrier'] or ''} {parcel['number']}"
    if parcel["state"] == "ready_for_pickup":
        about += f" {_where(parcel)} Your code: {collection_code(parcel['fulfillment_id'], secret)}"
    return f"<li>{escape(about)}</li>"


def _where(parcel: dict[str, Any]) -> str:
    day = datetime.fromisoformat(parcel["until"])
    place = [parcel["store"], *(parcel["address"].get(word) for word in ("line1", "city"))]
    store = ", ".join(word for word in place if word)
    return f"Collect it until {day:%A}, {day.day} {day:%B} at {store}."
