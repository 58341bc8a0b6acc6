"""Escalation: what waits for a person too long is written to its owner, daily while it waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from temporalio import activity

from db.stores import escalation, outbox

# One sweep; the next goes on where it stopped.
BATCH: Final = 200
MOST_LISTED: Final = 20


@dataclass(frozen=True)
class Addressees:
    """Whom to write to, and where the API is; `default` is for every owner without an own one."""

    api_url: str = ""
    default: str | None = None
    by_owner: Mapping[str, str] = field(default_factory=dict)

    def address(self, owner: str) -> str | None:
        return self.by_owner.get(owner, self.default)


NOBODY: Final = Addressees()


class EscalationActivities:
    def __init__(self, engine: AsyncEngine, addressees: Addressees) -> None:
        self._engine = engine
        self._to = addressees

    @activity.defn
    async def escalate(self, again_after_s: float) -> int:
        """Write about overdue exceptions and open tasks; what is marked is told, both or neither.

        Without an address nothing is marked, so that all of it is told once there is one.
        """
        owners = None if self._to.default else list(self._to.by_owner)
        async with self._engine.begin() as tx:
            overdue = await escalation.overdue_exceptions(tx, owners, again_after_s, BATCH)
            for exception in overdue:
                await self._tell_of_exception(tx, exception)
            tasks: Sequence[Any] = ()
            if self._to.default:
                tasks = await escalation.open_tasks(tx, again_after_s)
            if tasks:
                await self._tell_of_tasks(tx, tasks)
            return len(overdue) + len(tasks)

    async def _tell_of_exception(self, tx: AsyncConnection, exception: Any) -> None:
        facts = {
            "exception": exception.exception_id,
            "order": exception.order_id,
            "step": exception.step,
            "reason": exception.reason,
            "deadline": exception.deadline.isoformat(timespec="minutes"),
            "resolutions": ", ".join(exception.resolutions),
            "link": f"{self._to.api_url}/exceptions/{exception.exception_id}",
        }
        key = f"{exception.exception_id}:overdue:{exception.escalations}"
        to = self._to.address(exception.owner)
        payload = {"to": to, "template": "exception_overdue", "facts": facts}
        await outbox.post(tx, key, "email", None, payload)

    async def _tell_of_tasks(self, tx: AsyncConnection, tasks: Sequence[Any]) -> None:
        """One message about all of them: one fault makes many differences."""
        tasks = sorted(tasks, key=lambda task: task.task_id)
        lines = [f"{task.kind}: {task.subject}" for task in tasks[:MOST_LISTED]]
        facts = {
            "count": str(len(tasks)),
            "tasks": "\n".join(lines),
            "link": f"{self._to.api_url}/reconciliation-tasks?state=open",
        }
        key = f"reconciliation:{tasks[0].task_id}:{tasks[0].escalated_at.timestamp():.0f}"
        payload = {"to": self._to.default, "template": "reconciliation_tasks", "facts": facts}
        await outbox.post(tx, key, "email", None, payload)
