"""Stripe's errors in Stripe's words; each knows whether its idempotency key remembers it."""

from typing import Any, Final

from sandbox.calls import Refused, Reply

DOCS: Final = "https://stripe.com/docs/error-codes/"


class Remembered(Refused):
    """A refusal that came from carrying the request out: the same key gets it again."""


def envelope(kind: str, message: str, **detail: Any) -> dict[str, Any]:
    error = {"type": kind, "message": message, **detail}
    error = {key: value for key, value in error.items() if value is not None}
    if "code" in error:
        error["doc_url"] = DOCS + error["code"].replace("_", "-")
    return {"error": error}


def invalid(
    message: str, *, code: str | None = None, param: str | None = None, status: int = 400
) -> Refused:
    """A request that failed validation; nothing ran."""
    return Refused(
        Reply(envelope("invalid_request_error", message, code=code, param=param), status)
    )


def missing(what: str, key: str, param: str) -> Refused:
    return invalid(f"No such {what}: '{key}'", code="resource_missing", param=param, status=404)


def unauthorized(message: str) -> Refused:
    return invalid(message, status=401)


def refused(message: str, code: str, **detail: Any) -> Remembered:
    """The request ran and could not be done in this state."""
    return Remembered(Reply(envelope("invalid_request_error", message, code=code, **detail), 400))


def declined(message: str, code: str, decline_code: str, **detail: Any) -> Reply:
    body = envelope("card_error", message, code=code, decline_code=decline_code, **detail)
    return Reply(body, 402)


def other_parameters(key: str) -> Refused:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first"
        f" used with. Try using a key other than '{key}' if you meant to execute a different"
        " request."
    )
    return Refused(Reply(envelope("idempotency_error", message), 400))


def in_use(key: str) -> Reply:
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably"
        " means you submitted twice, and the other request is still going through):"
        f" {key}. Please try again later."
    )
    return Reply(envelope("idempotency_error", message, code="idempotency_key_in_use"), 409)
