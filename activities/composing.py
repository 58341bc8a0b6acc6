"""Composes the message that is sent: headers, text and HTML; the same each time it is composed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from string import Template
from typing import Any, Final

from domain.brand import Brand
from domain.collection import collection_code
from domain.order_link import order_token
from wording.kinds import KINDS, OPTIONAL
from wording.mail import write

# Subject and text of each message to staff, in English: nothing about the buyer.
FOR_STAFF: Final[Mapping[str, tuple[str, str]]] = {
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


@dataclass(frozen=True)
class Manner:
    """How an order's mails are written: `locale` is the order's, `page` its page's address."""

    brand: Brand
    locale: str
    page: str | None = None


def compose(
    key: str, payload: Mapping[str, Any], sender: str, at: datetime, manner: Manner
) -> EmailMessage:
    """Its Message-ID comes from the key, so that a repeat can be told, whatever the brand is then.

    Raises: UndefinedError or KeyError for a fact that is not there.
    """
    message = EmailMessage()
    message["To"] = payload["to"]
    message["Date"] = at
    message["Message-ID"] = f"<{key.replace(':', '.')}@{sender.rpartition('@')[2].strip('>')}>"
    kind, facts = payload["template"], payload["facts"]
    if kind in KINDS:
        _to_customer(message, sender, kind, facts, manner)
        message.set_boundary(f"={hashlib.sha256(key.encode()).hexdigest()[:40]}=")
    else:
        subject, text = FOR_STAFF[kind]
        message["From"] = sender
        message["Subject"] = Template(subject).substitute(facts)
        message.set_content(Template(text).substitute(facts))
    return message


def _to_customer(
    message: EmailMessage, sender: str, kind: str, facts: Mapping[str, Any], manner: Manner
) -> None:
    letter = write(kind, facts, manner.brand, manner.locale, manner.page)
    message["From"] = _sender(manner.brand, sender)
    if manner.brand.support:
        message["Reply-To"] = Address(addr_spec=manner.brand.support)
    message["Subject"] = letter.subject
    if manner.page is not None and kind in OPTIONAL:
        _offer_to_stop(message, manner.page)
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")


def _sender(brand: Brand, default: str) -> Address | str:
    name, address = parseaddr(default)
    if brand.sender is None and brand.sender_name is None:
        return default
    return Address(display_name=brand.sender_name or name, addr_spec=brand.sender or address)


def _offer_to_stop(message: EmailMessage, page: str) -> None:
    """Source: https://www.rfc-editor.org/rfc/rfc8058 (one click, no login)."""
    message["List-Unsubscribe"] = f"<{page}/unsubscribe>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
