"""The customer's page of one order, opened by the signed link in every mail, without a login."""

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from api.auth import charge_failure
from api.context import Context, Ctx
from api.problems import Kind, Problem
from db.inbox import audit, mail_opt_outs
from db.inbox.audit import Change
from db.queries.order_page import order_page, stage_of
from domain.collection import collection_code
from domain.order_link import order_of
from wording.formats import locale_of
from wording.page import Page, PageParcel, write_page

router: Final = APIRouter(include_in_schema=False)
# A link may be passed on or kept by a browser: nothing of the page is to be stored or indexed.
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
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
    newest = context.config.order_link_secrets[0]
    locale = locale_of(page.locale, page.language or "en")
    return HTMLResponse(write_page(_shown(token, page, newest), locale), headers=_HEADERS)


def _shown(token: str, page: Any, secret: str) -> Page:
    is_promised = page.promise_by is not None and page.outcome is None and not page.pickup_location
    return Page(
        shop=page.shop,
        order=page.external_id,
        stage=stage_of(page),
        total_minor=page.total_minor,
        currency=page.currency,
        promise=(page.promise_from, page.promise_by) if is_promised else None,
        parcels=[_parcel(each, secret) for each in page.parcels],
        lines=page.lines,
        is_opted_out=page.opted_out,
        path=f"/o/{token}",
    )


def _parcel(parcel: dict[str, Any], secret: str) -> PageParcel:
    until = parcel["until"]
    return PageParcel(
        state=parcel["state"],
        is_pickup=parcel["is_pickup"],
        carrier=parcel["carrier"],
        number=parcel["number"],
        place={**parcel["address"], "name": parcel["store"]},
        until=until and datetime.fromisoformat(until),
        code=collection_code(parcel["fulfillment_id"], secret),
    )
