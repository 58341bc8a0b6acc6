"""The way of asked-for invoices and credit notes: each is written once, in its own transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from activities.delivery import Failure
from db.engine import is_away
from db.stores import documents, exchanges, fulfillments, orders
from db.stores.documents import Draft
from domain.invoicing import (
    Bill,
    Part,
    Row,
    Sent,
    Tax,
    bill_exchange,
    bill_parcel,
    credit,
    rate_of_lines,
)
from domain.languages import language_of
from domain.order import Line

_FROM_SELLER: Final = (
    "seller", "legal_name", "address", "vat_id", "tax_registration", "registration", "exemption",
    "legal_lines",
)  # fmt: skip
_OF_ADDRESS: Final = ("name", "line1", "line2", "city", "region", "postal_code", "country")


class CannotBeWritten(Exception):
    """The document lacks something that only a person can give; no number was used up."""


class NotYet(Exception):
    """What the document refers to is not written yet."""


class Documents:
    """Writes documents; what lacks a seller is a dead letter at once, and waits for one."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def carry(
        self, _: AsyncConnection, wanted: Sequence[Any]
    ) -> Mapping[int, Failure | None]:
        """One after the other: they queue for their series anyway."""
        return {each.outbox_id: await self._write(each) for each in wanted}

    async def _write(self, wanted: Any) -> Failure | None:
        try:
            async with self._engine.begin() as tx:
                await write_document(tx, wanted.key, wanted.payload)
        except CannotBeWritten as lacking:
            return Failure(str(lacking), is_final=True)
        except NotYet as early:
            return Failure(str(early))
        except SQLAlchemyError as error:
            return Failure(f"the database: {type(error).__name__}", was_tried=not is_away(error))
        except Exception as fault:  # noqa: BLE001 - one bad request must not hold up the others
            return Failure(f"the document cannot be written: {type(fault).__name__}")
        return None


async def write_document(tx: AsyncConnection, key: str, about: Mapping[str, Any]) -> None:
    """Write what was asked for under `key`, unless it is written.

    Raises: CannotBeWritten, NotYet.
    """
    part = await fulfillments.get(tx, about["fulfillment_id"])
    order = await orders.head(tx, part.order_id, lock=True)
    assert order is not None
    if await documents.find(tx, key) is not None:
        return
    if about["kind"] == "invoice":
        draft = await _invoice(tx, key, order, part, about)
    else:
        draft = await _credit_note(tx, key, part, about)
    await documents.write(tx, draft)


async def _invoice(
    tx: AsyncConnection, key: str, order: Any, part: Any, about: Mapping[str, Any]
) -> Draft:
    seller = await documents.seller_of(tx, order.channel)
    if seller is None:
        raise CannotBeWritten(f"the channel {order.channel} has no legal seller")
    if part.rma is not None:
        bill, names = await _billed_exchange(tx, order, part)
    else:
        bill, names = await _billed(tx, order, part, about)
    is_taxed = any(tax.rate_ppm for tax in bill.taxes)
    if is_taxed and not (seller.vat_id or seller.tax_registration):
        lacks = "needs a VAT id or a tax registration: the order is taxed"
        raise CannotBeWritten(f"the seller {seller.seller} {lacks}")
    paid = about.get("paid")
    if paid is None:
        paid = [each._asdict() for each in await documents.paid_by(tx, part.fulfillment_id)]
    content = {
        "language": language_of(order.locale, seller.language),
        "seller": {name: getattr(seller, name) for name in _FROM_SELLER},
        "order": {"external_id": order.external_id, "placed_at": order.placed_at.isoformat()},
        "parcel": {"number": part.number, "handed_over_at": part.handed_over_at.isoformat()},
        "paid": paid,
        "names": names,
        "bill": asdict(bill),
    }
    return Draft(
        key=key,
        kind="invoice",
        seller=seller.seller,
        order_id=order.order_id,
        fulfillment_id=part.fulfillment_id,
        currency=order.currency,
        total_minor=bill.total_minor,
        buyer={"name": order.customer_name, "ship_to": _place(order.ship_to)},
        content=content,
    )


async def _billed(
    tx: AsyncConnection, order: Any, part: Any, about: Mapping[str, Any]
) -> tuple[Bill, dict[int, dict[str, str]]]:
    """Bill a parcel of the order, and name what it holds by line."""
    lines = await orders.lines(tx, order.order_id)
    charges = await orders.charges(tx, order.order_id)
    held = await documents.billed_units(tx, part)
    parts = [_part(line, each) for line, each in zip(lines, held, strict=True)]
    # What was asked for before shares were kept bills what the parcel is worth now.
    share_minor = about.get("share_minor", part.share_minor)
    names = {
        each.line_no: {"sku": line.sku, "name": each.name}
        for line, each in zip(lines, held, strict=True)
        if each.units
    }
    return bill_parcel(parts, charges, share_minor, order.currency), names


async def _billed_exchange(
    tx: AsyncConnection, order: Any, part: Any
) -> tuple[Bill, dict[int, dict[str, str]]]:
    """Bill what was sent in exchange; it is taxed as the goods that it stands in for."""
    lines = await orders.lines(tx, order.order_id)
    charges = await orders.charges(tx, order.order_id)
    rate_ppm = rate_of_lines(lines, charges, await exchanges.instead_of(tx, part.rma))
    sent = await exchanges.lines(tx, part.rma)
    names = {each.line_no: {"sku": each.sku, "name": each.name} for each in sent}
    bill = bill_exchange(
        [Sent(each.line_no, each.quantity, each.total_minor) for each in sent],
        rate_ppm,
        order.currency,
    )
    return bill, names


def _part(line: Line, held: Any) -> Part:
    """No more than the line has: its order may have been changed after the parcel was made."""
    units = min(held.units, line.quantity)
    return Part(line, units, min(held.before, line.quantity - units))


def _place(address: Mapping[str, Any]) -> dict[str, Any]:
    return {name: address.get(name) for name in _OF_ADDRESS}


async def _credit_note(tx: AsyncConnection, key: str, part: Any, about: Mapping[str, Any]) -> Draft:
    invoice = await documents.invoice_of(tx, part.fulfillment_id)
    if invoice is None:
        raise NotYet(f"the parcel {part.fulfillment_id} has no invoice yet")
    billed = _read(invoice.content["bill"])
    notes = await documents.corrections_of(tx, invoice.number)
    earlier = [_read(note.content["bill"]) for note in notes]
    units = {int(line_no): int(count) for line_no, count in about.get("units") or []}
    if about.get("has_freight"):
        units = {}  # a portion of all that was billed, freight among it
    is_part = about.get("part_of") is not None
    amount_minor = about["amount_minor"]
    try:
        bill = credit(billed, earlier, amount_minor, units, invoice.currency, is_part=is_part)
    except ValueError as wrong:
        raise CannotBeWritten(f"about {invoice.number}: {wrong}") from None
    corrects = {"number": invoice.number, "issued_on": invoice.issued_on.isoformat()}
    kept = {name: value for name, value in invoice.content.items() if name != "paid"}
    return Draft(
        key=key,
        kind="credit_note",
        seller=invoice.seller,
        order_id=invoice.order_id,
        fulfillment_id=part.fulfillment_id,
        currency=invoice.currency,
        total_minor=bill.total_minor,
        buyer=invoice.buyer,
        content=kept | {"corrects": corrects, "bill": asdict(bill)},
        corrects=invoice.number,
    )


def _read(bill: Mapping[str, Any]) -> Bill:
    rows = tuple(Row(**each) for each in bill["rows"])
    taxes = tuple(Tax(**each) for each in bill["taxes"])
    return Bill(rows, taxes, bill["rounding_minor"], bill["total_minor"])
