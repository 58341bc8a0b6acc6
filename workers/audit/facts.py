"""One moment of the database: what it violates by itself, and what others are asked about."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.reconciling import stories
from activities.reconciling.stories import Unfinished
from activities.reconciling.violation import Violation
from db.queries import audit

# Vendors without a ledger are asked one by one: about what was closed longer ago, no more.
VENDOR_DAYS: Final = 30


@dataclass(frozen=True)
class Facts:
    """All of one snapshot."""

    own: list[Violation]
    closings: list[Violation]
    unfinished: Unfinished
    money: list[Any]
    begun_keys: set[str]
    labels: list[Any]
    pushes: list[Any]


async def read(engine: AsyncEngine) -> Facts:
    async with audit.snapshot(engine) as tx:
        return Facts(
            own=[
                Violation(rule, str(row[0]), str(row[1]))
                for rule in audit.RULES
                for row in await audit.violations(tx, rule)
            ],
            closings=[
                Violation("closed_order_keeps_what_it_shipped", row[0], row[1])
                for row in await audit.unequal_closings(tx)
            ],
            unfinished=await stories.read_unfinished(tx),
            money=await audit.money_at_vendors(tx, VENDOR_DAYS),
            begun_keys=await audit.begun_keys(tx),
            labels=await audit.labels_at_vendors(tx, VENDOR_DAYS),
            pushes=await audit.channel_pushes(tx),
        )
