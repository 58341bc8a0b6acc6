"""The audit: reads the database, Temporal and the vendors' ledgers, and says where they differ."""

import asyncio
from collections.abc import Iterable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from activities.reconciling import money, parcels, stories
from activities.reconciling.violation import Violation
from db.engine import make_engine
from workers.audit import facts
from workers.audit.facts import Facts
from workers.audit.vendors import Books, Ledger, ledger_of
from workers.credentials import with_stored_credentials
from workers.settings import Settings
from workers.temporal import connect
from workers.wiring import open_gateways

__all__ = ["Audit", "Violation", "run_audit"]

# What looks wrong is looked at again: an order may just have been between two of the three.
LOOKS: Final = 3
PAUSE_S: Final = 2.0
POOL_SIZE: Final = 2


async def run_audit(settings: Settings) -> list[Violation]:
    """Return what is violated at every one of several looks; writes nothing.

    Raises: UserError when Temporal or the sandbox cannot be asked.
    """
    engine = make_engine(settings.require_database_url(), pool_size=POOL_SIZE)
    try:
        settings = await with_stored_credentials(settings, engine)
        client = await connect(settings)
        async with open_gateways(settings) as gateways:
            ledger = ledger_of(settings, gateways)
            return await Audit(engine, client, ledger, settings.shopify_channel).run()
    finally:
        await engine.dispose()


class Audit:
    """`channel`: the code of the shop whose channel's ledger can be read."""

    def __init__(self, engine: AsyncEngine, client: Client, ledger: Ledger, channel: str) -> None:
        self._engine = engine
        self._client = client
        self._ledger = ledger
        self._channel = channel

    async def run(self, *, pause_s: float = PAUSE_S) -> list[Violation]:
        """Look until nothing is found, or the same was found every time."""
        found = _by_name(await self.look())
        for _ in range(LOOKS - 1):
            if not found:
                break
            await asyncio.sleep(pause_s)
            again = _by_name(await self.look())
            found = {name: again[name] for name in found if name in again}
        return sorted(found.values(), key=str)

    async def look(self) -> list[Violation]:
        """The database first: what moves on meanwhile makes the others look ahead, for a moment."""
        seen = await facts.read(self._engine)
        runs = await stories.compare(self._client, seen.unfinished)
        books = await self._ledger.read(seen.money, seen.labels)
        in_motion = {order.order_id for order in seen.unfinished.open_orders} | runs.late
        return [
            *seen.own,
            *(closing for closing in seen.closings if closing.subject not in runs.late),
            *runs.violations,
            *self._vendors(seen, books, in_motion),
        ]

    def _vendors(self, seen: Facts, books: Books, in_motion: set[str]) -> list[Violation]:
        found = money.compare(
            seen.money,
            books.payments,
            is_whole=books.payments_whole,
            begun=seen.begun_keys,
            in_motion=in_motion,
        )
        found += parcels.compare_labels(
            (row for row in seen.labels if row.vendor_shipment_id not in books.silent),
            books.labels,
            is_whole=books.labels_whole,
        )
        if books.pushes is not None:
            found += parcels.compare_pushes(seen.pushes, books.pushes, self._channel)
        found += [Violation("vendor_answers", what, said) for what, said in books.silent.items()]
        return found


def _by_name(violations: Iterable[Violation]) -> dict[tuple[str, str], Violation]:
    return {(violation.rule, violation.subject): violation for violation in violations}
