"""Says in one line what went wrong outside: a database or a Temporal that is away or not set up.

Neither the address's password nor a statement's values are repeated.
"""

from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from temporalio.service import RPCError, RPCStatusCode

_NO_TABLE = "42P01"
# What the settings or the cluster cause; the rest would be our mistake.
_TEMPORAL_OUTSIDE = frozenset(
    {
        RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED,
    }
)  # fmt: skip


def explain(error: Exception) -> str | None:
    """None for what only a developer can mend: its traceback is needed."""
    if isinstance(error, RPCError):
        return f"Temporal: {error}" if error.status in _TEMPORAL_OUTSIDE else None
    if isinstance(error, OperationalError):
        return f"the database does not answer: {_first_line(error)}"
    if isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", "") == _NO_TABLE:
        return "the database has no tables of this version yet: run `oms migrate`"
    return None


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]
