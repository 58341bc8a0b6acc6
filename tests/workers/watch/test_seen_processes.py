"""A running API and a running worker show what they do, and one trace leads through both."""

from tests.workers.watch.house import House, until


async def test_one_trace_leads_from_the_request_to_the_vendors_call(
    house: House, trace: str
) -> None:
    spans = await until(
        lambda: (found := house.receiver.of_trace(trace)).keys() >= {"stripe authorize"} and found
    )
    assert spans["stripe authorize"].service == "cauce-worker"
    await until(lambda: "POST /orders" in house.receiver.of_trace(trace))
    spans = house.receiver.of_trace(trace)
    assert spans["POST /orders"].service == "cauce-api"
    assert "shop.request-1" in spans["POST /orders"].text
    assert {"RunWorkflow:OrderWorkflow", "RunActivity:take"} <= spans.keys()


async def test_a_trace_has_no_personal_data(house: House, trace: str) -> None:
    await until(lambda: "stripe authorize" in house.receiver.of_trace(trace))
    told = "".join(span.text for span in house.receiver.spans)
    assert not [word for word in ("Ada", "example.com", "Montgomery", "94104") if word in told]


async def test_a_refusal_leaves_its_kind_in_the_trace_and_not_its_words(
    house: House, trace: str
) -> None:
    sku = await house.world.sku(east=5)
    tenders = [{"kind": "card", "amount_minor": 1_500, "reference": "pm_card_chargeDeclined"}]
    document = house.world.document((sku, 1), external_id="declined", tenders=tenders)
    declined = "0af7651916cd43dd8448eb211c80319d"
    headers = {"Idempotency-Key": "seen-2", "traceparent": f"00-{declined}-b7ad6b7169203331-01"}
    await house.caller.post("/orders", json=document, headers=headers)
    await until(lambda: "RunActivity:take" in house.receiver.of_trace(declined))
    spans = await until(
        lambda: (
            (found := house.receiver.of_trace(declined)).keys() >= {"stripe authorize"} and found
        )
    )
    told = "".join(span.text for span in spans.values())
    assert "Rejected" in spans["stripe authorize"].text
    assert "Your card" not in told
    assert "pm_card" not in told


async def test_a_request_is_counted_by_its_route(house: House, trace: str) -> None:
    assert (await house.caller.get("/orders/shop-nobody")).status_code == 404
    assert (await house.caller.get("/no/such/page")).status_code == 404
    found = await house.api.samples()
    routes = {dict(labels)["route"] for name, labels in found if name == "oms_http_requests_total"}
    assert {"/orders", "/orders/{order_id}", "none"} <= routes
    by_code = ("oms_http_problems_total", (("code", "not_found"),))
    assert found[by_code] >= 2


async def test_a_call_is_counted_by_vendor_verb_and_end(house: House, trace: str) -> None:
    labels = (("outcome", "ok"), ("vendor", "stripe"), ("verb", "authorize"))
    found = await until(house.worker.samples)
    assert found["oms_vendor_calls_total", labels] >= 1
