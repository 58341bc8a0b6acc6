"""A bill in the figures of EN 16931: amounts of at most two decimals, and a VAT category each."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from domain.invoicing import tax_on
from domain.money import exponent, format_minor

Category = Literal["S", "Z", "E", "O"]
# Source: EN 16931-1, BR-DEC-*.
_MOST_DECIMALS: Final = 2
# Rows that are invoice lines; others are allowances and charges of the whole document.
_LINES: Final = frozenset({"goods", "partial"})


@dataclass(frozen=True)
class Item:
    """A line, or an allowance (negative) or charge of the document; amounts in `Figures.unit`s."""

    row: Mapping[str, Any]
    net: int
    discount: int = 0


@dataclass(frozen=True)
class Figures:
    """Everything sums exactly: rounding is where the standard has its place, BT-114.

    `sums` are BT-106 to BT-115 without those of zero; `taxes` are rate, base and tax.
    """

    currency: str
    decimals: int
    lines: tuple[Item, ...]
    extras: tuple[Item, ...]
    taxes: tuple[tuple[int, int, int], ...]
    line_total: int
    charge_total: int
    allowance_total: int
    tax_total: int
    rounding: int
    total: int

    @property
    def basis_total(self) -> int:
        return self.line_total + self.charge_total - self.allowance_total

    def written(self, amount: int) -> str:
        sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(self.decimals + 1, "0")
        cut = len(digits) - self.decimals
        return f"{sign}{digits[:cut]}.{digits[cut:]}" if self.decimals else f"{sign}{digits}"

    def price(self, price_minor: int) -> str:
        """A unit price may be finer than other amounts."""
        return format_minor(price_minor, self.currency)


def figures_of(bill: Mapping[str, Any], currency: str) -> Figures:
    rows: Sequence[Mapping[str, Any]] = bill["rows"]
    items = [_item(row, currency) for row in rows]
    lines = tuple(item for item in items if item.row["kind"] in _LINES) or tuple(items)
    extras = tuple(item for item in items if item not in lines)
    taxes = _taxes(items)
    line_total = sum(item.net for item in lines)
    charges = sum(item.net for item in extras if item.net > 0)
    allowances = -sum(item.net for item in extras if item.net < 0)
    tax_total = sum(tax for _, _, tax in taxes)
    total = _coarse(bill["total_minor"], currency)
    return Figures(
        currency=currency,
        decimals=min(exponent(currency), _MOST_DECIMALS),
        lines=lines,
        extras=extras,
        taxes=taxes,
        line_total=line_total,
        charge_total=charges,
        allowance_total=allowances,
        tax_total=tax_total,
        rounding=total - (line_total + charges - allowances + tax_total),
        total=total,
    )


def _item(row: Mapping[str, Any], currency: str) -> Item:
    if row["kind"] != "goods":
        return Item(row, _coarse(row["net_minor"], currency))
    discount = _coarse(row["discount_minor"], currency)
    return Item(row, _coarse(row["units"] * row["price_minor"], currency) - discount, discount)


def _coarse(amount_minor: int, currency: str) -> int:
    """Round to two decimals, half away from zero, what has more."""
    step: int = 10 ** max(exponent(currency) - _MOST_DECIMALS, 0)
    size = (2 * abs(amount_minor) + step) // (2 * step)
    return -size if amount_minor < 0 else size


def _taxes(items: Iterable[Item]) -> tuple[tuple[int, int, int], ...]:
    bases: defaultdict[int, int] = defaultdict(int)
    for item in items:
        bases[item.row["rate_ppm"]] += item.net
    return tuple((rate, base, tax_on(base, rate)) for rate, base in sorted(bases.items()))


def category(rate_ppm: int, bill: Mapping[str, Any], seller: Mapping[str, Any]) -> Category:
    """Standard, zero rated, exempt, or outside the scope of VAT.

    Outside is only who has no number of any tax, and then the whole document: beside a taxed row
    there are no exempt ones either, since nobody said which law would exempt them.
    Source: EN 16931-1, BR-S-*, BR-Z-*, BR-E-*, BR-O-*.
    """
    if rate_ppm:
        return "S"
    if any(row["rate_ppm"] for row in bill["rows"]):
        return "Z"
    if not (seller["vat_id"] or seller["tax_registration"]):
        return "O"
    return "E" if seller["exemption"] else "Z"
