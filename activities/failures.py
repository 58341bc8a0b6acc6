"""Says in Temporal's words what a failure means, and keeps what it said out of Temporal.

The text of an error may name a customer: a vendor repeats an address, a database the row it
refuses. It is written down as a remark in our database; histories and logs get its kind.
"""

import logging
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from activities.connectors.errors import ConnectorError, Misconfigured, Rejected, Throttled
from db.inbox import remarks
from db.inbox.remarks import Remark
from domain.redaction import redact

log = logging.getLogger(__name__)


def translate(error: ConnectorError) -> ApplicationError:
    """A repeat is right for NotSent, Throttled and OutcomeUnknown (each verb follows its rule)."""
    kind = type(error).__name__
    told = f"{error.vendor}: {error.code or kind}"
    if isinstance(error, Throttled):
        return ApplicationError(
            told, type=kind, next_retry_delay=timedelta(seconds=error.retry_after_s)
        )
    final = isinstance(error, Rejected | Misconfigured)
    return ApplicationError(told, error.code, type=kind, non_retryable=final)


def _unexpected(error: Exception) -> ApplicationError:
    """Its kind, and where it happened; that it is ours to correct does not make it final."""
    kind = type(error).__name__
    return ApplicationError(kind, type=kind).with_traceback(error.__traceback__)


class _TranslateFailures(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, engine: AsyncEngine | None) -> None:  # noqa: A002
        super().__init__(next)
        self._engine = engine

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await super().execute_activity(input)
        except ConnectorError as error:
            await self._keep(error.vendor, str(error))
            raise translate(error) from None
        except FailureError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it says must not go on
            await self._keep("system", redact(f"{type(error).__name__}: {error}"))
            raise _unexpected(error) from None

    async def _keep(self, said_by: str, text: str) -> None:
        """Without its text an error is still an error: nothing here may hide it."""
        if self._engine is None:
            return
        info = activity.info()
        remark = Remark(info.workflow_id or "", info.activity_type, text)
        try:
            async with self._engine.begin() as tx:
                await remarks.keep(tx, remark, said_by)
        except (SQLAlchemyError, OSError) as away:
            log.warning("what %s said is lost: %s", said_by, type(away).__name__)


class FailureInterceptor(Interceptor):
    """Wraps every activity, local or not; without an engine, what others say is not kept."""

    def __init__(self, engine: AsyncEngine | None = None) -> None:
        self._engine = engine

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _TranslateFailures(super().intercept_activity(next), self._engine)
