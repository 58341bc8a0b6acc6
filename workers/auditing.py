"""The audit: reads the database, Temporal and the vendors' ledgers, and says where they differ."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.connectors.errors import ConnectorError
from db.engine import make_engine
from db.queries import audit as facts
from workers.settings import Settings
from workers.temporal import connect
from workers.wiring import Gateways, open_gateways
from workflows.messages import order_workflow_id

# What looks wrong is looked at again: a step may just have been between the vendor and our record.
LOOKS: Final = 3
PAUSE_S: Final = 2.0
AT_ONCE: Final = 16


@dataclass(frozen=True)
class Violation:
    rule: str
    subject: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.detail}"


async def run_audit(settings: Settings) -> list[Violation]:
    """Return what is violated at every one of several looks; writes nothing."""
    engine = make_engine(settings.require_database_url(), pool_size=AT_ONCE)
    try:
        client = await connect(settings)
        async with open_gateways(settings) as gateways:
            audit = Audit(engine, client, gateways, _sandbox_url(settings))
            found = set(await audit.look())
            for _ in range(LOOKS - 1):
                if not found:
                    break
                await asyncio.sleep(PAUSE_S)
                found &= set(await audit.look())
            return sorted(found, key=str)
    finally:
        await engine.dispose()


def _sandbox_url(settings: Settings) -> str | None:
    """The sandbox keeps a ledger of all it was asked; a real vendor is asked order by order."""
    base = settings.stripe_url.removesuffix("/stripe")
    return base if base != settings.stripe_url else None


class Audit:
    def __init__(
        self, engine: AsyncEngine, client: Client, gateways: Gateways, sandbox_url: str | None
    ) -> None:
        self._engine = engine
        self._client = client
        self._gateways = gateways
        self._sandbox_url = sandbox_url
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def look(self) -> list[Violation]:
        async with self._engine.connect() as tx:
            own = [
                Violation(rule, str(row[0]), str(row[1]))
                for rule in facts.RULES
                for row in await facts.violations(tx, rule)
            ]
            open_orders = await facts.open_orders(tx)
            money = await facts.money_at_vendors(tx)
            labels = await facts.labels_at_vendors(tx)
        runs = await asyncio.gather(*(self._run(order_id) for order_id in open_orders))
        if self._sandbox_url is None:
            there = await asyncio.gather(*(self._payment(row) for row in money))
        else:
            there = [await self._ledger(money, labels)]
        return own + _flat(runs) + _flat(there) + await self._failed_runs()

    async def _run(self, order_id: str) -> list[Violation]:
        handle = self._client.get_workflow_handle(order_workflow_id(order_id))
        async with self._slots:
            try:
                status = (await handle.describe()).status
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                status = None
        if status is WorkflowExecutionStatus.RUNNING:
            return []
        said = status.name.lower() if status else "none"
        return [Violation("open_order_has_a_running_workflow", order_id, f"its run is: {said}")]

    async def _failed_runs(self) -> list[Violation]:
        """A Failed run means a bug, whichever order it was."""
        kinds = "'OrderWorkflow', 'FulfillmentWorkflow', 'LatePaymentWorkflow'"
        query = f"ExecutionStatus = 'Failed' AND WorkflowType IN ({kinds})"
        return [
            Violation("no_run_failed", run.id, run.run_id)
            async for run in self._client.list_workflows(query)
        ]

    async def _payment(self, row: Any) -> list[Violation]:
        """Ask the payment vendor about one authorization."""
        async with self._slots:
            try:
                state = await self._gateways.payment.retrieve(row.vendor_ref)
            except ConnectorError as error:
                return [Violation("vendor_knows_the_payment", row.vendor_ref, str(error))]
        if state.received_minor == row.captured_minor:
            return []
        detail = f"ours {row.captured_minor}, theirs {state.received_minor}"
        return [Violation("vendor_captured_what_we_say", row.authorization_key, detail)]

    async def _ledger(self, money: Iterable[Any], labels: Iterable[Any]) -> list[Violation]:
        async with httpx.AsyncClient(base_url=self._sandbox_url or "", timeout=60) as http:
            ledger = (await http.get("/_/ledger")).raise_for_status().json()
        return _payments_differ(money, ledger["payments"]) + _labels_differ(
            labels, ledger["labels"]
        )


def _flat(found: Iterable[list[Violation]]) -> list[Violation]:
    return [violation for some in found for violation in some]


def _payments_differ(ours: Iterable[Any], theirs: Iterable[dict[str, Any]]) -> list[Violation]:
    """Compare sums intent by intent; money there that we do not know of is a violation too."""
    known = {row.vendor_ref: row for row in ours}
    found = []
    for payment in theirs:
        row = known.pop(payment["intent"], None)
        mine = (0, 0) if row is None else (row.captured_minor, row.refunded_minor)
        there = (payment["captured_minor"], payment["refunded_minor"])
        if mine != there:
            detail = f"captured and refunded: ours {mine}, theirs {there}"
            found.append(Violation("vendor_sums_equal_ours", payment["intent"], detail))
        if payment["captures"] > 1:
            detail = f"{payment['captures']} captures"
            found.append(Violation("captured_once", payment["intent"], detail))
    found += [Violation("vendor_knows_the_payment", ref, "not in its ledger") for ref in known]
    return found


def _labels_differ(ours: Iterable[Any], theirs: Iterable[dict[str, Any]]) -> list[Violation]:
    known = {row.vendor_shipment_id: row for row in ours}
    found = []
    for label in theirs:
        row = known.pop(label["shipment"], None)
        if label["bought"] > 1:
            found.append(Violation("label_bought_once", label["shipment"], "bought twice"))
        if label["bought"] and row is None and not label["voided"]:
            detail = f"{label['reference']}: paid there, unknown here"
            found.append(Violation("vendor_labels_are_ours", label["shipment"], detail))
    found += [Violation("vendor_knows_the_label", ref, "not in its ledger") for ref in known]
    return found
