"""A vendor whose ledger nobody shows is asked about each thing we know."""

from typing import Any

from activities.connectors.carrier.port import Label
from activities.connectors.errors import NotSent, Throttled
from activities.connectors.payment.port import PaymentState, PaymentStatus
from activities.reconciling.lines import LabelLine
from tests.activities.reconciling.rows import TAKEN, found, label, ours
from workers.audit.vendors import Asking
from workers.wiring import Gateways


class Vendor:
    """Answers as an account would; `troubles` come first."""

    def __init__(self, answer: Any, *troubles: Exception) -> None:
        self._answer = answer
        self._troubles = list(troubles)

    async def retrieve(self, _: str) -> Any:
        if self._troubles:
            raise self._troubles.pop(0)
        return self._answer

    find_label = retrieve


def asking(payment: Any = None, carrier: Any = None) -> Asking:
    return Asking(Gateways(payment, carrier, {}))


async def test_a_vendor_without_a_ledger_is_asked_about_each_payment_and_waited_for() -> None:
    state = PaymentState("pi_1", PaymentStatus.CAPTURED, 1_000, 0, 900, "USD")
    vendor = Vendor(state, Throttled("stripe", "429", retry_after_s=0))
    (line,) = await asking(payment=vendor).payments([ours(**TAKEN)])
    assert (line.status, line.captured_minor, line.refunded_minor) == ("taken", 900, None)
    assert found(ours(**TAKEN), line) == []


async def test_a_vendor_without_a_ledger_is_asked_about_each_label() -> None:
    bought = Label("shp_1", "EZ1", "USPS", "Priority", 700, "USD", "https://l", "trk_1")
    (line,) = await asking(carrier=Vendor(bought)).labels([label()])
    assert line == LabelLine("shp_1", "EZ1", voided=False)
    assert await asking(carrier=Vendor(None)).labels([label()]) == []


async def test_what_a_vendor_did_not_answer_is_said() -> None:
    books = asking(payment=Vendor(None, NotSent("stripe", "no route")))
    assert await books.payments([ours()]) == []
    assert books.silent == {"pi_1": "stripe: no route"}


async def test_what_was_closed_long_ago_is_not_asked_again() -> None:
    assert await asking().payments([ours(is_recent=False)]) == []
