"""A parcel's share of a card: authorized by itself, and made anew before it lapses."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from domain.timings import Timings
from workflows.desk import RETRY_OR_UNDO, Desk
from workflows.messages import FulfillmentInput
from workflows.settling import settle_all
from workflows.steps import money


@dataclass(frozen=True)
class Asked:
    """How a person is asked about a card that is declined."""

    step: str
    reason: str
    resolutions: tuple[str, ...] = RETRY_OR_UNDO


SHARE: Final = Asked("authorize share", "share_declined")


async def until_authorized(
    asked: Asked,
    take: Callable[[int], Awaitable[money.Taken]],
    is_authorized: Callable[[money.Taken], bool],
    desk: Desk,
    attempt: int = 1,
    is_moot: Callable[[], bool] = lambda: False,
) -> bool:
    """`take` by attempts, from the given one on, each begun when a person has it tried anew.

    False when the person skips it, or it is moot.
    Raises: Refused, when the person decides to undo.
    """
    while True:
        taken = await desk.attempt(asked.step, lambda: take(attempt), asked.resolutions, is_moot)  # noqa: B023 - awaited at once
        if taken is None:
            return False
        if is_authorized(taken):
            return True
        decision = await desk.ask(
            asked.step, asked.reason, taken.code or "", asked.resolutions, is_moot
        )
        if decision != "retry":
            return False
        attempt += 1


async def authorize_share(
    order_id: str, number: int, tender_no: int, desk: Desk, timings: Timings
) -> None:
    """Raises: Refused, when the person decides to undo."""
    take = _taking(order_id, number, tender_no, timings)
    await until_authorized(SHARE, take, _is_not_declined, desk)


async def renew_authorizations(
    part: FulfillmentInput, desk: Desk, is_moot: Callable[[int], bool]
) -> None:
    """Authorize anew what may lapse before the parcel leaves, and then void the old one.

    `is_moot` says that a tender need not be held any more.
    Raises: Refused, when it is declined and the person decides to undo.
    """
    for old in await money.lapsing_authorizations(part):
        if not is_moot(old.tender_no):
            await renew(part, old, desk, SHARE, partial(is_moot, old.tender_no))


async def renew(
    part: FulfillmentInput,
    old: money.OldAuthorization,
    desk: Desk,
    asked: Asked,
    is_moot: Callable[[], bool] = lambda: False,
) -> bool:
    """Authorize one share anew, and then void the old one; false when skipped, or it is moot.

    Raises: Refused, when it is declined and the person decides to undo.
    """
    take = _taking(part.order_id, part.number, old.tender_no, part.timings)
    if not await until_authorized(asked, take, _is_not_declined, desk, old.attempt, is_moot):
        return False
    due = money.Due("void", old.authorization_key, old.tender_no, old.amount_minor, part.number)
    await settle_all(part.order_id, (due,), desk, part.timings, is_moot)
    return True


def _taking(
    order_id: str, number: int, tender_no: int, timings: Timings
) -> Callable[[int], Awaitable[money.Taken]]:
    return lambda attempt: money.take(
        order_id, tender_no, "card", timings, fulfillment_number=number, attempt=attempt
    )


def _is_not_declined(taken: money.Taken) -> bool:
    return taken.state != "declined"
