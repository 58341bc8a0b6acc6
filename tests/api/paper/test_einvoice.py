"""Every structured invoice obeys the schema and the schematron of EN 16931."""

import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from api.paper.einvoice import write_einvoice
from domain.invoicing import Part, bill_parcel, credit
from domain.order import Charge, Line
from tests.api.papers import SELLER, broken_rules, document, row_of
from tests.domain.test_invoicing import CURRENCIES, bills_of, order_charges, order_lines, splits

TAXED = [Line(1, "A", 2, 1_250, 525), Line(2, "B", 1, 990, 99, 100), Line(3, "C", 3, 33, 21)]
UNTAXED = [Line(1, "A", 2, 1_250), Line(2, "B", 1, 990, 0, 100)]
NOBODY = {"vat_id": None, "registration": None}


def sums(xml: bytes) -> dict[str, str]:
    found = re.findall(r"<ram:(\w*(?:Total|Payable|Rounding)\w*Amount)[^>]*>([^<]*)<", xml.decode())
    return dict(found[-12:])


@pytest.mark.parametrize("language", ["en", "es", "pt"])
@pytest.mark.parametrize("currency", ["EUR", "JPY", "KWD"])
def test_a_taxed_invoice_is_valid(language: str, currency: str) -> None:
    charges = [Charge("shipping", 790), Charge("discount", -250)]
    xml = write_einvoice(document(TAXED, charges, language=language, currency=currency))
    assert broken_rules(xml) == []


@pytest.mark.parametrize(
    ("seller", "category"),
    [
        ({}, "Z"),
        ({"exemption": "Article 25 of Directive 2006/112/EC"}, "E"),
        ({**NOBODY}, "O"),
        ({**NOBODY, "tax_registration": "US-123"}, "Z"),
    ],
)
def test_an_invoice_without_tax_says_why(seller: dict[str, Any], category: str) -> None:
    xml = write_einvoice(document(UNTAXED, [Charge("shipping", 500)], seller=SELLER | seller))
    assert broken_rules(xml) == []
    assert set(re.findall(r"CategoryCode>(\w)<", xml.decode())) == {category}


def test_another_tax_than_vat_is_billed_under_its_registration() -> None:
    seller = SELLER | NOBODY | {"tax_registration": "NY-ST-123"}
    assert broken_rules(write_einvoice(document(TAXED, seller=seller, currency="USD"))) == []


def test_a_credit_note_names_its_invoice() -> None:
    lines = [Line(1, "A", 3, 1_000, 630)]
    invoice = bill_parcel([Part(lines[0], 3)], [Charge("shipping", 500)], 4_130, "EUR")
    corrects = {"number": "INV-2026-000001", "issued_on": "2026-03-08"}
    for note in (
        credit(invoice, [], 4_130, {}, "EUR"),
        credit(invoice, [], 700, {1: 1}, "EUR"),
        credit(invoice, [], 1_999, {}, "EUR"),
    ):
        xml = write_einvoice(row_of(note, lines, "EUR", corrects=corrects))
        assert broken_rules(xml) == []
        assert b"<ram:TypeCode>381<" in xml
        assert b"<ram:IssuerAssignedID>INV-2026-000001<" in xml


def test_nothing_is_due_and_rounding_stands_in_its_place() -> None:
    """Two lines of 0.333 tax each are charged 0.33, their sum would be 0.67."""
    lines = [Line(1, "A", 1, 333, 33), Line(2, "B", 1, 333, 33)]
    found = sums(write_einvoice(document(lines)))
    assert found["TaxTotalAmount"] == "0.67"
    assert found["RoundingAmount"] == "-0.01"
    assert found["TotalPrepaidAmount"] == "7.32"
    assert found["DuePayableAmount"] == "0.00"


def test_the_same_document_is_the_same_to_the_byte() -> None:
    assert write_einvoice(document(TAXED)) == write_einvoice(document(TAXED))


def test_what_a_customer_writes_breaks_no_xml() -> None:
    row = document(TAXED)
    row.buyer = {**row.buyer, "name": "<Ada> & \x0b Söhne ]]>"}
    xml = write_einvoice(row)
    assert broken_rules(xml) == []
    assert "&lt;Ada&gt; &amp;  Söhne" in xml.decode()


def test_the_judges_see_a_wrong_sum() -> None:
    xml = write_einvoice(document(TAXED)).replace(
        b">0.00</ram:DuePayable", b">1.00</ram:DuePayable"
    )
    assert any("BR-CO-16" in rule for rule in broken_rules(xml))


@settings(max_examples=30, deadline=None)
@given(st.data(), CURRENCIES)
def test_whatever_is_sold_and_split_the_invoices_are_valid(
    data: st.DataObject, currency: str
) -> None:
    lines = data.draw(order_lines())
    charges = data.draw(order_charges(lines))
    for share, bill in bills_of(lines, charges, data.draw(splits(lines)), currency):
        # The schematron takes a rate below half a percent for none.
        assume(all(tax.rate_ppm == 0 or tax.rate_ppm >= 5_000 for tax in bill.taxes))
        xml = write_einvoice(row_of(bill, list(lines), currency))
        assert broken_rules(xml) == [], share
        if share:
            note = credit(bill, [], data.draw(st.integers(1, share)), {}, currency)
            corrects = {"number": "INV-2026-000001", "issued_on": "2026-03-08"}
            xml = write_einvoice(row_of(note, list(lines), currency, corrects=corrects))
            assert broken_rules(xml) == []
