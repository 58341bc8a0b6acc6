"""News for what has closed: a slip paid late is refunded, a lost parcel that came is looked at."""

from temporalio import workflow

from workflows.desk import Desk, DeskMessages
from workflows.messages import AftermathInput, LateParcel
from workflows.settling import give_back_money
from workflows.steps import money


@workflow.defn
class LatePaymentWorkflow(DeskMessages):
    @workflow.init
    def __init__(self, late: AftermathInput) -> None:
        self._late = late
        self._desk = Desk(late.order_id, None, late.timings)

    @workflow.run
    async def run(self, late: AftermathInput) -> None:
        await money.settle_slip(late.order_id, late.tender_no, paid=True)
        # What is due of other tenders was skipped by a person before the order closed.
        its_own = workflow.patched("a-late-payment-is-given-back-alone")
        tender_no = late.tender_no if its_own else None
        await give_back_money(late.order_id, self._desk, late.timings, tender_no)
        await workflow.wait_condition(workflow.all_handlers_finished)


@workflow.defn
class LateParcelWorkflow(DeskMessages):
    """A written-off parcel was delivered: a person looks at it, and no money moves again."""

    @workflow.init
    def __init__(self, late: LateParcel) -> None:
        self._desk = Desk(late.order_id, late.fulfillment_id, late.timings)

    @workflow.run
    async def run(self, late: LateParcel) -> None:
        """override: the customer sends it back or pays for it elsewhere; skip: it is theirs."""
        del late
        await self._desk.ask(
            "late scan", "turned_up", "it was replaced or refunded before", ("skip", "override")
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
