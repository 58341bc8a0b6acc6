"""The worker of a later version: its order's story has a step more, guarded by a patch.

Usage: python -m workers.local.prove.next_version FOLDER
"""

from collections.abc import Sequence
from typing import Any, Final

from temporalio import workflow

from workers.local.prove.worker import FaultyComposition, main
from workers.temporal import WORKFLOWS
from workflows.messages import OrderInput, OrderResult
from workflows.order import OrderWorkflow
from workflows.steps import money, placing

PATCH: Final = "look-before-routing"


@workflow.defn(name="OrderWorkflow")
class NextOrderWorkflow(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await super().run(order)

    async def _route(self, tenders: tuple[placing.TenderFact, ...]) -> tuple[placing.Planned, ...]:
        if workflow.patched(PATCH):
            await money.money_due(self._id)
        return await super()._route(tenders)


NEXT_WORKFLOWS: Final[Sequence[type[Any]]] = [
    NextOrderWorkflow if story is OrderWorkflow else story for story in WORKFLOWS
]


class NextComposition(FaultyComposition):
    workflows = NEXT_WORKFLOWS


if __name__ == "__main__":
    main(NextComposition)
