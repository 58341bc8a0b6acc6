"""Documents over HTTP: listed with those that wait, read as PDF and XML, refused to strangers."""

import json

import pypdfium2
import pytest

from db.inbox.keys import create_key
from db.stores import documents
from db.stores.documents import Draft
from domain.order import Line
from tests.api.papers import SELLER, broken_rules, document
from tests.api.world import Api, caller

SELLERS = """
INSERT INTO sellers (seller, legal_name, address, vat_id, legal_lines, invoice_series,
    credit_note_series, language, time_zone)
VALUES ('cauce', 'Cauce Café, S.L.', CAST(:address AS jsonb), 'ESB12345674', '{}', 'INV', 'CRN',
    'en', 'UTC') ON CONFLICT DO NOTHING
"""


async def invoiced(api: Api) -> tuple[str, str]:
    """An order with an invoice that is written and one that waits; its id, the number."""
    order_id = await api.full_order()
    await api.sql(SELLERS, address=json.dumps(SELLER["address"]))
    row = document([Line(1, "A-1", 1, 1_000, 210)])
    draft = Draft(
        f"invoice:{order_id}-f1", "invoice", "cauce", order_id, f"{order_id}-f1", "EUR",
        row.total_minor, row.buyer, row.content,
    )  # fmt: skip
    async with api.engine.begin() as tx:
        await documents.write(tx, draft)
    await api.sql(
        """
        INSERT INTO outbox (key, kind, order_id, payload, dead_at, last_error)
        VALUES ('invoice:' || :o || '-f2', 'document', :o, CAST(:about AS jsonb), now(),
            'no seller')
        """,
        o=order_id,
        about=json.dumps({"kind": "invoice", "fulfillment_id": f"{order_id}-f2"}),
    )
    (found,) = await api.sql("SELECT number FROM documents WHERE order_id = :o", o=order_id)
    return order_id, found.number


async def test_an_order_lists_what_is_issued_and_what_waits(api: Api) -> None:
    order_id, number = await invoiced(api)
    answer = await api.client.get(f"/orders/{order_id}/documents")
    assert answer.status_code == 200, answer.text
    issued, waiting = answer.json()["items"]
    assert (issued["state"], issued["number"], issued["total_minor"]) == ("issued", number, 1_210)
    assert issued["issued_on"][:4] == number.split("-")[1]
    assert (waiting["state"], waiting["reason"]) == ("waiting", "no seller")
    assert (waiting["number"], waiting["total_minor"]) == (None, 1_000)


async def test_a_document_is_read_as_pdf_and_as_xml(api: Api) -> None:
    _, number = await invoiced(api)
    first, again = [await api.client.get(f"/documents/{number}.pdf") for _ in range(2)]
    assert (first.status_code, first.headers["content-type"]) == (200, "application/pdf")
    assert first.content == again.content
    text = pypdfium2.PdfDocument(first.content)[0].get_textpage().get_text_bounded()
    assert number in text
    xml = await api.client.get(f"/documents/{number}.xml")
    assert (xml.status_code, xml.headers["content-type"]) == (200, "application/xml")
    assert broken_rules(xml.content) == []


async def test_a_parcel_has_its_packing_slip(api: Api) -> None:
    order_id, _ = await invoiced(api)
    answer = await api.client.get(f"/fulfillments/{order_id}-f1/packing-slip.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    text = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_bounded()
    assert "Lamp" in text
    assert "Springfield" in text


@pytest.mark.parametrize(
    "path",
    [
        "/documents/INV-1999-000001.pdf",
        "/documents/INV-1999-000001.xml",
        "/documents/nonsense.pdf",
        "/documents/INV-1999-000001",
        "/orders/shop-nobody/documents",
        "/fulfillments/shop-nobody-f1/packing-slip.pdf",
    ],
)
async def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    answer = await api.client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_order_without_documents_has_none(api: Api) -> None:
    order_id = await api.full_order()
    answer = await api.client.get(f"/orders/{order_id}/documents")
    assert (answer.status_code, answer.json()) == (200, {"items": []})


async def test_the_warehouse_reads_packing_slips_and_no_invoices(api: Api) -> None:
    order_id, number = await invoiced(api)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "papers", ["fulfillments:read"])
    async with caller(api.app, key.secret) as warehouse:
        slip = await warehouse.get(f"/fulfillments/{order_id}-f1/packing-slip.pdf")
        assert slip.status_code == 200
        for path in (f"/documents/{number}.pdf", f"/documents/{number}.xml",
                     f"/orders/{order_id}/documents"):  # fmt: skip
            assert (await warehouse.get(path)).status_code == 403
