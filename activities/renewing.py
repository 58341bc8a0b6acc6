"""Authorizations of cards lapse: which must be made anew, and as which try."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from db.stores import payments


@dataclass(frozen=True)
class Lapsing:
    fulfillment_id: str
    hold_s: float  # how long an authorization is relied on


@dataclass(frozen=True)
class OldHold:
    """An authorization that is let go of once there is another; `attempt` numbers that one."""

    authorization_key: str
    tender_no: int
    amount_minor: int
    attempt: int


class RenewingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def lapsing_holds(self, about: Lapsing) -> tuple[OldHold, ...]:
        async with self._engine.connect() as tx:
            found = await payments.lapsing(tx, about.fulfillment_id, about.hold_s)
            return tuple(OldHold(*hold) for hold in found)
