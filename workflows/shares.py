"""A parcel's share of a card: authorized by itself, and made anew before it lapses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.timings import Timings
from workflows.desk import Desk
from workflows.messages import FulfillmentInput
from workflows.settling import settle_all
from workflows.steps import money


@dataclass(frozen=True)
class Asked:
    """How a person is asked about a card that is declined."""

    step: str
    reason: str


async def until_authorized(
    asked: Asked,
    take: Callable[[int], Awaitable[money.Taken]],
    is_authorized: Callable[[money.Taken], bool],
    desk: Desk,
    attempt: int = 1,
) -> None:
    """`take` by attempts, from the given one on, each begun when a person has it tried anew.

    Raises: Refused, when the person decides to undo.
    """
    while True:
        taken = await desk.attempt(asked.step, lambda: take(attempt))  # noqa: B023 - awaited at once
        if taken is not None and is_authorized(taken):
            return
        code = taken.code if taken else None
        await desk.ask(asked.step, asked.reason, code or "", ("retry", "compensate"))
        attempt += 1


async def authorize_share(
    order_id: str, number: int, tender_no: int, desk: Desk, timings: Timings, attempt: int = 1
) -> None:
    """Raises: Refused, when the person decides to undo."""

    def take(attempt: int) -> Awaitable[money.Taken]:
        return money.take(
            order_id, tender_no, "card", timings, fulfillment_number=number, attempt=attempt
        )

    asked = Asked("authorize share", "share_declined")
    await until_authorized(asked, take, lambda taken: taken.state != "declined", desk, attempt)


async def renew_authorizations(part: FulfillmentInput, desk: Desk) -> None:
    """Authorize anew what may lapse before the parcel leaves, and then void the old one.

    Raises: Refused, when it is declined and the person decides to undo.
    """
    for old in await money.lapsing_authorizations(part):
        await authorize_share(
            part.order_id, part.number, old.tender_no, desk, part.timings, old.attempt
        )
        due = money.Due("void", old.authorization_key, old.tender_no, old.amount_minor, part.number)
        await settle_all(part.order_id, (due,), desk, part.timings)
