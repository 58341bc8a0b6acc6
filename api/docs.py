"""The API's description: OpenAPI, and a page that shows it without asking anybody else."""

from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from api.problems import Kind, ProblemBody, documented

TITLE: Final = "Cauce"
VERSION: Final = "0.1.0"
SUMMARY: Final = "Orders from placement to delivery: place them, follow them, help them along."
DESCRIPTION: Final = """\
Every operation but health and the signed webhooks needs an API key:
`Authorization: Bearer oms_…`, made by `oms keys create`. Each operation names the scope it needs.

Money is whole minor units with an ISO 4217 currency. Every refusal is a problem document
(RFC 9457) with a stable `code`. Lists are read page by page: give `next_cursor` back as `cursor`.
A write may carry an `Idempotency-Key`: its repeat hears the same answer.

A key that asks too often is answered 429; under overload, or when the database is away, the answer
is 503. Both say in `Retry-After` when to send the same request again, with the same key.
"""
_TAGS: Final = [
    {"name": "orders", "description": "Placing, finding, reading and cancelling orders."},
    {"name": "holds", "description": "What an order waits for, and letting it go on."},
    {"name": "fulfillments", "description": "What each location picks, packs and hands over."},
    {"name": "documents", "description": "Invoices, credit notes and packing slips."},
    {
        "name": "returns",
        "description": "What comes back: asked for, received, looked at, and what is given for it.",
    },
    {"name": "exceptions", "description": "What waits for a person, and the decision about it."},
    {
        "name": "reconciliation",
        "description": "Where our books and others' differ, with both sides.",
    },
    {"name": "stock", "description": "Levels, and what may be sold with its explanation."},
    {
        "name": "catalogue",
        "description": "Products, locations, channels, pools, carriers' accounts; bulk imports.",
    },
    {"name": "subscriptions", "description": "Merchants' webhooks: who is told of which events."},
    {
        "name": "dead letters",
        "description": "What could not be told, to anybody, and was given up.",
    },
    {"name": "audit", "description": "Who changed what, and why."},
    {"name": "webhooks", "description": "Receivers of the vendors' signed events."},
    {"name": "health", "description": "For supervisors and probes."},
]
# Any operation may answer these; those behind a key the second list too.
_ANYWHERE: Final = (Kind.INTERNAL_ERROR, Kind.UNAVAILABLE, Kind.OVERLOADED)
_BEHIND_A_KEY: Final = (Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.TOO_OFTEN)
_WITH_A_BODY: Final = (Kind.INVALID_JSON, Kind.TOO_LARGE, Kind.TOO_SLOW)
router: Final = APIRouter(include_in_schema=False)


@router.get("/docs", response_class=HTMLResponse)
@router.get("/", response_class=HTMLResponse)
async def docs_page() -> str:
    return files("api").joinpath("docs_page.html").read_text("utf-8")


def describe(app: FastAPI) -> None:
    """Write the OpenAPI document, with our problems in place of the framework's."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _schema(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schema(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=TITLE,
        version=VERSION,
        summary=SUMMARY,
        description=DESCRIPTION,
        routes=app.routes,
        tags=_TAGS,
    )
    schemas = schema["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs"))
    schemas["ProblemBody"] = problem
    for path in schema["paths"].values():
        for operation in path.values():
            _add_problems(operation)
    return schema


def _add_problems(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for response in responses.values():
        if response["description"] == "Successful Response":
            response["description"] = "As asked"
    invalid = str(responses.get("422", ""))
    if "HTTPValidationError" in invalid:
        responses["422"] = documented(Kind.INVALID_REQUEST)[422]
    kinds = list(_ANYWHERE)
    if operation.get("security"):
        kinds += _BEHIND_A_KEY
    if "requestBody" in operation:
        kinds += _WITH_A_BODY
    for status, response in documented(*kinds).items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))
