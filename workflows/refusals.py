"""How a story turns: a business refusal is no failure, it ends the order with its outcome."""

from temporalio.exceptions import ApplicationError


class Refused(ApplicationError):
    """The order ends here; what was done for it is undone."""

    def __init__(self, outcome: str, reason: str | None = None) -> None:
        super().__init__(reason or outcome, type="Refused", non_retryable=True)
        self.outcome = outcome
        self.reason = reason


class OnHold(ApplicationError):
    """The database refuses what an open hold forbids: it is tried again when the hold has ended."""

    def __init__(self) -> None:
        super().__init__("the order is on hold", type="OnHold", non_retryable=True)


class OtherUnits(ApplicationError):
    """The order was changed before the warehouse reported; the run has not heard of it yet."""

    def __init__(self, text: str) -> None:
        super().__init__(text, type="WrongQuantities", non_retryable=True)


def reject(kind: str, text: str) -> ApplicationError:
    """Return the error by which a validator refuses an update; `kind` is for programs."""
    return ApplicationError(text, type=kind, non_retryable=True)
