"""The sandbox's answers against what the vendors publish about theirs."""

import gzip
import json
import warnings

import graphql
import jsonschema
import pytest
import referencing
from openapi_schema_validator import OAS30Validator

from tests.sandbox.easypost.makers import address, bought, shipment
from tests.sandbox.shopify.orders import CREATE, ORDER, ORDERS, ask, order, seeded
from tests.sandbox.stripe.forms import hold, sale, slip
from tests.sandbox.world import until

URI = "urn:stripe"


def plain_null(node):
    """`nullable` beside `anyOf` said in JSON Schema's words: the validator reads it otherwise."""
    if isinstance(node, list):
        return [plain_null(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: plain_null(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [{"enum": [None]}, plain]} if node.get("nullable") is True else plain


@pytest.fixture(scope="session")
def stripe_schema(specs):
    document = plain_null(
        json.loads((specs / "stripe/spec3.2023-09-12.oms-subset.json").read_text())
    )
    resource = referencing.Resource.from_contents(
        document, default_specification=referencing.jsonschema.DRAFT4
    )
    registry = referencing.Registry().with_resource(URI, resource)

    def check(name, value):
        schema = {"$ref": f"{URI}#/components/schemas/{name}"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            errors = list(OAS30Validator(schema, registry=registry).iter_errors(value))
        assert not errors, [(list(error.path), error.message) for error in errors][:5]
        unknown = set(value) - set(document["components"]["schemas"][name]["properties"])
        assert not unknown

    return check


@pytest.mark.parametrize(
    "form",
    [
        hold(),
        hold(confirm="false"),
        sale(),
        slip("pm_boleto_paid"),
        hold(currency="brl", method="pm_card_mastercard", description="Order 1001"),
    ],
)
async def test_intents_are_stripes(world, stripe_schema, form):
    intent = (await world.stripe.post("/payment_intents", data=form)).json()
    stripe_schema("payment_intent", intent)
    canceled = await world.stripe.post(f"/payment_intents/{intent['id']}/cancel")
    if canceled.status_code == 200:
        stripe_schema("payment_intent", canceled.json())
    else:
        stripe_schema("error", canceled.json())


async def test_charges_refunds_events_and_lists_are_stripes(world, stripe_schema):
    held = (await world.stripe.post("/payment_intents", data=hold())).json()
    taken = await world.stripe.post(
        f"/payment_intents/{held['id']}/capture",
        data={"amount_to_capture": 1000, "expand[]": "latest_charge"},
    )
    stripe_schema("payment_intent", taken.json())
    stripe_schema("charge", taken.json()["latest_charge"])
    refund = await world.stripe.post("/refunds", data={"payment_intent": held["id"]})
    stripe_schema("refund", refund.json())
    events = (await world.stripe.get("/events")).json()
    assert [event["type"] for event in events["data"]] == [
        "charge.refunded",
        "payment_intent.succeeded",
        "payment_intent.amount_capturable_updated",
    ]
    for event in events["data"]:
        stripe_schema("event", event)
    assert set(events) == {"object", "url", "has_more", "data"}


@pytest.mark.parametrize(
    "form",
    [
        hold(method="pm_card_chargeDeclined"),
        hold(amount="x"),
        hold(amount=1),
        hold(currency="zzz"),
        hold(method="pm_unheard_of"),
    ],
)
async def test_errors_are_stripes(world, stripe_schema, form):
    answer = await world.stripe.post("/payment_intents", data=form)
    assert answer.status_code >= 400
    stripe_schema("error", answer.json())
    stripe_schema("api_errors", answer.json()["error"])


async def test_a_failed_slip_is_stripes(fast_world, stripe_schema):
    form = slip("pm_boleto_never")
    intent = (await fast_world.stripe.post("/payment_intents", data=form)).json()
    await until(lambda: "payment_intent.payment_failed" in fast_world.receiver.topics("stripe"))
    seen = await fast_world.stripe.get(f"/payment_intents/{intent['id']}")
    stripe_schema("payment_intent", seen.json())
    for event in fast_world.receiver.events("stripe"):
        stripe_schema("event", event)
        stripe_schema("payment_intent", event["data"]["object"])


def same_shape(ours, official, where=""):
    """The official example's keys and types; where either is null, anything goes."""
    if ours is None or official is None:
        return
    if isinstance(official, dict):
        assert isinstance(ours, dict), where
        assert set(ours) == set(official), f"{where}: {set(ours) ^ set(official)}"
        for key, value in official.items():
            same_shape(ours[key], value, f"{where}.{key}")
    elif isinstance(official, list):
        assert isinstance(ours, list), where
        for item in ours if official else ():
            same_shape(item, official[0], f"{where}[]")
    elif isinstance(official, int | float) and not isinstance(official, bool):
        assert isinstance(ours, int | float), where
    else:
        assert isinstance(ours, type(official)), f"{where}: {ours!r} beside {official!r}"


@pytest.fixture(scope="session")
def example(specs):
    def read(path):
        return json.loads((specs / "easypost" / path).read_text())

    return read


async def test_addresses_are_easyposts(world, example):
    plain = await world.easypost.post("/addresses", json={"address": address()})
    same_shape(plain.json(), example("responses/addresses/addresses-create.json"))
    good = await world.easypost.post("/addresses/create_and_verify", json={"address": address()})
    same_shape(good.json(), example("responses/addresses/addresses-verify.json"))

    wrong = {"address": address(zip="00001")}
    refused = await world.easypost.post("/addresses/create_and_verify", json=wrong)
    assert refused.json() == example("responses/addresses/addresses-create-and-verify.json")
    told = await world.easypost.post("/addresses", json={**wrong, "verify": True})
    official = example("responses/addresses/addresses-verify-param.json")
    assert told.json()["verifications"] == official["verifications"]


async def test_shipments_are_easyposts(world, example):
    made = await world.easypost.post("/shipments", json=shipment())
    same_shape(made.json(), example("responses/shipments/shipments-create.json"))
    verified = await world.easypost.post(
        "/addresses/create_and_verify", json={"address": address()}
    )
    parcel = await bought(world, id=verified.json()["address"]["id"])
    same_shape(parcel, example("responses/shipments/shipments-buy.json"))


async def test_trackers_and_their_events_are_easyposts(fast_world, example):
    parcel = await bought(fast_world)
    await until(lambda: len(fast_world.receiver.taken) == 5)
    seen = await fast_world.easypost.get(f"/trackers/{parcel['tracker']['id']}")
    same_shape(seen.json(), example("responses/trackers/trackers-retrieve.json"))
    official = example("fixtures/event-body.json")
    for event in fast_world.receiver.events("easypost"):
        assert set(event) == set(official)
        assert set(official["result"]) <= set(event["result"])


@pytest.fixture(scope="session")
def shopify_schema(specs):
    path = specs / "shopify/admin_graphql_2026-07.introspection.json.gz"
    introspection = json.loads(gzip.decompress(path.read_bytes()))["data"]
    return graphql.build_client_schema(introspection, assume_valid=True)


async def test_graphql_answers_fit_shopifys_schema(world, shopify_schema):
    """The real schema, executed over our data, must find every field, type and enum in place."""
    await seeded(world, order(financial_status="authorized"))
    key = "gid://shopify/Order/450001"
    opened = (await ask(world, ORDER, id=key))["order"]["fulfillmentOrders"]["nodes"][0]
    given = {
        "lineItemsByFulfillmentOrder": [{"fulfillmentOrderId": opened["id"]}],
        "trackingInfo": {"number": "T1", "company": "USPS"},
    }
    for query, variables in (
        (CREATE, {"fulfillment": given}),
        (ORDER, {"id": key}),
        (ORDERS, {"first": 5, "query": "updated_at:>='2020-01-01T00:00:00Z'"}),
    ):
        assert graphql.validate(shopify_schema, graphql.parse(query)) == []
        data = await ask(world, query, **variables)
        result = graphql.graphql_sync(
            shopify_schema, query, root_value=data, variable_values=variables
        )
        assert result.errors is None, result.errors
        assert result.data == data


async def test_the_order_webhook_fits_shopifys_schema(world, specs):
    await seeded(world, webhook=True)
    await until(lambda: world.receiver.taken)
    schema = json.loads((specs / "shopify/webhooks_2026-07/schemas/orders/create.json").read_text())
    errors = jsonschema.Draft202012Validator(schema).iter_errors(
        world.receiver.events("shopify")[0]
    )
    found = [(list(error.path), error.message[:200]) for error in errors]
    # The schemas were derived from samples in which these were never null, or always given.
    allowed = {"pre_tax_price", "company"}
    assert [each for each in found if not set(map(str, each[0])) & allowed] == []


async def test_the_official_sample_can_be_seeded(world, specs):
    path = specs / "shopify/webhooks_2026-07/samples/orders/create.json"
    sample = json.loads(path.read_text())["response"]
    made = await seeded(world, sample)
    assert set(made) == set(sample)
    (node,) = (await ask(world, ORDERS, first=1))["orders"]["nodes"]
    assert node["totalPriceSet"]["shopMoney"]["amount"] == "404.95"
    assert len(node["lineItems"]["nodes"]) == len(sample["line_items"])
