"""A Shopify sale as our canonical order document, or the reason why it cannot be one."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from activities.connectors.channel.port import (
    CancelledOrder,
    OrderDocument,
    RejectedDocument,
    WaitingOrder,
)
from activities.connectors.channel.shopify.translate import (
    Sale,
    SaleAddress,
    SaleLine,
    numeric_id,
)
from domain.money import format_minor
from domain.order import InvalidDocument, read_document

# The channel has the money, or a promise it captures itself.
SETTLED: Final = frozenset({"paid", "authorized", "partially_refunded"})
# It may still come; the other ends (voided, refunded) are ends.
UNSETTLED: Final = frozenset({"", "pending", "partially_paid", "expired"})
TENDERS_ATTRIBUTE: Final = "cauce_tenders"
DEFAULT_LOCALE: Final = "en"


@dataclass(frozen=True, slots=True)
class DocumentOptions:
    """`tenders_from_attributes`: take the tenders from the order attribute `cauce_tenders`, a JSON
    list of canonical tenders, and ignore what the channel says of payment. For demonstrations and
    tests only: in a real shop a buyer can write attributes of his cart.
    """

    channel: str = "shopify"
    tenders_from_attributes: bool = False


DEFAULT_OPTIONS: Final = DocumentOptions()


class Tender(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["card", "bank_slip", "debit", "store_credit", "manual"]
    amount_minor: int
    reference: str


_TENDERS: Final = TypeAdapter(list[Tender])


class _Refused(Exception):
    """Carries the reason out of the parts."""


class _Waiting(Exception):
    """Likewise, for an order that is not ready."""


def to_document(
    sale: Sale, options: DocumentOptions = DEFAULT_OPTIONS
) -> OrderDocument | RejectedDocument | WaitingOrder | CancelledOrder:
    """The same sale gives the same document whichever way it came, so that it is known again."""
    if sale.cancelled:
        return CancelledOrder(sale.external_id)
    try:
        return _document(sale, options)
    except _Waiting as waiting:
        return WaitingOrder(sale.external_id, str(waiting))
    except (_Refused, InvalidDocument) as refused:
        return RejectedDocument(sale.external_id, str(refused))


def malformed(gid: str, error: ValidationError) -> RejectedDocument:
    """Names the fields, never their values."""
    where = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
    return RejectedDocument(numeric_id(gid), f"malformed: {where}")


def _document(sale: Sale, options: DocumentOptions) -> OrderDocument:
    ship_to = _ship_to(sale)
    lines = [_line(line, position, sale) for position, line in enumerate(sale.lines, start=1)]
    charges = _charges(sale)
    _check_sum(sale, lines, charges)
    document = {
        "channel": options.channel,
        "external_id": sale.external_id,
        "placed_at": _utc_text(sale.placed_at),
        "currency": sale.currency,
        "locale": sale.locale or DEFAULT_LOCALE,
        "customer": {
            # The buyer's own record changes over time; the order's addresses are the order's.
            "name": sale.buyer_name or ship_to["name"],
            "email": sale.email or None,
            "phone": sale.phone or ship_to["phone"],
        },
        "ship_to": ship_to,
        "lines": lines,
        "charges": charges,
        "tenders": _tenders(sale, options),
    }
    read_document(document)  # what our own rules refuse is told here, with the channel's id
    return document


def _utc_text(moment: datetime) -> str:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ship_to(sale: Sale) -> dict[str, Any]:
    address = sale.ship_to
    if address is None:
        raise _Refused("no shipping address")
    return {
        "name": address.name or sale.buyer_name,
        "line1": address.line1,
        "line2": _line2(address),
        "city": address.city,
        "region": address.region or None,
        "postal_code": address.postal_code,
        "country": address.country,
        "phone": address.phone or None,
        "latitude": address.latitude,
        "longitude": address.longitude,
    }


def _line2(address: SaleAddress) -> str | None:
    return ", ".join(part for part in (address.company, address.line2) if part) or None


def _line(line: SaleLine, position: int, sale: Sale) -> dict[str, Any]:
    if not line.sku:
        raise _Refused(f"line {position} has no SKU")
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "unit_price_minor": line.unit_price_minor,
        # Tax is what comes on top; where prices hold it already there is nothing on top.
        "tax_minor": 0 if sale.taxes_included else line.tax_minor,
        "discount_minor": line.discount_minor,
        "external_line_id": line.external_line_id,
    }


def _charges(sale: Sale) -> list[dict[str, Any]]:
    """What the order costs beside its lines, in a fixed order."""
    amounts = (
        ("shipping", sale.shipping_minor - sale.shipping_discount_minor),
        ("tax", _tax_beside_lines(sale)),
        ("other", sale.tip_minor),
        ("other", sale.duties_minor),
        ("other", sale.fees_minor),
        ("discount", -_discount_beside_lines(sale)),
    )
    return [{"kind": kind, "amount_minor": amount} for kind, amount in amounts if amount]


def _tax_beside_lines(sale: Sale) -> int:
    """Tax on shipping, and tax that Shopify states for the order without saying on what."""
    if sale.taxes_included:
        return 0
    return max(sale.shipping_tax_minor, sale.tax_minor - sum(line.tax_minor for line in sale.lines))


def _discount_beside_lines(sale: Sale) -> int:
    """A discount that Shopify states for the order without allocating it to lines."""
    allocated = sum(line.discount_minor for line in sale.lines) + sale.shipping_discount_minor
    return max(0, sale.discount_minor - allocated)


def _check_sum(sale: Sale, lines: list[dict[str, Any]], charges: list[dict[str, Any]]) -> None:
    of_lines = sum(
        line["quantity"] * line["unit_price_minor"] + line["tax_minor"] - line["discount_minor"]
        for line in lines
    )
    total = of_lines + sum(charge["amount_minor"] for charge in charges)
    if total != sale.total_minor:
        summed = format_minor(total, sale.currency)
        stated = format_minor(sale.total_minor, sale.currency)
        raise _Refused(f"lines and charges sum to {summed}, the order's total says {stated}")


def _tenders(sale: Sale, options: DocumentOptions) -> list[dict[str, Any]]:
    if options.tenders_from_attributes and TENDERS_ATTRIBUTE in sale.attributes:
        return _tenders_from_attribute(sale)
    if sale.financial_status not in SETTLED:
        said = f"not paid at the channel ({sale.financial_status or 'no payment status'})"
        raise _Waiting(said) if sale.financial_status in UNSETTLED else _Refused(said)
    if sale.total_minor == 0:
        return []
    gateways = ",".join(sale.gateways) or "unknown"
    reference = f"shopify:{gateways}"
    return [{"kind": "manual", "amount_minor": sale.total_minor, "reference": reference}]


def _tenders_from_attribute(sale: Sale) -> list[dict[str, Any]]:
    try:
        tenders = _TENDERS.validate_python(json.loads(sale.attributes[TENDERS_ATTRIBUTE]))
    except (ValueError, ValidationError):
        raise _Refused(f"{TENDERS_ATTRIBUTE} is no list of tenders") from None
    total = sum(tender.amount_minor for tender in tenders)
    if total != sale.total_minor:
        raise _Refused(f"{TENDERS_ATTRIBUTE} sums to {total}, the order to {sale.total_minor}")
    return [tender.model_dump() for tender in tenders]
