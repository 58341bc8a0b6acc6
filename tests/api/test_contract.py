"""The API's own promises: one problem table, a whole description, no 5xx for bad input."""

import json
from typing import Any, get_args

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator
from temporalio.client import Client

from api.app import ApiConfig, create_app
from api.fulfillment_models import State
from api.order_query import Outcome
from api.placement_models import EXAMPLE
from api.problems import BY_ERROR_TYPE, BY_OUTCOME, BY_STATUS, TABLE, Kind, Problem
from db.engine import make_engine
from db.inbox.keys import create_key
from db.tables import metadata
from domain.order import read_document
from tests.api.world import Api, caller

METHODS = ("get", "post", "put", "patch", "delete")


# -- the table


def test_every_kind_of_problem_has_its_status_and_title() -> None:
    assert set(TABLE) == set(Kind)
    for status, title in TABLE.values():
        assert 400 <= status <= 503
        assert title


def test_every_refusal_has_its_problem() -> None:
    refusals = set(get_args(Outcome)) - {"delivered", "lost"}
    assert set(BY_OUTCOME) == refusals
    assert {*BY_OUTCOME.values(), *BY_ERROR_TYPE.values(), *BY_STATUS.values()} <= set(Kind)


def test_a_problem_document_says_the_same_as_its_status() -> None:
    for kind in Kind:
        body = Problem(kind, "why").body()
        assert body["status"] == TABLE[kind][0]
        assert body["type"].endswith(body["code"])


# The words of the API are the database's.
@pytest.mark.parametrize(
    ("table", "column", "words"), [("orders", "outcome", Outcome), ("fulfillments", "state", State)]
)
def test_the_words_are_those_of_the_table(table: str, column: str, words: Any) -> None:
    rule = next(
        str(each.sqltext)
        for each in metadata.tables[table].constraints
        if each.name == f"ck_{table}_{column}_known"
    )
    assert {word.strip("' ") for word in rule[rule.index("(") + 1 : -1].split(",")} == set(
        get_args(words)
    )


# -- the description


@pytest.fixture(scope="session")
def schema(api: Api) -> Any:
    return api.app.openapi()


def _operations(schema: Any) -> Any:
    for path, operations in schema["paths"].items():
        for method in METHODS:
            if method in operations:
                yield f"{method} {path}", operations[method]


def test_every_operation_is_described(schema: Any) -> None:
    for name, operation in _operations(schema):
        assert operation["description"], name
        assert operation["tags"], name
        if operation.get("security"):
            assert "Scope: `" in operation["description"], name


def test_every_response_has_a_schema_and_problems_are_problems(schema: Any) -> None:
    for name, operation in _operations(schema):
        statuses = set(operation["responses"])
        assert {"500", "503"} <= statuses, name
        if operation.get("security"):
            assert {"401", "403"} <= statuses, name
        if operation["tags"] != ["health"]:
            assert "429" in statuses, name
        if "{" in name:  # a path that no id looks like
            assert "404" in statuses, name
        for status, response in operation["responses"].items():
            assert response["content"], f"{name} {status}"
            if status in ("429", "503"):
                assert "Retry-After" in response["headers"], f"{name} {status}"
            media = "application/problem+json" if int(status) >= 400 else _media_of(name)
            assert media in response["content"], f"{name} {status}"


def _media_of(name: str) -> str:
    """Papers and files say what they are by the end of their path."""
    if name.endswith("/export"):
        return "text/csv"
    suffix = name.rpartition(".")[2]
    if suffix == "csv":
        return "text/csv"
    return f"application/{suffix if suffix in ('pdf', 'xml', 'jsonl') else 'json'}"


def test_every_list_says_that_a_cursor_may_not_fit(schema: Any) -> None:
    for name, operation in _operations(schema):
        if any(each["name"] == "cursor" for each in operation.get("parameters", ())):
            assert "invalid_cursor" in operation["responses"]["400"]["description"], name


def test_the_framework_s_own_errors_are_not_described(schema: Any) -> None:
    assert "HTTPValidationError" not in json.dumps(schema)


def test_every_reference_leads_somewhere(schema: Any) -> None:
    known = {f"#/components/schemas/{name}" for name in schema["components"]["schemas"]}

    def references(part: Any) -> Any:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for value in part.values():
                yield from references(value)
        if isinstance(part, list):
            for value in part:
                yield from references(value)

    assert set(references(schema)) <= known


def test_the_example_is_an_order_by_schema_and_by_rule(schema: Any) -> None:
    whole = {"$ref": "#/components/schemas/NewOrder", "components": schema["components"]}
    OAS31Validator(whole).validate(EXAMPLE)
    read_document(EXAMPLE)


async def test_answers_fit_their_description(api: Api, schema: Any) -> None:
    order_id = await api.admitted("described")
    for path, name in (
        ("/orders", "OrderPage"),
        (f"/orders/{order_id}", "OrderView"),
        ("/fulfillments", "FulfillmentPage"),
        ("/exceptions", "ExceptionPage"),
        ("/stock", "LevelPage"),
        ("/webhook-subscriptions", "SubscriptionPage"),
        ("/dead-letters", "DeadLetterPage"),
        ("/orders/shop-nobody", "ProblemBody"),
    ):
        whole = {"$ref": f"#/components/schemas/{name}", "components": schema["components"]}
        OAS31Validator(whole).validate((await api.client.get(path)).json())


async def test_the_documentation_page_needs_nobody_else(api: Api) -> None:
    async with caller(api.app, None) as client:
        page = await client.get("/docs")
        described = await client.get("/openapi.json")
    assert page.status_code == described.status_code == 200
    for foreign in ('src="http', 'href="http', "url(http", "//cdn"):
        assert foreign not in page.text
    assert "/openapi.json" in page.text


# -- bad input that no schema describes: lone surrogates, numbers that are none

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spoiled_orders(draw: st.DrawFn) -> Any:
    """An order with something else somewhere."""
    order = json.loads(json.dumps(EXAMPLE)) | {"external_id": "fuzz-1"}
    where: Any = order
    path = draw(st.lists(st.integers(0, 20), min_size=1, max_size=3))
    for step in path[:-1]:
        keys = list(where) if isinstance(where, dict) else range(len(where))
        inner = where[list(keys)[step % len(keys)]] if keys else where
        where = inner if isinstance(inner, dict | list) and inner else where
    keys = list(where) if isinstance(where, dict) else list(range(len(where)))
    where[keys[path[-1] % len(keys)]] = draw(_json)
    return order


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(order=spoiled_orders())
async def test_no_order_makes_the_api_fail(api: Api, order: Any) -> None:
    content = json.dumps(order).encode()
    headers = {"Idempotency-Key": "fuzz", "Content-Type": "application/json"}
    answer = await api.client.post(
        "/orders", content=content, headers={**headers, "Prefer": "respond-async"}
    )
    assert answer.status_code in (202, 400, 409, 422), answer.text


async def test_another_method_is_refused(api: Api) -> None:
    answer = await api.client.delete("/orders")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"


# -- when others are away


async def test_health_and_readiness(api: Api) -> None:
    async with caller(api.app, None) as client:
        assert (await client.get("/health")).json() == {"status": "ok"}
        assert (await client.get("/ready")).json() == {"status": "ready"}


async def test_without_the_database_the_answer_is_503(worker: Client, config: ApiConfig) -> None:
    nowhere = make_engine("postgresql+psycopg://nobody@127.0.0.1:9/none", pool_size=1)
    app: FastAPI = create_app(engine=nowhere, temporal=worker, config=config)
    async with caller(app, "oms_000000000000_" + "0" * 64) as client:
        answer = await client.get("/orders")
        ready = await client.get("/ready")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert (ready.status_code, ready.json()["detail"]) == (503, "no answer from: database")
    assert "127.0.0.1" not in answer.text


async def test_without_temporal_an_order_is_accepted_all_the_same(
    api: Api, config: ApiConfig
) -> None:
    away = await Client.connect("127.0.0.1:9", lazy=True)
    app = create_app(engine=api.engine, temporal=away, config=config)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "away", ["admin"])
    async with caller(app, key.secret) as client:
        document = api.document()
        placed = await client.post("/orders", json=document, headers={"Idempotency-Key": "away"})
        cancelled = await client.post(
            f"/orders/{await api.admitted('away')}/cancel", json={"reason": "x"}
        )
        ready = await client.get("/ready")
    assert (placed.status_code, placed.json()["status"]) == (202, "accepted")
    assert (cancelled.status_code, cancelled.json()["code"]) == (503, "unavailable")
    assert ready.json()["detail"] == "no answer from: temporal"
    kept = await api.sql("SELECT 1 FROM inbox WHERE external_id = :e", e=document["external_id"])
    assert len(kept) == 1


async def test_an_unexpected_fault_tells_nothing_about_itself(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr("api.finding.orders.list_orders", break_down)
    answer = await api.client.get("/orders")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "42" not in answer.text
