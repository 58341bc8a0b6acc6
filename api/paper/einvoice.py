"""Writes an invoice or credit note as EN 16931 in the syntax of UN/CEFACT (CII, D16B)."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from api.paper.figures import Category, Figures, Item, category, figures_of
from wording import catalogue

_NAMESPACES: Final = {
    "rsm": "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
    "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
    "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
    "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
}
_GUIDELINE: Final = "urn:cen.eu:en16931:2017"
# Source: UNTDID 1001.
_TYPE_CODES: Final = {"invoice": "380", "credit_note": "381"}
# Source: UN/ECE Recommendation 20: one.
_ONE: Final = "C62"
_PER_PERCENT: Final = 10_000
_NOT_SUBJECT: Final = "Not subject to VAT"
# What an XML text cannot hold: control characters.
_FORBIDDEN: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])


class _Node:
    """Writes elements one below the other; empty ones are left out."""

    def __init__(self, element: ET.Element) -> None:
        self.element = element

    def below(self, path: str) -> "_Node":
        node = self
        for name in path.split("/"):
            node = _Node(ET.SubElement(node.element, _named(name)))
        return node

    def text(self, path: str, text: str | None, **attributes: str) -> None:
        if text:
            element = self.below(path).element
            element.text = text.translate(_FORBIDDEN)
            element.attrib.update(attributes)

    def day(self, path: str, day: date, kind: str = "udt") -> None:
        self.text(f"{path}/{kind}:DateTimeString", f"{day:%Y%m%d}", format="102")


def _named(name: str) -> str:
    prefix, local = name.split(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def write_einvoice(document: Any) -> bytes:
    """`document` is its row; the same row makes the same bytes."""
    for prefix, uri in _NAMESPACES.items():
        ET.register_namespace(prefix, uri)
    content = document.content
    figures = figures_of(content["bill"], document.currency)
    root = _Node(ET.Element(_named("rsm:CrossIndustryInvoice")))
    root.text(
        "rsm:ExchangedDocumentContext/ram:GuidelineSpecifiedDocumentContextParameter/ram:ID",
        _GUIDELINE,
    )
    _write_head(root.below("rsm:ExchangedDocument"), document)
    trade = root.below("rsm:SupplyChainTradeTransaction")
    for number, item in enumerate(figures.lines, start=1):
        _write_line(trade, number, item, content, figures)
    _write_agreement(trade.below("ram:ApplicableHeaderTradeAgreement"), document)
    _write_delivery(trade.below("ram:ApplicableHeaderTradeDelivery"), document)
    _write_settlement(trade.below("ram:ApplicableHeaderTradeSettlement"), document, figures)
    written: bytes = ET.tostring(root.element, encoding="UTF-8", xml_declaration=True)
    return written


def _write_head(head: _Node, document: Any) -> None:
    head.text("ram:ID", document.number)
    head.text("ram:TypeCode", _TYPE_CODES[document.kind])
    head.day("ram:IssueDateTime", document.issued_on)
    for line in document.content["seller"]["legal_lines"]:
        head.text("ram:IncludedNote/ram:Content", line)


def _write_line(
    trade: _Node, number: int, item: Item, content: Mapping[str, Any], figures: Figures
) -> None:
    row, about = item.row, content["names"].get(str(item.row["line_no"]), {})
    words = catalogue.words(content["language"], "paper")
    line = trade.below("ram:IncludedSupplyChainTradeLineItem")
    line.text("ram:AssociatedDocumentLineDocument/ram:LineID", str(number))
    product = line.below("ram:SpecifiedTradeProduct")
    product.text("ram:SellerAssignedID", about.get("sku"))
    product.text("ram:Name", about.get("name") or words[f"charge.{row['kind']}"])
    is_goods = row["kind"] == "goods"
    # A price is never negative, a quantity may be. Source: EN 16931-1, BR-27.
    units = row["units"] if is_goods else -1 if item.net < 0 else 1
    price = figures.price(row["price_minor"]) if is_goods else figures.written(abs(item.net))
    line.text(
        "ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice/ram:ChargeAmount", price
    )
    line.text("ram:SpecifiedLineTradeDelivery/ram:BilledQuantity", str(units), unitCode=_ONE)
    settled = line.below("ram:SpecifiedLineTradeSettlement")
    _write_rate(settled.below("ram:ApplicableTradeTax"), row["rate_ppm"], _category(row, content))
    if item.discount:
        _write_allowance(settled, figures.written(item.discount), words["discount"])
    settled.text(
        "ram:SpecifiedTradeSettlementLineMonetarySummation/ram:LineTotalAmount",
        figures.written(item.net),
    )


def _category(row: Mapping[str, Any], content: Mapping[str, Any]) -> Category:
    return category(row["rate_ppm"], content["bill"], content["seller"])


def _write_rate(tax: _Node, rate_ppm: int, kind: Category) -> None:
    tax.text("ram:TypeCode", "VAT")
    tax.text("ram:CategoryCode", kind)
    if kind != "O":
        tax.text("ram:RateApplicablePercent", _percent(rate_ppm))


def _percent(rate_ppm: int) -> str:
    whole, rest = divmod(rate_ppm, _PER_PERCENT)
    return f"{whole}.{rest:04}".rstrip("0").rstrip(".")


def _write_allowance(parent: _Node, amount: str, reason: str, *, is_charge: bool = False) -> _Node:
    node = parent.below("ram:SpecifiedTradeAllowanceCharge")
    node.text("ram:ChargeIndicator/udt:Indicator", "true" if is_charge else "false")
    node.text("ram:ActualAmount", amount)
    node.text("ram:Reason", reason)
    return node


def _write_agreement(agreement: _Node, document: Any) -> None:
    seller = document.content["seller"]
    node = agreement.below("ram:SellerTradeParty")
    if not (seller["registration"] or seller["vat_id"]):
        # Source: EN 16931-1, BR-CO-26: some identifier of the seller.
        node.text("ram:ID", seller["seller"])
    node.text("ram:Name", seller["legal_name"])
    node.text("ram:SpecifiedLegalOrganization/ram:ID", seller["registration"])
    _write_address(node, seller["address"])
    node.text("ram:SpecifiedTaxRegistration/ram:ID", seller["vat_id"], schemeID="VA")
    node.text("ram:SpecifiedTaxRegistration/ram:ID", seller["tax_registration"], schemeID="FC")
    buyer = agreement.below("ram:BuyerTradeParty")
    buyer.text("ram:Name", document.buyer["name"])
    _write_address(buyer, document.buyer["ship_to"])
    order = document.content["order"]["external_id"]
    agreement.text("ram:SellerOrderReferencedDocument/ram:IssuerAssignedID", order)


def _write_address(party: _Node, address: Mapping[str, Any]) -> None:
    node = party.below("ram:PostalTradeAddress")
    node.text("ram:PostcodeCode", address["postal_code"])
    node.text("ram:LineOne", address["line1"])
    node.text("ram:LineTwo", address["line2"])
    node.text("ram:CityName", address["city"])
    node.text("ram:CountryID", address["country"])
    node.text("ram:CountrySubDivisionName", address["region"])


def _write_delivery(delivery: _Node, document: Any) -> None:
    ship_to = delivery.below("ram:ShipToTradeParty")
    ship_to.text("ram:Name", document.buyer["ship_to"]["name"])
    _write_address(ship_to, document.buyer["ship_to"])
    handed_over = datetime.fromisoformat(document.content["parcel"]["handed_over_at"])
    delivery.day("ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime", handed_over)


def _write_settlement(settled: _Node, document: Any, figures: Figures) -> None:
    content = document.content
    settled.text("ram:InvoiceCurrencyCode", document.currency)
    for rate, base, tax in figures.taxes:
        node = settled.below("ram:ApplicableTradeTax")
        kind = category(rate, content["bill"], content["seller"])
        node.text("ram:CalculatedAmount", figures.written(tax))
        node.text("ram:TypeCode", "VAT")
        reasons = {"E": content["seller"]["exemption"], "O": _NOT_SUBJECT}
        node.text("ram:ExemptionReason", reasons.get(kind))
        node.text("ram:BasisAmount", figures.written(base))
        node.text("ram:CategoryCode", kind)
        if kind != "O":
            node.text("ram:RateApplicablePercent", _percent(rate))
    for item in figures.extras:
        reason = catalogue.words(content["language"], "paper")[f"charge.{item.row['kind']}"]
        is_charge = item.net > 0
        amount = figures.written(abs(item.net))
        node = _write_allowance(settled, amount, reason, is_charge=is_charge)
        rated = node.below("ram:CategoryTradeTax")
        _write_rate(rated, item.row["rate_ppm"], _category(item.row, content))
    _write_sums(settled.below("ram:SpecifiedTradeSettlementHeaderMonetarySummation"), figures)
    if document.kind == "credit_note":
        corrects = content["corrects"]
        node = settled.below("ram:InvoiceReferencedDocument")
        node.text("ram:IssuerAssignedID", corrects["number"])
        issued_on = date.fromisoformat(corrects["issued_on"])
        node.day("ram:FormattedIssueDateTime", issued_on, "qdt")


def _write_sums(sums: _Node, figures: Figures) -> None:
    """All was paid, or given back, before the document was written: nothing is due."""
    written = figures.written
    sums.text("ram:LineTotalAmount", written(figures.line_total))
    sums.text("ram:ChargeTotalAmount", written(figures.charge_total))
    sums.text("ram:AllowanceTotalAmount", written(figures.allowance_total))
    sums.text("ram:TaxBasisTotalAmount", written(figures.basis_total))
    sums.text("ram:TaxTotalAmount", written(figures.tax_total), currencyID=figures.currency)
    if figures.rounding:
        sums.text("ram:RoundingAmount", written(figures.rounding))
    sums.text("ram:GrandTotalAmount", written(figures.basis_total + figures.tax_total))
    sums.text("ram:TotalPrepaidAmount", written(figures.total))
    sums.text("ram:DuePayableAmount", written(0))
