"""Authorizing a return: approved, refused, called off; or closed when nothing ever came."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from activities.returning.standing import Standing, locked, mail, standing, tell
from db.inbox import remarks
from db.queries.return_facts import policy_of
from db.stores import exchanges, returns
from domain.tracking import TrackingStatus


@dataclass(frozen=True)
class Decide:
    """`within_s`: until the next step should be done."""

    rma: str
    actor: str = "system"
    within_s: float = 0.0


@dataclass(frozen=True)
class Opened:
    """What the story turns on.

    `has_parcel`: something is sent instead. `arrival_days`: None leaves it to the timings.
    """

    state: str
    outcome: str | None
    method: str
    resolution: str
    advance: bool
    has_parcel: bool
    arrival_days: int | None = None


class AuthorizationActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def open_return(self, rma: str) -> Opened:
        """Say where the return stands, and what its story turns on."""
        async with self._engine.begin() as tx:
            back = await locked(tx, rma)
            policy = await policy_of(tx, back.order_id)
            return Opened(
                back.state,
                back.outcome,
                back.method,
                back.resolution,
                back.advance,
                back.resolution in ("exchange", "replacement"),
                policy.arrival_days,
            )

    @activity.defn
    async def approve_return(self, decide: Decide) -> Standing:
        async with self._engine.begin() as tx:
            back = await locked(tx, decide.rma)
            if await returns.advance(tx, decide.rma, "approved", "return label", decide.within_s):
                await tell(tx, back, "ReturnApproved", decide.actor)
            return await standing(tx, decide.rma)

    @activity.defn
    async def refuse_return(self, decide: Decide) -> Standing:
        """The reason is in the person's own words: a remark, which the customer is told."""
        async with self._engine.begin() as tx:
            back = await locked(tx, decide.rma)
            if back.state == "requested" and await returns.close(tx, decide.rma, "refused"):
                reason = await remarks.find(tx, decide.rma, "refused")
                await tell(tx, back, "ReturnRefused", decide.actor)
                await mail(tx, back, "return_refused", reason=reason or "")
            return await standing(tx, decide.rma)

    @activity.defn
    async def cancel_return(self, decide: Decide) -> Standing:
        """Possible until goods are on their way, or something was sent instead of them."""
        async with self._engine.begin() as tx:
            back = await locked(tx, decide.rma)
            came = any(item.received for item in await returns.items(tx, decide.rma))
            moves = back.tracking_status not in (None, TrackingStatus.PENDING)
            is_sent = await exchanges.is_sent(tx, decide.rma)
            begun = came or moves or is_sent or back.method == "keep"
            if back.state == "requested" or (back.state == "approved" and not begun):
                await returns.close(tx, decide.rma, "cancelled")
                await tell(tx, back, "ReturnCancelled", decide.actor)
            return await standing(tx, decide.rma)
