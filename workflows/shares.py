"""A parcel's share of a card: authorized by itself, and made anew before it lapses."""

from domain.timings import Timings
from workflows.desk import Desk
from workflows.messages import FulfillmentInput
from workflows.settling import settle_all
from workflows.steps import money


async def authorize_share(
    order_id: str, number: int, tender_no: int, desk: Desk, timings: Timings, attempt: int = 1
) -> None:
    """Raises: Refused, when the person decides to undo."""
    while True:
        taken = await desk.attempt(
            "authorize share",
            lambda: money.take(
                order_id,
                tender_no,
                "card",
                timings,
                fulfillment_number=number,
                attempt=attempt,  # noqa: B023 - awaited before it changes
            ),
        )
        if taken is not None and taken.state != "declined":
            return
        code = taken.code if taken else None
        await desk.ask("authorize share", "share_declined", code or "", ("retry", "compensate"))
        attempt += 1


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
