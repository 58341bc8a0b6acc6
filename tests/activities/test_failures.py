"""What a failure says stays here: Temporal is told its kind, and where it happened."""

from typing import Any

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError, FailureError

from activities.connectors.errors import Misconfigured, OutcomeUnknown, Rejected, Throttled
from activities.failures import _TranslateFailures

NAME = "Ada Lovelace"


class Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    async def execute_activity(self, _: Any) -> None:
        raise self._error from KeyError(NAME)


ERRORS = {
    "Rejected": Rejected("easypost", f"no such person: {NAME}", "address_undeliverable"),
    "Misconfigured": Misconfigured("stripe", NAME),
    "OutcomeUnknown": OutcomeUnknown("stripe", NAME),
    "Throttled": Throttled("stripe", NAME, retry_after_s=1),
    "ValueError": ValueError(f"row of {NAME}"),
}


@pytest.mark.parametrize("kind", ERRORS)
async def test_nothing_of_the_text_goes_to_temporal(kind: str) -> None:
    with pytest.raises(ApplicationError) as raised:
        await _TranslateFailures(Failing(ERRORS[kind]), None).execute_activity(None)
    assert raised.value.type == kind
    failure = Failure()
    converter = DataConverter.default
    converter.failure_converter.to_failure(raised.value, converter.payload_converter, failure)
    assert NAME.encode() not in failure.SerializeToString()
    assert "execute_activity" in failure.stack_trace


async def test_an_error_that_is_temporals_own_passes() -> None:
    meant = ApplicationError("meant so", type="Refused")
    with pytest.raises(FailureError) as raised:
        await _TranslateFailures(Failing(meant), None).execute_activity(None)
    assert raised.value is meant
