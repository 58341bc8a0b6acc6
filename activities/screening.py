"""Screening: which holds an order gets by rule as it is admitted, in the same transaction."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row
from db.stores import fraud, holds, orders
from db.stores.fraud import Assessment, Keys
from db.stores.holds import NewHold
from domain.fraud import Facts, Policy, is_disposable, read_policy, score
from domain.holds import placement_holds
from domain.order import OrderDocument

# Of the one review that rules ask for, whether ours or another scorer's.
REVIEW_KEY: Final = "placement:fraud_review"


@dataclass(frozen=True)
class Terms:
    """What the rules go by: the latest date of the order's goods, the channel's policy, times."""

    available_from: datetime | None
    fraud_policy: dict[str, Any] | None
    grace_s: float
    review_s: float


async def screen(tx: AsyncConnection, document: OrderDocument, terms: Terms) -> None:
    """Place what the rules ask for on an order whose row this transaction has written.

    As the order is written once, no rule is applied to it twice.
    """
    policy = read_policy(terms.fraud_policy)
    is_suspicious = policy is not None and await _assess(tx, document, policy)
    if not is_suspicious and terms.grace_s <= 0 and terms.available_from is None:
        return
    moment = await row(tx, "SELECT now() AS now")
    assert moment is not None
    asked = placement_holds(
        now=moment.now,
        available_from=terms.available_from,
        grace_s=terms.grace_s,
        review_s=terms.review_s,
        is_suspicious=is_suspicious,
    )
    for hold in asked:
        new = NewHold(hold.kind, f"placement:{hold.kind}", until=hold.until, within_s=hold.within_s)
        await place_once(tx, document.order_id, new)


async def place_once(tx: AsyncConnection, order_id: str, new: NewHold) -> None:
    """Place a hold on the locked order and tell of it, unless its key was used before."""
    if await holds.find(tx, order_id, new.key) is None:
        placed = await holds.place(tx, order_id, new)
        await orders.tell(tx, order_id, "HoldPlaced", actor=new.placed_by, data=told(placed))


def told(hold: Any) -> dict[str, Any]:
    """What the story says of a hold."""
    return {"hold": hold.kind, "number": hold.number}


async def _assess(tx: AsyncConnection, document: OrderDocument, policy: Policy) -> bool:
    """Score the order and write down why; whether a person must look."""
    keys = _keys(document)
    counted = await fraud.velocity(tx, keys)
    billed_in = document.customer_country
    facts = Facts(
        total_minor=document.total_minor,
        large_minor=policy.large_minor.get(document.currency),
        orders_of_customer=counted.of_customer,
        orders_to_address=counted.to_address,
        is_first_order=counted.is_first,
        countries_differ=billed_in is not None and billed_in != document.ship_to.country,
        mail_is_disposable=is_disposable(document.customer_email),
    )
    found = Assessment(score(facts), policy.review_from, asdict(facts))
    await fraud.insert(tx, document.order_id, keys, found)
    return found.score >= policy.review_from


def _keys(document: OrderDocument) -> Keys:
    """Spelling differs: case and spaces do not tell customers and addresses apart."""
    to = document.ship_to
    return Keys(
        customer=_hashed(document.customer_email),
        address=_hashed(to.line1, to.line2 or "", to.postal_code, to.country),
    )


def _hashed(*words: str) -> str:
    same = "\n".join("".join(word.lower().split()) for word in words)
    return hashlib.sha256(same.encode()).hexdigest()
