"""Judges Stripe's requests and objects by Stripe's own OpenAPI description."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

SPEC = "stripe/spec3.2023-09-12.oms-subset.json"
FORM = "application/x-www-form-urlencoded"


def nested(form: bytes) -> dict[str, Any]:
    """a[b]=1&c[0]=2 as {"a": {"b": "1"}, "c": {"0": "2"}}."""
    result: dict[str, Any] = {}
    for name, value in parse_qsl(form.decode(), keep_blank_values=True, strict_parsing=bool(form)):
        *path, leaf = re.findall(r"[^\[\]]+", name)
        at = result
        for step in path:
            at = at.setdefault(step, {})
        assert leaf not in at, f"{name} is sent twice"
        at[leaf] = value
    return result


def typed(value: Any, schema: dict[str, Any]) -> Any:
    """Form values have no types: read them as the schema would have them."""
    if "anyOf" in schema:
        kind = "object" if isinstance(value, dict) else "string"
        schema = next(
            (each for each in schema["anyOf"] if each.get("type") == kind), schema["anyOf"][0]
        )
    if schema.get("type") == "array" and isinstance(value, dict):
        return [typed(each, schema["items"]) for each in value.values()]
    if schema.get("type") == "object" and isinstance(value, dict):
        return {name: typed(each, _of_name(schema, name)) for name, each in value.items()}
    if schema.get("type") == "integer" and re.fullmatch(r"-?\d+", value):
        return int(value)
    if schema.get("type") == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def _of_name(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """Stripe refuses unknown fields; nested schemas do not say so by themselves."""
    properties = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    assert name in properties or isinstance(extra, dict), f"Stripe knows no field {name}"
    return properties.get(name, extra)


class StripeJudge:
    def __init__(self, spec: dict[str, Any]) -> None:
        self._spec = spec
        resource = Resource.from_contents(spec, default_specification=DRAFT4)
        self._registry = Registry().with_resource("urn:stripe", resource)

    def check_request(self, request: httpx.Request) -> dict[str, Any]:
        """The request's form, typed. Fails when Stripe's description does not allow it."""
        operation = self._operation(request.method.lower(), request.url.path)
        assert request.headers["Authorization"].startswith("Bearer ")
        assert request.headers["Stripe-Version"] == self._spec["info"]["version"].split(".")[0]
        if request.method == "GET":
            assert not request.content
            return self._check_query(operation, nested(request.url.query))
        assert request.headers["Idempotency-Key"]
        schema = operation["requestBody"]["content"][FORM]["schema"]
        if request.content:
            assert request.headers["Content-Type"] == FORM
        form = typed(nested(request.content), schema)
        self._validate(schema, form)
        return form

    def _check_query(self, operation: dict[str, Any], query: dict[str, Any]) -> dict[str, Any]:
        """A list in a query is written `expand[]=…`: the form's rule for a list of one."""
        schemas = {each["name"]: each["schema"] for each in operation.get("parameters", [])}
        found = {}
        for name, value in query.items():
            assert name in schemas, f"Stripe knows no parameter {name}"
            given = [value] if schemas[name].get("type") == "array" else typed(value, schemas[name])
            self._validate(schemas[name], given)
            found[name] = given
        return found

    def check_object(self, name: str, value: dict[str, Any]) -> None:
        self._validate({"$ref": f"urn:stripe#/components/schemas/{name}"}, value)

    def _operation(self, method: str, path: str) -> dict[str, Any]:
        for template, operations in self._spec["paths"].items():
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if re.fullmatch(pattern, path) and method in operations:
                return operations[method]
        raise AssertionError(f"Stripe has no {method} {path}")

    def _validate(self, schema: dict[str, Any], value: Any) -> None:
        OAS30Validator(schema, registry=self._registry).validate(value)


@pytest.fixture(scope="session")
def stripe_judge(spec_json) -> StripeJudge:
    return StripeJudge(spec_json(SPEC))


def stripe_intent(**changes: Any) -> dict[str, Any]:
    """A PaymentIntent as Stripe answers it, with what its description requires."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 2500,
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "manual",
        "confirmation_method": "automatic",
        "created": 1_795_000_000,
        "currency": "usd",
        "livemode": False,
        "metadata": {"order": "shop-1001", "key": "shop-1001:t1:authorize:1"},
        "payment_method_types": ["card"],
        "status": "requires_capture",
    } | changes


@pytest.fixture
def intent() -> Callable[..., dict[str, Any]]:
    return stripe_intent


@pytest.fixture
def refund_object() -> dict[str, Any]:
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 700,
        "created": 1_795_000_000,
        "currency": "usd",
        "payment_intent": "pi_1",
        "status": "succeeded",
    }
