"""How the runs of orders and parcels are named in Temporal."""


def order_workflow_id(order_id: str) -> str:
    return f"order-{order_id}"


def fulfillment_workflow_id(order_id: str, number: int) -> str:
    return f"order-{order_id}/f/{number}"
