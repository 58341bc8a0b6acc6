"""What customers and staff are told: which message, to whom, with which facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from string import Template
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox import mail_opt_outs
from db.stores import outbox
from domain.collection import collection_code
from domain.money import format_minor
from domain.order_link import order_token

# Facts that are a day, in ISO 8601.
_DAYS: Final = frozenset({"from", "by", "due"})
# A message that an earlier version posted lacks these: the line that needs one is left out.
_LATER_FACTS: Final = frozenset({"total", "amount", "due", "label", "code", "collection_code"})

# Subject and text of each message; $name is taken from its facts.
TEMPLATES: Final[Mapping[str, tuple[str, str]]] = {
    "order_confirmed": (
        "Your order $order is confirmed",
        (
            "Hello $name,\n\nthank you. Your order $order is confirmed and should reach you\n"
            "between $from and $by.\n"
            "Total: $total\n"
            "We will write again when it ships.\n"
        ),
    ),
    "backorder_confirmed": (
        "Your order $order is confirmed",
        (
            "Hello $name,\n\nthank you. Your order $order is confirmed. Not all of it is in stock "
            "just now:\nwe send what is missing as soon as it is back, at the latest on $by.\n"
            "Total: $total\n"
            "We will write again when it ships.\n"
        ),
    ),
    "pickup_confirmed": (
        "Your order $order is confirmed",
        (
            "Hello $name,\n\nthank you. Your order $order is confirmed.\nTotal: $total\n"
            "We will write again as soon as you can collect it.\n"
        ),
    ),
    "pickup_ready": (
        "Your order $order is ready",
        (
            "Hello $name,\n\nyour order $order is ready. You can collect it until $by here:\n"
            "$store\nPlease bring this code: $collection_code\n"
        ),
    ),
    "pickup_reminder": (
        "Your order $order waits for you",
        (
            "Hello $name,\n\nyour order $order still waits for you until $by here:\n"
            "$store\nPlease bring this code: $collection_code\n"
        ),
    ),
    "not_collected": (
        "Your order $order was not collected",
        (
            "Hello $name,\n\nyour order $order was not collected in time and is cancelled. "
            "What was held or paid is given back.\n"
        ),
    ),
    "slip_issued": (
        "Please pay the bank slip for your order $order",
        (
            "Hello $name,\n\nwe hold your order $order until its bank slip is paid:\n$voucher\n"
            "Amount: $amount\n"
            "Please pay by $due.\n"
        ),
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
            "given back. The rest is as it was.\n"
        ),
    ),
    "order_changed": (
        "Your order $order was changed",
        (
            "Hello $name,\n\nyour order $order was changed as you wished. What you paid too much,\n"
            "$amount, is not charged or is given back.\n"
        ),
    ),
    "order_changed_up": (
        "Your order $order was changed",
        (
            "Hello $name,\n\nyour order $order was changed as you wished. $amount more is charged "
            "when it ships.\n"
        ),
    ),
    "address_changed": (
        "Your order $order goes to another address",
        (
            "Hello $name,\n\nas you wished, your order $order goes to the address that you gave us "
            "last.\nIf that was not you, please write to us at once.\n"
        ),
    ),
    "parcel_intercepted": (
        "We have a parcel of your order $order brought back",
        (
            "Hello $name,\n\na parcel of your order $order is on its way. We have asked the "
            "carrier to bring it\nback; what you paid for it is given back once it turns round.\n"
        ),
    ),
    "backordered": (
        "Part of your order $order follows later",
        (
            "Hello $name,\n\na part of your order $order is out of stock just now. We send it as "
            "soon as it\nis back, at the latest on $by; the rest is as it was.\n"
        ),
    ),
    "parcel_delayed": (
        "Your order $order is late",
        (
            "Hello $name,\n\nyour parcel $tracking is slower than we promised: we now expect it "
            "by\n$by. There is nothing you need to do.\n"
        ),
    ),
    "parcel_replaced": (
        "We send your order $order once more",
        (
            "Hello $name,\n\nyour parcel $tracking did not reach you. We send the same goods "
            "once more;\nyou pay nothing for it.\n"
        ),
    ),
    "parcel_refunded": (
        "We refund a parcel of your order $order",
        (
            "Hello $name,\n\nyour parcel $tracking did not reach you. What you paid for it is "
            "given back.\n"
        ),
    ),
    "shipped": (
        "Your order $order is on its way",
        (
            "Hello $name,\n\na parcel of your order $order was handed to $carrier.\n"
            "Tracking number: $tracking\n"
        ),
    ),
    "out_for_delivery": (
        "Your order $order comes today",
        (
            "Hello $name,\n\n$carrier has a parcel of your order $order out for delivery.\n"
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
            "We give it back in full.\n"
        ),
    ),
    "refund_issued": (
        "We have refunded $amount of your order $order",
        (
            "Hello $name,\n\nwe have refunded $amount of your order $order, the way it was paid. "
            "Banks take up to ten days to show it.\n"
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
    "return_approved": (
        "How to return goods of your order $order",
        (
            "Hello $name,\n\nyour return $rma is approved.\n"
            "Print this label and put it on the parcel: $label\n"
            "Or show this code at a drop-off point: $code\n"
        ),
    ),
    "return_refused": (
        "Your return for order $order",
        "Hello $name,\n\nwe are sorry: your return $rma cannot be accepted: $reason\n",
    ),
    "return_received": (
        "Your return for order $order has arrived",
        "Hello $name,\n\nyour return $rma has arrived. We will look at it and write again.\n",
    ),
    "return_never_arrived": (
        "Your return for order $order did not arrive",
        (
            "Hello $name,\n\nyour return $rma has not arrived and is closed. "
            "If you still want to send the goods back, please ask for a new return.\n"
        ),
    ),
    "return_rejected": (
        "Your return for order $order was not accepted",
        (
            "Hello $name,\n\nwe have looked at your return $rma and cannot accept the goods. "
            "Please write to us if you disagree.\n"
        ),
    ),
    "return_refunded": (
        "The refund for your return of order $order",
        "Hello $name,\n\nfor your return $rma we have given back $amount.\n",
    ),
    "credit_issued": (
        "Your store credit for the return of order $order",
        "Hello $name,\n\nfor your return $rma you have a store credit of $amount.\nCode: $code\n",
    ),
}


FOR_STAFF: Final = frozenset({"exception_overdue", "reconciliation_tasks"})
# What a customer may do without; the others say what happens to their goods and money.
OPTIONAL: Final = frozenset({"out_for_delivery", "delivered"})


@dataclass(frozen=True)
class OrderPages:
    """Where customers see their orders, and the secret that signs the links."""

    url: str
    secret: str

    def code(self, facts: Mapping[str, str]) -> dict[str, str]:
        """The code of the parcel that the facts speak of, if they are about collecting one."""
        parcel = facts.get("fulfillment")
        return {"collection_code": collection_code(parcel, self.secret)} if parcel else {}

    def link(self, order_id: str) -> str:
        return f"{self.url}/o/{order_token(order_id, self.secret)}"


async def post_mail(
    tx: AsyncConnection,
    order: Any,
    template: str,
    facts: Mapping[str, str] | None = None,
    part: str = "",
) -> None:
    """Post one message an event: `order` is the order's row, `part` tells parcels apart.

    What is optional is not told to those who want none of it.
    """
    if template in OPTIONAL and await mail_opt_outs.has(tx, order.channel, order.customer_email):
        return
    key = f"{order.order_id}:{template}{part and ':' + part}"
    total = written_amount(order.total_minor, order.currency)
    data = {"name": order.customer_name, "order": order.external_id, "total": total}
    data |= facts or {}
    payload = {"to": order.customer_email, "template": template, "facts": data}
    await outbox.post(tx, key, "email", order.order_id, payload)


def written_amount(amount_minor: int, currency: str) -> str:
    return f"{format_minor(amount_minor, currency)} {currency}"


def compose(
    key: str, payload: Mapping[str, Any], sender: str, at: datetime, page: str | None = None
) -> EmailMessage:
    """Write the message; its Message-ID comes from the key, so that a repeat can be told.

    `page` is the address of the order's page.
    """
    template = payload["template"]
    subject, text = TEMPLATES[template]
    facts = _spelled(payload["facts"])
    message = EmailMessage()
    message["From"] = sender
    message["To"] = payload["to"]
    message["Date"] = at
    message["Subject"] = Template(subject).substitute(facts)
    message["Message-ID"] = f"<{key.replace(':', '.')}@{sender.rpartition('@')[2].strip('>')}>"
    lines = [Template(line) for line in text.splitlines(keepends=True)]
    lacking = _LATER_FACTS - facts.keys()
    written = [line.substitute(facts) for line in lines if not lacking & {*line.get_identifiers()}]
    if page is not None and template not in FOR_STAFF:
        written.append(f"\nYour order: {page}\n")
        if template in OPTIONAL:
            _offer_to_stop(message, page)
    message.set_content("".join(written))
    return message


def _offer_to_stop(message: EmailMessage, page: str) -> None:
    """Source: https://www.rfc-editor.org/rfc/rfc8058 (one click, no login)."""
    message["List-Unsubscribe"] = f"<{page}/unsubscribe>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"


def _spelled(facts: Mapping[str, str]) -> dict[str, str]:
    """Days as people read them, whatever their country's order of day and month."""
    days = {name: date.fromisoformat(facts[name]) for name in _DAYS & facts.keys()}
    return {
        **facts,
        **{name: f"{day:%A}, {day.day} {day:%B} {day.year}" for name, day in days.items()},
    }
