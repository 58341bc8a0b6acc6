"""What customers are told of an order: which message, to whom, with which facts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.inbox import mail_opt_outs
from db.stores import outbox
from domain.money import format_minor
from wording.kinds import OPTIONAL


async def post_mail(
    tx: AsyncConnection,
    order: Any,
    template: str,
    facts: Mapping[str, Any] | None = None,
    part: str = "",
) -> None:
    """Post one message an event: `order` is the order's row, or a part's with what mails say of
    its order; `part` tells parcels apart.

    Facts are written plainly, days in ISO 8601 and amounts by `written_amount`: how its reader
    writes them is decided when the mail is. What is optional is not told to those who want none
    of it.
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
