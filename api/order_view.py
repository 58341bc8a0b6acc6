"""Turns an order's rows into what the API shows."""

from typing import Any, Final

from api.order_models import OrderItemView, OrderView, ReceivedView
from db.queries.orders import OrderItem
from db.queries.received import Received

_SHOWN: Final = 4


def item_view(item: OrderItem) -> OrderItemView:
    following = {
        "next_step": item.next and item.next.step,
        "next_deadline": item.next and item.next.deadline,
    }
    return OrderItemView.model_validate({**vars(item), **following})


def order_view(order: dict[str, Any]) -> OrderView:
    return OrderView.model_validate(
        {
            **order,
            "money": {"total_minor": order["total_minor"], **order["money"]},
            "customer": {
                "name": order["customer_name"],
                "email": order["customer_email"],
                "phone": order["customer_phone"],
            },
            "promise": _promise(order),
            "lines": [_line(line) for line in order["lines"]],
            "tenders": [_tender(tender) for tender in order["tenders"]],
            "timeline": _timeline(order),
        }
    )


def _promise(order: dict[str, Any]) -> dict[str, Any] | None:
    if order["promise_by"] is None:
        return None
    return {"earliest": order["promise_from"], "latest": order["promise_by"]}


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "open": line["quantity"] - line["cancelled"] - line["shipped"]}


def _tender(tender: dict[str, Any]) -> dict[str, Any]:
    """A store credit's code is money: whoever reads orders must not be able to spend it."""
    if tender["kind"] != "store_credit":
        return tender
    return {**tender, "reference": "…" + tender["reference"][-_SHOWN:]}


def _timeline(order: dict[str, Any]) -> list[dict[str, Any]]:
    events = [{"kind": "event", **event} for event in order["events"]]
    return [*events, {"kind": "next", **order["next"]}] if order["next"] else events


def received_view(received: Received) -> ReceivedView:
    order_id = f"{received.channel}-{received.external_id}"
    waits = {"of": order_id, "step": "admission", "deadline": received.next_attempt_at}
    return ReceivedView.model_validate(
        {
            **vars(received),
            "order_id": order_id,
            "outcome": "rejected_input" if received.is_rejected else None,
            "outcome_reason": received.reason,
            "next": None if received.is_rejected else waits,
        }
    )
