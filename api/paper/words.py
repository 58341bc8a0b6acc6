"""What the papers say in each language, and how its readers write numbers and days."""

from datetime import date
from typing import Final

from domain.money import format_minor

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "invoice": "Invoice", "credit_note": "Credit note", "packing_slip": "Packing slip",
        "number": "Number", "date": "Date of issue", "supplied": "Date of supply", "order": "Order",
        "placed": "Ordered on", "parcel": "Parcel", "of": "of", "corrects": "Corrects invoice",
        "issued_on": "of", "buyer": "Bill to", "ship_to": "Ship to", "from": "From",
        "vat_id": "VAT ID", "tax_registration": "Tax registration", "registration": "Registration",
        "item": "Item", "sku": "SKU", "units": "Units", "price": "Unit price",
        "discount": "Discount", "tax": "Tax", "net": "Net", "net_total": "Net total",
        "rounding": "Rounding", "total": "Total", "credited": "Total credited",
        "paid": "Paid", "due": "Amount due", "rate": "Rate", "base": "Taxable amount",
        "tax_amount": "Tax amount", "page": "Page", "tracking": "Tracking number",
        "packed": "Packed", "charge.shipping": "Shipping", "charge.financing": "Financing",
        "charge.discount": "Discount", "charge.other": "Other charges",
        "charge.adjustment": "Adjustment", "charge.partial": "Part of the invoice",
        "paid.card": "Card", "paid.bank_slip": "Bank slip", "paid.debit": "Debit",
        "paid.store_credit": "Store credit", "paid.manual": "Paid elsewhere",
    },
    "es": {
        "invoice": "Factura", "credit_note": "Factura rectificativa",
        "packing_slip": "Albarán de entrega", "number": "Número", "date": "Fecha de expedición",
        "supplied": "Fecha de la entrega", "order": "Pedido", "placed": "Pedido el",
        "parcel": "Bulto", "of": "de", "corrects": "Rectifica la factura", "issued_on": "del",
        "buyer": "Facturar a", "ship_to": "Enviar a", "from": "Remitente", "vat_id": "NIF-IVA",
        "tax_registration": "Registro fiscal", "registration": "Registro mercantil",
        "item": "Artículo", "sku": "Referencia", "units": "Unidades", "price": "Precio",
        "discount": "Descuento", "tax": "Impuesto", "net": "Importe", "net_total": "Base total",
        "rounding": "Redondeo", "total": "Total", "credited": "Total abonado", "paid": "Pagado",
        "due": "Importe pendiente", "rate": "Tipo", "base": "Base imponible",
        "tax_amount": "Cuota", "page": "Página", "tracking": "Número de seguimiento",
        "packed": "Preparado", "charge.shipping": "Envío", "charge.financing": "Financiación",
        "charge.discount": "Descuento", "charge.other": "Otros cargos",
        "charge.adjustment": "Ajuste", "charge.partial": "Parte de la factura",
        "paid.card": "Tarjeta", "paid.bank_slip": "Boleto bancario", "paid.debit": "Débito",
        "paid.store_credit": "Saldo de tienda", "paid.manual": "Pagado aparte",
    },
    "pt": {
        "invoice": "Fatura", "credit_note": "Nota de crédito", "packing_slip": "Guia de remessa",
        "number": "Número", "date": "Data de emissão", "supplied": "Data da entrega",
        "order": "Pedido", "placed": "Pedido em", "parcel": "Volume", "of": "de",
        "corrects": "Corrige a fatura", "issued_on": "de", "buyer": "Faturar a",
        "ship_to": "Enviar para", "from": "Remetente", "vat_id": "NIF / IVA",
        "tax_registration": "Registo fiscal", "registration": "Registo comercial",
        "item": "Artigo", "sku": "Referência", "units": "Unidades", "price": "Preço unitário",
        "discount": "Desconto", "tax": "Imposto", "net": "Valor", "net_total": "Total sem imposto",
        "rounding": "Arredondamento", "total": "Total", "credited": "Total creditado",
        "paid": "Pago", "due": "Valor em dívida", "rate": "Taxa", "base": "Base tributável",
        "tax_amount": "Imposto", "page": "Página", "tracking": "Código de rastreio",
        "packed": "Conferido", "charge.shipping": "Portes", "charge.financing": "Financiamento",
        "charge.discount": "Desconto", "charge.other": "Outros encargos",
        "charge.adjustment": "Ajuste", "charge.partial": "Parte da fatura",
        "paid.card": "Cartão", "paid.bank_slip": "Boleto bancário", "paid.debit": "Débito",
        "paid.store_credit": "Crédito da loja", "paid.manual": "Pago à parte",
    },
}  # fmt: skip
# What stands between thousands and before decimals: the decimals' own sign is never a full stop
# where a full stop parts thousands.
_SIGNS: Final = {"en": (",", "."), "es": (".", ","), "pt": (".", ",")}
_PER_PERCENT: Final = 10_000
_MINUS: Final = "\N{MINUS SIGN}"


def amount(amount_minor: int, currency: str, language: str) -> str:
    """Write an amount as a reader of the language does, without its currency."""
    thousands, decimal = _SIGNS[language]
    whole, _, decimals = format_minor(abs(amount_minor), currency).partition(".")
    grouped = f"{int(whole):,}".replace(",", thousands)
    sign = _MINUS if amount_minor < 0 else ""
    return f"{sign}{grouped}{decimal}{decimals}" if decimals else f"{sign}{grouped}"


def percent(rate_ppm: int, language: str) -> str:
    whole, rest = divmod(rate_ppm, _PER_PERCENT)
    decimals = f"{rest:04}".rstrip("0")
    text = f"{whole}{_SIGNS[language][1]}{decimals}" if decimals else str(whole)
    return f"{text}\N{NO-BREAK SPACE}%"


def day(of: date, language: str) -> str:
    """The month stands in letters in English, where the order of the numbers is not agreed on."""
    return f"{of.day} {of:%b} {of.year}" if language == "en" else f"{of:%d/%m/%Y}"
