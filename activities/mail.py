"""What customers and staff are told: which message, to whom, with which facts."""

from collections.abc import Mapping
from email.message import EmailMessage
from string import Template
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.stores import outbox

# Subject and text of each message; $name is taken from its facts.
TEMPLATES: Final[Mapping[str, tuple[str, str]]] = {
    "order_confirmed": (
        "Your order $order is confirmed",
        (
            "Hello $name,\n\nthank you. Your order $order is confirmed and should reach you "
            "between $from and $by.\nWe will write again when it ships.\n"
        ),
    ),
    "slip_issued": (
        "Please pay the bank slip for your order $order",
        "Hello $name,\n\nwe hold your order $order until its bank slip is paid:\n$voucher\n",
    ),
    "order_refused": (
        "We could not accept your order $order",
        (
            "Hello $name,\n\nwe are sorry: your order $order could not be accepted: "
            "$reason.\nNothing is owed; what was held or paid is given back.\n"
        ),
    ),
    "order_cancelled": (
        "Your order $order is cancelled",
        "Hello $name,\n\nyour order $order is cancelled. What was held or paid is given back.\n",
    ),
    "partly_cancelled": (
        "Part of your order $order is cancelled",
        (
            "Hello $name,\n\na part of your order $order is cancelled and what was paid for it is "
            "given back. The rest is on its way.\n"
        ),
    ),
    "shipped": (
        "Your order $order is on its way",
        (
            "Hello $name,\n\na parcel of your order $order was handed to $carrier.\n"
            "Tracking number: $tracking\n"
        ),
    ),
    "delivered": (
        "Your order $order was delivered",
        "Hello $name,\n\nthe carrier says that your parcel $tracking was delivered.\n",
    ),
    "late_payment_refunded": (
        "Your payment for order $order is refunded",
        (
            "Hello $name,\n\nyour payment for order $order arrived after the order was closed. "
            "We have refunded it in full.\n"
        ),
    ),
    # To staff: nothing about the buyer.
    "exception_overdue": (
        "Overdue: $reason of order $order",
        (
            "The exception $exception was to be resolved by $deadline and is still open.\n"
            "Step: $step. Permitted: $resolutions.\n$link\n"
        ),
    ),
    "reconciliation_tasks": (
        "$count reconciliation tasks are open",
        "What differs between our books and others', or stands still:\n\n$tasks\n\n$link\n",
    ),
}


async def post_mail(
    tx: AsyncConnection,
    order: Any,
    template: str,
    facts: Mapping[str, str] | None = None,
    part: str = "",
) -> None:
    """Post one message an event: `order` is the order's row, `part` tells parcels apart."""
    key = f"{order.order_id}:{template}{part and ':' + part}"
    data = {"name": order.customer_name, "order": order.external_id, **(facts or {})}
    payload = {"to": order.customer_email, "template": template, "facts": data}
    await outbox.post(tx, key, "email", order.order_id, payload)


def compose(key: str, payload: Mapping[str, Any], sender: str) -> EmailMessage:
    """Write the message; its Message-ID comes from the key, so that a repeat can be told."""
    subject, text = TEMPLATES[payload["template"]]
    message = EmailMessage()
    message["From"] = sender
    message["To"] = payload["to"]
    message["Subject"] = Template(subject).substitute(payload["facts"])
    message["Message-ID"] = f"<{key.replace(':', '.')}@{sender.rpartition('@')[2].strip('>')}>"
    message.set_content(Template(text).substitute(payload["facts"]))
    return message
