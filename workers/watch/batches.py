"""How many reservations share each transaction."""

from typing import Final

from prometheus_client import Histogram

ORDERS: Final = Histogram(
    "oms_reservation_batch_orders",
    "Orders whose stock was reserved in one transaction.",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
