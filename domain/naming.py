"""How the runs of orders, parcels and returns are named in Temporal."""

from typing import Final

# Lines of exchanges are numbered from here: above any order's own.
EXCHANGE_LINES_FROM: Final = 10_001


def order_workflow_id(order_id: str) -> str:
    return f"order-{order_id}"


def fulfillment_workflow_id(order_id: str, number: int) -> str:
    return f"order-{order_id}/f/{number}"


def return_workflow_id(order_id: str, number: int) -> str:
    return f"order-{order_id}/r/{number}"


def return_id(order_id: str, number: int) -> str:
    """The number of a return authorization (RMA), as customers and staff read it."""
    return f"{order_id}-r{number}"


def run_of_return(rma: str) -> str:
    order_id, _, number = rma.rpartition("-r")
    return return_workflow_id(order_id, int(number))
