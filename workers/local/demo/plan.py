"""Says what a demo run sets up, places and expects, before anything is running."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from domain.address import Address

DELIVERED: Final = "delivered"
CANCELLED: Final = "cancelled"
REJECTED_INPUT: Final = "rejected_input"
REFUSED_ADDRESS: Final = "refused_address"
REFUSED_PAYMENT: Final = "refused_payment"
REFUSED_STOCK: Final = "refused_stock"
EXPIRED_PAYMENT: Final = "expired_payment"
LOST: Final = "lost"
# In the order in which the report and the summary name them.
ENDS: Final = (
    DELIVERED, CANCELLED, REJECTED_INPUT, REFUSED_PAYMENT, REFUSED_STOCK, REFUSED_ADDRESS,
    EXPIRED_PAYMENT, LOST,
)  # fmt: skip
# What a payment vendor holds; store credit and manual tenders are the merchant's own books.
VENDOR_TENDERS: Final = frozenset({"card", "bank_slip", "debit"})

Way = Literal["api", "shopify"]


@dataclass(frozen=True)
class Location:
    location: str
    pool: str
    name: str
    address: Address
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Channel:
    channel: str
    name: str
    kind: Literal["api", "shopify"]
    pool: str
    currencies: tuple[str, ...]
    buffer: int = 0
    seller: str | None = None
    undeliverable: Literal["refuse", "hold"] = "refuse"
    fraud_policy: dict[str, Any] | None = None
    on_loss: Literal["ask", "reship", "refund"] = "ask"
    decides_up_to_minor: int = 0


@dataclass(frozen=True)
class Seller:
    """Who sells by law; the address has the fields of the import file."""

    seller: str
    legal_name: str
    address: dict[str, str]
    language: Literal["en", "es", "pt"]
    time_zone: str
    vat_id: str | None = None
    tax_registration: str | None = None
    registration: str | None = None
    legal_lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    available_from: str | None = None


@dataclass(frozen=True)
class StockLevel:
    location: str
    sku: str
    on_hand: int


@dataclass(frozen=True)
class StoreCredit:
    code: str
    currency: str
    balance_minor: int


@dataclass(frozen=True)
class Setup:
    """What has to be known before the first order: the content of an `oms import` file."""

    pools: tuple[str, ...]
    locations: tuple[Location, ...]
    channels: tuple[Channel, ...]
    products: tuple[Product, ...]
    stock: tuple[StockLevel, ...]
    store_credits: tuple[StoreCredit, ...] = ()
    sellers: tuple[Seller, ...] = ()
    return_policies: tuple[dict[str, Any], ...] = ()

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    def units(self) -> Counter[str]:
        """All units of each SKU, wherever they lie."""
        given: Counter[str] = Counter()
        for level in self.stock:
            given[level.sku] += level.on_hand
        return given


@dataclass(frozen=True)
class PlannedOrder:
    """One order to place; `due_minor` is what payment vendors hold of it once it is delivered."""

    order_id: str
    channel: str
    external_id: str
    way: Way
    document: dict[str, Any]
    currency: str
    due_minor: int
    units: dict[str, int]
    expected: frozenset[str]
    # What its returns give back; below zero, what is charged for an exchange.
    back_minor: int = 0
    # What goes wrong with it, by its key; the people of that path act on it.
    path: str = ""

    @property
    def to_be_cancelled(self) -> bool:
        return CANCELLED in self.expected

    def relaxed(self) -> "PlannedOrder":
        """The same order where stock is scarce: whatever needs stock may find none."""
        if not self.expected & {DELIVERED, CANCELLED}:
            return self
        return replace(self, expected=self.expected | {REFUSED_STOCK})

    def delayed(self) -> "PlannedOrder":
        """The same order where machines stop in between: a slip paid late may then be in time."""
        if EXPIRED_PAYMENT not in self.expected:
            return self
        return replace(self, expected=self.expected | {DELIVERED})


@dataclass(frozen=True)
class Plan:
    setup: Setup
    orders: tuple[PlannedOrder, ...]
    title: str = ""
    rejects: tuple["Reject", ...] = field(default=())

    def expected_ends(self) -> Counter[str]:
        """How many orders should end how, where exactly one end is right."""
        return Counter(next(iter(o.expected)) for o in self.orders if len(o.expected) == 1)


@dataclass(frozen=True)
class Reject:
    """A row of a file that could not be used; the header is row 1."""

    file: str
    row: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, row {self.row}: {self.reason}"


def vendor_due_minor(tenders: Iterable[dict[str, Any]]) -> int:
    return sum(t["amount_minor"] for t in tenders if t["kind"] in VENDOR_TENDERS)


def units_of(lines: Iterable[dict[str, Any]]) -> dict[str, int]:
    units: Counter[str] = Counter()
    for line in lines:
        units[line["sku"]] += line["quantity"]
    return dict(units)


def planned(document: dict[str, Any], expected: str) -> PlannedOrder:
    """Plan one canonical document, to be placed over `POST /orders`."""
    channel, external_id = document["channel"], document["external_id"]
    return PlannedOrder(
        order_id=f"{channel}-{external_id}",
        channel=channel,
        external_id=external_id,
        way="api",
        document=document,
        currency=document["currency"],
        due_minor=vendor_due_minor(document["tenders"]),
        units=units_of(document["lines"]),
        expected=frozenset({expected}),
    )
