"""A parcel's share of a card is authorized by itself, until it is held or a person gives it up."""

from domain.timings import Timings
from workflows.desk import Desk
from workflows.steps import money


async def authorize_share(
    order_id: str, number: int, tender_no: int, desk: Desk, timings: Timings
) -> None:
    """Raises: Refused, when the person decides to undo."""
    attempt = 1
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
