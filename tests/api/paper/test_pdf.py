"""What a reader of the papers sees."""

import re
from types import SimpleNamespace
from typing import Any

import pypdfium2
import pytest

from api.paper.einvoice import write_einvoice
from api.paper.pdf import set_pdf
from api.paper.view import document_view, packing_slip_view
from domain.invoicing import Part, bill_parcel, credit
from domain.order import Charge, Line
from tests.api.papers import ADDRESS, SELLER, document, row_of

LINES = [Line(1, "A-1", 2, 125_000, 52_500), Line(2, "B-2", 1, 990, 99, 100)]


def pages(pdf: bytes) -> list[str]:
    paper = pypdfium2.PdfDocument(pdf)
    found = [paper[n].get_textpage().get_text_bounded() for n in range(len(paper))]
    return [re.sub(r"\s+", " ", text) for text in found]


def set_document(row: Any) -> bytes:
    return set_pdf("document", document_view(row), write_einvoice(row))


def parcel(**changes: Any) -> SimpleNamespace:
    about: dict[str, Any] = {
        "fulfillment_id": "shop-S-1-f1", "external_id": "S-1", "locale": "pt-BR", "number": 1,
        "parcels": 2, "placed_at": document(LINES).issued_at, "ship_to": ADDRESS,
        "location_name": "Rotterdam", "location_address": ADDRESS, "channel_name": "Shop",
        "legal_name": None, "language": "en", "tracking_number": "JD01",
        "lines": [{"sku": "A-1", "name": "Café", "units": 2}],
    }  # fmt: skip
    return SimpleNamespace(**about | changes)


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["Invoice", "INV-2026-000001", "8 Mar 2026", "2,500.00", "21 %", "3,039.89"]),
        ("es", ["Factura", "08/03/2026", "2.500,00", "Envío", "Redondeo 0,00", "Página 1 / 1"]),
        ("pt", ["Fatura", "Portes", "Total EUR 3.039,89", "Pago: Cartão", "Inês Muñoz"]),
    ],
)
def test_an_invoice_speaks_its_readers_language(language: str, texts: list[str]) -> None:
    row = document(LINES, [Charge("shipping", 500)], language=language)
    (page,) = pages(set_document(row))
    for text in texts:
        assert (text in page) != (text == "Redondeo 0,00"), page
    assert "Cauce Café, S.L." in page
    assert "Café de São Paulo, 250 g" in page
    assert SELLER["legal_lines"][0] in page


@pytest.mark.parametrize(
    ("currency", "total"), [("JPY", "303,989"), ("KWD", "303.989"), ("EUR", "3,039.89")]
)
def test_amounts_have_the_decimals_of_their_currency(currency: str, total: str) -> None:
    row = document(LINES, [Charge("shipping", 500)], currency=currency)
    assert f"Total {currency} {total}" in pages(set_document(row))[0]


def test_a_long_invoice_has_numbered_pages_with_the_heads_of_its_table() -> None:
    lines = [Line(number, f"S-{number}", 1, 1_000, 210) for number in range(1, 81)]
    found = pages(set_document(document(lines)))
    assert len(found) > 2
    for number, page in enumerate(found, start=1):
        assert f"Page {number} / {len(found)}" in page
        assert "Unit price" in page
    assert sum(page.count("Total EUR") for page in found) == 1


def test_a_credit_note_names_what_it_corrects() -> None:
    invoice = bill_parcel([Part(line, line.quantity) for line in LINES], [], 304_0 * 100, "EUR")
    note = credit(invoice, [], 10_000, {}, "EUR")
    corrects = {"number": "INV-2026-000001", "issued_on": "2026-03-08"}
    row = row_of(note, LINES, "EUR", corrects=corrects, language="es", paid=[])
    (page,) = pages(set_document(row))
    assert "Factura rectificativa" in page
    assert "Rectifica la factura INV-2026-000001 del 08/03/2026" in page
    assert "Total abonado EUR 100,00" in page


def test_the_structured_invoice_is_attached() -> None:
    row = document(LINES)
    paper = pypdfium2.PdfDocument(set_document(row))
    (attached,) = [paper.get_attachment(n) for n in range(paper.count_attachments())]
    assert attached.get_name() == "factur-x.xml"
    assert bytes(attached.get_data()) == write_einvoice(row)


def test_the_same_document_is_the_same_to_the_byte_and_an_archive_may_keep_it() -> None:
    made = set_document(document(LINES))
    assert made == set_document(document(LINES))
    assert b"<pdfaid:part>3</pdfaid:part>" in made


def test_letters_without_a_font_do_not_keep_the_paper_back() -> None:
    row = document(LINES)
    row.buyer = {**row.buyer, "name": "山田太郎"}
    assert "INV-2026-000001" in pages(set_document(row))[0]


def test_names_are_text_and_no_markup() -> None:
    row = document(LINES)
    row.content["names"]["1"]["name"] = '*A* #import "x" $y$ \\ `z` <b>'
    assert '*A* #import "x" $y$ \\ `z` <b>' in pages(set_document(row))[0]


def test_a_packing_slip_tells_no_price() -> None:
    (page,) = pages(set_pdf("packing_slip", packing_slip_view(parcel())))
    assert "Guia de remessa" in page
    assert "Volume 1 de 2" in page
    assert "A-1 Café 2" in page
    assert "Unidades: 2" in page
    assert not re.search(r"EUR|\d,\d\d|Preço", page)
