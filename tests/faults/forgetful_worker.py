"""A worker whose order's story forgot an undo: what was reserved for a refused order stays so."""

from temporalio import workflow

from workers.local.prove.worker import FaultyComposition, main
from workers.temporal import WORKFLOWS
from workflows.messages import OrderInput, OrderResult
from workflows.order import OrderWorkflow
from workflows.steps import placing


@workflow.defn(name="OrderWorkflow")
class ForgetfulOrderWorkflow(OrderWorkflow):
    @workflow.init
    def __init__(self, order: OrderInput) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderInput) -> OrderResult:
        return await super().run(order)

    async def _reserve(self, tenders: tuple[placing.TenderFact, ...]) -> None:
        await super()._reserve(tenders)
        self._saga.dismiss()


class ForgetfulComposition(FaultyComposition):
    workflows = tuple(
        ForgetfulOrderWorkflow if each is OrderWorkflow else each for each in WORKFLOWS
    )


if __name__ == "__main__":
    main(ForgetfulComposition)
