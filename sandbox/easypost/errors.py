"""EasyPost's errors: one code, one message, and the fields at fault."""

from typing import Any

from sandbox.calls import Refused, Reply


def envelope(code: str, message: str, *errors: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "errors": list(errors)}}


def refused(code: str, message: str, *errors: Any, status: int = 422) -> Refused:
    return Refused(Reply(envelope(code, message, *errors), status))


def missing_field(field: str) -> Refused:
    return refused(
        "PARAMETER.REQUIRED",
        "Missing required parameter.",
        {"field": field, "message": "cannot be blank"},
    )


def not_found() -> Refused:
    return refused("NOT_FOUND", "The requested resource could not be found.", status=404)


def unauthorized() -> Refused:
    return refused(
        "APIKEY.INACTIVE",
        "This api key is no longer active. Please use a different api key or reactivate this key.",
        status=401,
    )
