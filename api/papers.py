"""Papers: invoices and credit notes as PDF and as structured invoice, packing slips."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import FulfillmentsReader, OrdersReader
from api.context import Ctx
from api.fields import FulfillmentId, OrderId
from api.paper.einvoice import write_einvoice
from api.paper.pdf import set_pdf
from api.paper.view import document_view, packing_slip_view
from api.paper_models import DocumentList
from api.problems import Kind, Problem, documented
from db.queries import documents

router: Final = APIRouter(tags=["documents"])
DocumentNumber = Annotated[
    str,
    Path(pattern=r"^[A-Z0-9]{1,10}-[0-9]{4}-[0-9]{6,15}$", examples=["INV-2026-000001"]),
]


def _answers(media_type: str) -> dict[int | str, dict[str, Any]]:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {200: {"description": "The paper", "content": content}, **documented(Kind.NOT_FOUND)}


_PDF: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": _answers("application/pdf"),
}
_XML: Final[dict[str, Any]] = {
    "response_class": Response,
    "responses": _answers("application/xml"),
}


@router.get(
    "/orders/{order_id}/documents",
    response_model=DocumentList,
    responses=documented(Kind.NOT_FOUND),
)
async def list_documents(order_id: OrderId, context: Ctx, _: OrdersReader) -> dict[str, Any]:
    """List an order's invoices and credit notes, and those that wait with the reason.

    Scope: `orders:read`.
    """
    async with context.engine.connect() as connection:
        found = await documents.list_documents(connection, order_id)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"there is no order {order_id}")
    return {"items": found}


@router.get("/documents/{number}.pdf", **_PDF)
async def get_document_pdf(number: DocumentNumber, context: Ctx, _: OrdersReader) -> Response:
    """Read an invoice or credit note as PDF; the structured one is attached to it.

    It is the same to the byte at every request. Scope: `orders:read`.
    """
    async with context.engine.connect() as connection:
        document = await _document(connection, number)
    made = await asyncio.to_thread(_set_document, document)
    return Response(made, media_type="application/pdf")


@router.get("/documents/{number}.xml", **_XML)
async def get_document_xml(number: DocumentNumber, context: Ctx, _: OrdersReader) -> Response:
    """Read an invoice or credit note as EN 16931, in the syntax CII. Scope: `orders:read`."""
    async with context.engine.connect() as connection:
        document = await _document(connection, number)
    return Response(write_einvoice(document), media_type="application/xml")


@router.get("/fulfillments/{fulfillment_id}/packing-slip.pdf", **_PDF)
async def get_packing_slip(
    fulfillment_id: FulfillmentId, context: Ctx, _: FulfillmentsReader
) -> Response:
    """Read what goes into a parcel, without prices. Scope: `fulfillments:read`."""
    async with context.engine.connect() as connection:
        parcel = await documents.packing_slip(connection, fulfillment_id)
    if parcel is None:
        raise Problem(Kind.NOT_FOUND, f"there is no fulfillment order {fulfillment_id}")
    made = await asyncio.to_thread(set_pdf, "packing_slip", packing_slip_view(parcel))
    return Response(made, media_type="application/pdf")


async def _document(connection: AsyncConnection, number: str) -> Any:
    """Raises: Problem."""
    found = await documents.get_document(connection, number)
    if found is None:
        raise Problem(Kind.NOT_FOUND, f"there is no document {number}")
    return found


def _set_document(document: Any) -> bytes:
    return set_pdf("document", document_view(document), write_einvoice(document))
