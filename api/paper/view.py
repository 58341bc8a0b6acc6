"""What stands where on an invoice, a credit note or a packing slip: texts, ready to be set."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from domain.languages import language_of
from wording import catalogue
from wording.formats import address_lines, amount, day, percent


def document_view(document: Any) -> dict[str, Any]:
    """`document` is its row."""
    content = document.content
    language = content["language"]
    seller, bill = content["seller"], content["bill"]
    return {
        "language": language,
        "words": catalogue.words(language, "paper"),
        "kind": document.kind,
        "title": f"{catalogue.words(language, 'paper')[document.kind]} {document.number}",
        "day": _numbers(document.issued_on),
        "seller": [seller["legal_name"], *address_lines(seller["address"], language)],
        "seller_ids": _ids(seller, catalogue.words(language, "paper")),
        "buyer": [document.buyer["name"], *address_lines(document.buyer["ship_to"], language)],
        "ship_to": _elsewhere(document.buyer, language),
        "facts": _facts(document, content, language),
        "rows": [_row(row, content, document.currency, language) for row in bill["rows"]],
        "has_discounts": any(row["discount_minor"] for row in bill["rows"]),
        "taxes": _taxes(bill, document.currency, language),
        "sums": _sums(document, bill, language),
        "notes": _notes(seller, bill),
    }


def _numbers(day: date) -> list[int]:
    return [day.year, day.month, day.day]


def _ids(seller: Mapping[str, Any], words: Mapping[str, str]) -> list[str]:
    names = ("vat_id", "tax_registration", "registration")
    return [f"{words[name]}: {seller[name]}" for name in names if seller[name]]


def _addressed(address: Mapping[str, Any], language: str) -> list[str]:
    return [text for text in (address.get("name"), *address_lines(address, language)) if text]


def _elsewhere(buyer: Mapping[str, Any], language: str) -> list[str]:
    """Who receives it, when that is not the buyer."""
    ship_to = buyer["ship_to"]
    return [] if ship_to["name"] == buyer["name"] else _addressed(ship_to, language)


def _facts(document: Any, content: Mapping[str, Any], language: str) -> list[list[str]]:
    words = catalogue.words(language, "paper")
    handed_over = datetime.fromisoformat(content["parcel"]["handed_over_at"])
    facts = [
        [words["number"], document.number],
        [words["date"], day(document.issued_on, language)],
    ]
    if document.kind == "credit_note":
        corrects = content["corrects"]
        issued_on = datetime.fromisoformat(corrects["issued_on"])
        text = f"{corrects['number']} {words['issued_on']} {day(issued_on, language)}"
        facts.append([words["corrects"], text])
    else:
        facts.append([words["supplied"], day(handed_over, language)])
    order = content["order"]["external_id"]
    return [*facts, [words["order"], f"{order} / {content['parcel']['number']}"]]


def _row(
    row: Mapping[str, Any], content: Mapping[str, Any], currency: str, language: str
) -> dict[str, str]:
    about = content["names"].get(str(row["line_no"]), {})
    is_goods = row["kind"] == "goods"
    return {
        "name": about["name"]
        if is_goods
        else catalogue.words(language, "paper")[f"charge.{row['kind']}"],
        "sku": about.get("sku", ""),
        "units": str(row["units"]) if is_goods else "",
        "price": amount(row["price_minor"], currency, language) if is_goods else "",
        "discount": amount(-row["discount_minor"], currency, language)
        if row["discount_minor"]
        else "",
        "rate": percent(row["rate_ppm"], language),
        "net": amount(row["net_minor"], currency, language),
    }


def _taxes(bill: Mapping[str, Any], currency: str, language: str) -> list[list[str]]:
    return [
        [
            percent(tax["rate_ppm"], language),
            amount(tax["base_minor"], currency, language),
            amount(tax["tax_minor"], currency, language),
        ]
        for tax in bill["taxes"]
    ]


def _sums(document: Any, bill: Mapping[str, Any], language: str) -> dict[str, Any]:
    words, currency = catalogue.words(language, "paper"), document.currency
    net = sum(tax["base_minor"] for tax in bill["taxes"])
    taxed = sum(tax["tax_minor"] for tax in bill["taxes"])
    above = [[words["net_total"], net], [words["tax_amount"], taxed]]
    if bill["rounding_minor"]:
        above.append([words["rounding"], bill["rounding_minor"]])
    name = words["total"] if document.kind == "invoice" else words["credited"]
    paid = document.content.get("paid", [])
    return {
        "above": [[label, amount(value, currency, language)] for label, value in above],
        "total": [f"{name} {currency}", amount(bill["total_minor"], currency, language)],
        "paid": [
            [f"{words['paid']}: {words['paid.' + each['kind']]}",
             amount(each["amount_minor"], currency, language)]
            for each in paid
        ],
    }  # fmt: skip


def _notes(seller: Mapping[str, Any], bill: Mapping[str, Any]) -> list[str]:
    is_taxed = any(tax["rate_ppm"] for tax in bill["taxes"])
    why = [seller["exemption"]] if seller["exemption"] and not is_taxed else []
    return [*why, *seller["legal_lines"]]


def packing_slip_view(parcel: Any) -> dict[str, Any]:
    language = language_of(parcel.locale, parcel.language)
    words = catalogue.words(language, "paper")
    lines: Sequence[Mapping[str, Any]] = parcel.lines
    facts = [
        [words["order"], parcel.external_id],
        [words["placed"], day(parcel.placed_at, language)],
        [words["parcel"], f"{parcel.number} {words['of']} {parcel.parcels}"],
    ]
    if parcel.tracking_number:
        facts.append([words["tracking"], parcel.tracking_number])
    return {
        "language": language,
        "words": words,
        "title": f"{words['packing_slip']} {parcel.fulfillment_id}",
        "day": _numbers(parcel.placed_at),
        "seller": [parcel.legal_name or parcel.channel_name],
        "location": [parcel.location_name, *address_lines(parcel.location_address, language)],
        "ship_to": _addressed(parcel.ship_to, language),
        "facts": facts,
        "rows": [
            {"sku": each["sku"], "name": each["name"], "units": str(each["units"])}
            for each in lines
        ],
        "units": str(sum(each["units"] for each in lines)),
    }
