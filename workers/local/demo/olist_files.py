"""Reads a folder of Olist tables as published; an order of which any row is bad is left out."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from workers.errors import UserError
from workers.local.demo.olist_rows import (
    CustomerRow,
    ItemRow,
    OrderRow,
    PaymentRow,
    SellerRow,
    parse_customer,
    parse_item,
    parse_order,
    parse_payment,
    parse_product,
    parse_seller,
)
from workers.local.demo.places import Centroids, parse_centroid
from workers.local.demo.plan import Product, Reject
from workers.local.demo.tables import Rejects, Row, find_table, read_table

ORDERS: Final = "olist_orders_dataset.csv"
ITEMS: Final = "olist_order_items_dataset.csv"
PAYMENTS: Final = "olist_order_payments_dataset.csv"
CUSTOMERS: Final = "olist_customers_dataset.csv"
PRODUCTS: Final = "olist_products_dataset.csv"
SELLERS: Final = "olist_sellers_dataset.csv"
CENTROIDS: Final = "zip_prefix_centroids.csv"

_PRODUCT_COLUMNS: Final = (
    "product_id", "product_category_name", "product_weight_g", "product_length_cm",
    "product_width_cm", "product_height_cm",
)  # fmt: skip
T = TypeVar("T")
PartT = TypeVar("PartT", ItemRow, PaymentRow)


@dataclass(frozen=True)
class Olist:
    """The good rows; `orders` by purchase time, then id."""

    orders: tuple[OrderRow, ...]
    items: dict[str, list[ItemRow]]
    payments: dict[str, list[PaymentRow]]
    customers: dict[str, CustomerRow]
    products: dict[str, Product]
    sellers: tuple[SellerRow, ...]
    centroids: Centroids
    rejects: tuple[Reject, ...]


def read_olist(folder: Path) -> Olist:
    """Raises: UserError for a table or a column that is missing."""
    return _Reader(folder).read()


class _Reader:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rejects = Rejects()
        self._damaged: set[str] = set()

    def read(self) -> Olist:
        customers = self._customers()
        numbered = self._orders(customers)
        orders = set(numbered)
        items = self._parts(
            ITEMS,
            ("order_id", "order_item_id", "product_id", "price", "freight_value"),
            parse_item,
            orders,
        )
        payments = self._parts(
            PAYMENTS,
            ("order_id", "payment_sequential", "payment_type", "payment_value"),
            parse_payment,
            orders,
        )
        products = self._optional(PRODUCTS, _PRODUCT_COLUMNS, parse_product)
        place = ("seller_zip_code_prefix", "seller_city", "seller_state")
        points = self._optional(CENTROIDS, ("zip", "lat", "lng", "city", "state"), parse_centroid)
        return Olist(
            orders=self._undamaged(numbered),
            items=items,
            payments=payments,
            customers=customers,
            products={product.sku: product for product in products},
            sellers=tuple(self._optional(SELLERS, place, parse_seller)),
            centroids=Centroids(points),
            rejects=tuple(self._rejects.rows),
        )

    def _path(self, name: str) -> Path:
        path = find_table(self._folder, name)
        if path is None:
            raise UserError(f"{self._folder} has no {name} (nor {name}.gz)")
        return path

    def _optional(self, name: str, columns: Sequence[str], parse: Callable[[Row], T]) -> list[T]:
        path = find_table(self._folder, name)
        if path is None:
            return []
        return [found for _, found in read_table(path, columns, parse, self._rejects)]

    def _customers(self) -> dict[str, CustomerRow]:
        columns = (
            "customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city",
            "customer_state",
        )  # fmt: skip
        rows = read_table(self._path(CUSTOMERS), columns, parse_customer, self._rejects)
        return {row.customer_id: row for _, row in rows}

    def _orders(self, customers: dict[str, CustomerRow]) -> dict[str, tuple[int, OrderRow]]:
        path = self._path(ORDERS)
        columns = ("order_id", "customer_id", "order_status", "order_purchase_timestamp")
        found: dict[str, tuple[int, OrderRow]] = {}
        for number, row in read_table(path, columns, parse_order, self._rejects):
            if row.order_id in found:
                self._rejects.add(path.name, number, f"order_id: a second {row.order_id}")
            elif row.customer_id not in customers:
                self._rejects.add(path.name, number, f"customer_id: unknown: {row.customer_id}")
            else:
                found[row.order_id] = (number, row)
        return found

    def _parts(
        self,
        name: str,
        columns: Sequence[str],
        parse: Callable[[Row], PartT],
        orders: set[str],
    ) -> dict[str, list[PartT]]:
        """The rows below the orders, by their number; an order with a bad one is noted."""
        found: dict[tuple[str, int], PartT] = {}

        def first(part: PartT) -> PartT:
            if (part.order_id, part.number) in found:
                raise ValueError(f"{columns[1]}: a second {part.number} of {part.order_id}")
            return part

        def accept(row: Row) -> None:
            try:
                part = first(parse(row))
            except ValueError:
                self._damaged.add(row["order_id"].strip())
                raise
            if part.order_id not in orders:
                raise ValueError(f"order_id: no usable order {part.order_id}")
            found[part.order_id, part.number] = part

        for _ in read_table(self._path(name), columns, accept, self._rejects):
            pass
        grouped: dict[str, list[PartT]] = defaultdict(list)
        for key in sorted(found):
            grouped[key[0]].append(found[key])
        return grouped

    def _undamaged(self, numbered: dict[str, tuple[int, OrderRow]]) -> tuple[OrderRow, ...]:
        """An order lacking a line or a payment would be another order: it is rejected whole."""
        for order_id in self._damaged & set(numbered):
            number, _ = numbered.pop(order_id)
            reason = f"{order_id}: an item or payment row of it was rejected"
            self._rejects.add(self._path(ORDERS).name, number, reason)
        rows = (row for _, row in numbered.values())
        return tuple(sorted(rows, key=lambda row: (row.purchased_at, row.order_id)))
