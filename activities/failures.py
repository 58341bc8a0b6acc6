"""Says in Temporal's words what a connector's failure means: retry, retry later, refuse, ask."""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.connectors.errors import ConnectorError, Misconfigured, Rejected, Throttled

REJECTED = "Rejected"
MISCONFIGURED = "Misconfigured"


def translate(error: ConnectorError) -> ApplicationError:
    """A repeat is right for NotSent, Throttled and OutcomeUnknown (each verb follows its rule)."""
    kind = type(error).__name__
    if isinstance(error, Throttled):
        return ApplicationError(
            str(error), type=kind, next_retry_delay=timedelta(seconds=error.retry_after_s)
        )
    final = isinstance(error, Rejected | Misconfigured)
    return ApplicationError(str(error), error.code, type=kind, non_retryable=final)


class _TranslateFailures(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await super().execute_activity(input)
        except ConnectorError as error:
            raise translate(error) from error


class FailureInterceptor(Interceptor):
    """Wraps every activity, local or not."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _TranslateFailures(super().intercept_activity(next))
