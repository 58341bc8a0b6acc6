"""Every refusal of the API as problem details (RFC 9457), from one table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from fastapi.responses import JSONResponse
from prometheus_client import Counter
from pydantic import BaseModel, ConfigDict, Field

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = "Retry-After"


class Kind(StrEnum):
    INVALID_JSON = "invalid_json"
    INVALID_REQUEST = "invalid_request"
    INVALID_CURSOR = "invalid_cursor"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    TOO_OFTEN = "too_often"
    CONTENT_DIFFERS = "content_differs"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    STILL_IN_PROGRESS = "still_in_progress"
    REJECTED_INPUT = "rejected_input"
    REFUSED_ADDRESS = "refused_address"
    REFUSED_STOCK = "refused_stock"
    REFUSED_PAYMENT = "refused_payment"
    EXPIRED_PAYMENT = "expired_payment"
    CANCELLED = "cancelled"
    NOT_STARTED = "not_started"
    WRONG_STATE = "wrong_state"
    TOO_LATE = "too_late"
    WRONG_QUANTITIES = "wrong_quantities"
    WRONG_CODE = "wrong_code"
    UNKNOWN_EXCEPTION = "unknown_exception"
    NOT_PERMITTED = "not_permitted"
    STALE_VERSION = "stale_version"
    IN_USE = "in_use"
    NOT_RETURNABLE = "not_returnable"
    NOT_CHANGEABLE = "not_changeable"
    BAD_SIGNATURE = "bad_signature"
    UNREADABLE_WEBHOOK = "unreadable_webhook"
    OVERLOADED = "overloaded"
    UNAVAILABLE = "unavailable"
    INTERNAL_ERROR = "internal_error"


# What each refusal says by itself. Final ones end a placement: they are what a repeat hears too.
TABLE: Final[dict[Kind, tuple[int, str]]] = {
    Kind.INVALID_JSON: (400, "The body is no JSON"),
    Kind.INVALID_REQUEST: (422, "The request is not as described"),
    Kind.INVALID_CURSOR: (400, "The cursor does not belong to this list"),
    Kind.UNAUTHORIZED: (401, "A valid API key is needed"),
    Kind.FORBIDDEN: (403, "The API key lacks a scope"),
    Kind.NOT_FOUND: (404, "There is no such thing"),
    Kind.METHOD_NOT_ALLOWED: (405, "The method is not supported here"),
    Kind.TOO_LARGE: (413, "The body is too large"),
    Kind.TOO_SLOW: (408, "The body did not come in time"),
    Kind.TOO_OFTEN: (429, "Asked too often"),
    Kind.CONTENT_DIFFERS: (409, "This order is already here with another content"),
    Kind.IDEMPOTENCY_KEY_REUSED: (422, "The idempotency key belongs to another request"),
    Kind.STILL_IN_PROGRESS: (409, "The first request with this idempotency key is still running"),
    Kind.REJECTED_INPUT: (422, "The order cannot be accepted as it is"),
    Kind.REFUSED_ADDRESS: (422, "The address cannot be delivered to"),
    Kind.REFUSED_STOCK: (409, "Not enough stock"),
    Kind.REFUSED_PAYMENT: (402, "The payment was declined"),
    Kind.EXPIRED_PAYMENT: (402, "The payment did not come in time"),
    Kind.CANCELLED: (409, "The order was cancelled while it was placed"),
    Kind.NOT_STARTED: (404, "This is not under way yet"),
    Kind.WRONG_STATE: (409, "Not in this state"),
    Kind.TOO_LATE: (409, "Too late for this"),
    Kind.WRONG_QUANTITIES: (422, "Other quantities were expected"),
    Kind.WRONG_CODE: (422, "The code does not fit"),
    Kind.UNKNOWN_EXCEPTION: (404, "No such exception waits"),
    Kind.NOT_PERMITTED: (409, "This resolution is not permitted"),
    Kind.STALE_VERSION: (409, "It has changed since"),
    Kind.IN_USE: (409, "Others refer to it"),
    Kind.NOT_RETURNABLE: (422, "These goods cannot be returned"),
    Kind.NOT_CHANGEABLE: (409, "The order cannot be changed like this"),
    Kind.BAD_SIGNATURE: (401, "The signature does not fit"),
    Kind.UNREADABLE_WEBHOOK: (422, "The webhook cannot be read"),
    Kind.OVERLOADED: (503, "Too much at once"),
    Kind.UNAVAILABLE: (503, "Temporarily unavailable"),
    Kind.INTERNAL_ERROR: (500, "Something went wrong on our side"),
}
# Refusals of the moment: nothing was done, and the same request may succeed after so long.
RETRY_AFTER_S: Final[dict[Kind, int]] = {
    Kind.STILL_IN_PROGRESS: 1,
    Kind.TOO_OFTEN: 1,
    Kind.OVERLOADED: 2,
    Kind.UNAVAILABLE: 2,
}
# How the workflows' validators refuse an update, by the type of their error.
BY_ERROR_TYPE: Final[dict[str, Kind]] = {
    "WrongQuantities": Kind.WRONG_QUANTITIES,
    "WrongState": Kind.WRONG_STATE,
    "TooLate": Kind.TOO_LATE,
    "UnknownException": Kind.UNKNOWN_EXCEPTION,
    "NotPermitted": Kind.NOT_PERMITTED,
    "UnknownReason": Kind.INVALID_REQUEST,
}
# How a placement can end in the refusal of the order.
BY_OUTCOME: Final[dict[str, Kind]] = {
    "rejected_input": Kind.REJECTED_INPUT,
    "refused_address": Kind.REFUSED_ADDRESS,
    "refused_stock": Kind.REFUSED_STOCK,
    "refused_payment": Kind.REFUSED_PAYMENT,
    "expired_payment": Kind.EXPIRED_PAYMENT,
    "cancelled": Kind.CANCELLED,
}
BY_STATUS: Final[dict[int, Kind]] = {
    400: Kind.INVALID_JSON,
    404: Kind.NOT_FOUND,
    405: Kind.METHOD_NOT_ALLOWED,
}

_RETRY_AFTER_HEADER: Final = {
    "description": "seconds until it is worth asking again",
    "schema": {"type": "integer", "minimum": 1},
}


PROBLEMS: Final = Counter("oms_http_problems", "Requests that were refused, by why.", ["code"])


class FieldError(BaseModel):
    pointer: str = Field(description="JSON pointer into the body, or a parameter's name")
    detail: str


class ProblemBody(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:cauce:problem:invalid_request",
                "title": "The request is not as described",
                "status": 422,
                "code": "invalid_request",
                "detail": "1 fault",
                "errors": [
                    {"pointer": "/lines/0/quantity", "detail": "Input should be greater than 0"}
                ],
            }
        },
    )
    type: str
    title: str
    status: int
    code: Kind
    detail: str
    errors: list[FieldError] | None = None
    order_id: str | None = None
    outcome: str | None = None


@dataclass
class Problem(Exception):
    """Raised by handlers; `more` joins the body."""

    kind: Kind
    detail: str
    more: dict[str, Any] | None = None
    headers: dict[str, str] | None = None

    @property
    def status(self) -> int:
        return TABLE[self.kind][0]

    def body(self) -> dict[str, Any]:
        status, title = TABLE[self.kind]
        return {
            "type": f"urn:cauce:problem:{self.kind}",
            "title": title,
            "status": status,
            "code": str(self.kind),
            "detail": self.detail,
            **(self.more or {}),
        }

    def response(self) -> JSONResponse:
        PROBLEMS.labels(self.kind.value).inc()
        headers = dict(self.headers or {})
        if self.kind in RETRY_AFTER_S:
            headers.setdefault(RETRY_AFTER, str(RETRY_AFTER_S[self.kind]))
        return JSONResponse(
            self.body(), status_code=self.status, headers=headers, media_type=MEDIA_TYPE
        )


def invalid(errors: list[dict[str, str]]) -> Problem:
    """Several faults of one request, each with its place."""
    count = f"{len(errors)} fault{'s' if len(errors) != 1 else ''}"
    return Problem(Kind.INVALID_REQUEST, count, {"errors": errors})


def documented(*kinds: Kind) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI lists these problems among a route's responses."""
    by_status: dict[int, list[Kind]] = {}
    for kind in kinds:
        by_status.setdefault(TABLE[kind][0], []).append(kind)
    return {status: _response(same) for status, same in sorted(by_status.items())}


def _response(kinds: list[Kind]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    response = {
        "description": " ".join(f"`{kind}`: {TABLE[kind][1]}." for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if not RETRY_AFTER_S.keys().isdisjoint(kinds):
        response["headers"] = {RETRY_AFTER: _RETRY_AFTER_HEADER}
    return response
