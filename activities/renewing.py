"""Authorizations of cards lapse: which must be made anew, and as which try."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity

from db.stores import payments


@dataclass(frozen=True)
class Lapsing:
    fulfillment_id: str
    authorization_s: float  # how long an authorization is relied on


@dataclass(frozen=True)
class OldAuthorization:
    """An authorization that is let go of once there is another; `attempt` numbers that one."""

    authorization_key: str
    tender_no: int
    amount_minor: int
    attempt: int


class RenewingActivities:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @activity.defn
    async def lapsing_authorizations(self, about: Lapsing) -> tuple[OldAuthorization, ...]:
        async with self._engine.begin() as tx:
            found = await payments.lapsing(tx, about.fulfillment_id, about.authorization_s)
            return tuple(OldAuthorization(*old) for old in found)
