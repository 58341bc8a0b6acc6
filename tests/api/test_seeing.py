"""Every request has an id, its caller's when that is one, and is counted by its route."""

import dataclasses
import logging
from typing import Any

import pytest
from prometheus_client import REGISTRY

from api.app import Limits, create_app
from api.rate import Rate
from api.seeing import HEADER
from tests.api.world import Api, caller


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_callers_id_comes_back(api: Api) -> None:
    answer = await api.client.get("/orders", headers={HEADER: "shop-7.A_b"})
    assert answer.headers[HEADER] == "shop-7.A_b"


@pytest.mark.parametrize("given", ["", "two words", "x" * 65, "line\tbreak", "<script>", "ñ"])
async def test_what_is_no_id_is_replaced_by_one(api: Api, given: str) -> None:
    answers = [
        await api.client.get("/orders", headers=[(HEADER, given.encode())]) for _ in range(2)
    ]
    made = [answer.headers[HEADER] for answer in answers]
    assert all(len(each) == 16 and each != given for each in made)
    assert made[0] != made[1]


async def test_a_refusal_has_its_id_as_well(api: Api) -> None:
    for path, status in (("/nowhere", 404), ("/orders/shop-none", 404), ("/orders?limit=x", 422)):
        answer = await api.client.get(path, headers={HEADER: "asked"})
        assert (answer.status_code, answer.headers[HEADER]) == (status, "asked")


async def test_an_error_nobody_expected_has_its_id_and_is_counted(
    api: Api, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(engine=api.engine, temporal=api.temporal, config=config)
    labels = {"method": "GET", "route": "/audit", "status": "500"}
    before = counted("oms_http_requests_total", **labels)
    monkeypatch.setattr("api.audit.list_audit", None, raising=False)
    monkeypatch.setattr(app.state.context.keys, "authenticate", lambda _: 1 / 0)
    async with caller(app, "oms_x_y") as client:
        answer = await client.get("/audit", headers={HEADER: "unlucky"})
    assert (answer.status_code, answer.headers[HEADER]) == (500, "unlucky")
    assert counted("oms_http_requests_total", **labels) == before + 1


async def test_what_callers_choose_is_no_label(api: Api) -> None:
    await api.client.get("/orders/shop-secret-77")
    await api.client.request("BREW", "/teapot-77")
    labels = [
        sample.labels
        for family in REGISTRY.collect()
        if family.name.startswith("oms_http")
        for sample in family.samples
    ]
    assert {"method": "other", "route": "none", "status": "404"} in labels
    assert not [each for each in labels if "77" in str(each) or "BREW" in str(each)]


async def test_a_refusal_for_asking_too_often_is_counted(api: Api, config: Any) -> None:
    tight = dataclasses.replace(config, limits=Limits(key_rate=Rate(0.001, 1)))
    app = create_app(engine=api.engine, temporal=api.temporal, config=tight)
    before = counted("oms_http_problems_total", code="too_often")
    async with caller(app, api.key.secret) as client:
        answers = [(await client.get("/orders")).status_code for _ in range(3)]
    assert answers == [200, 429, 429]
    assert counted("oms_http_problems_total", code="too_often") == before + 2


async def test_the_framework_tells_nobody_by_itself(
    api: Api, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own telemetry would hold queries, paths and errors' texts."""
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    app = create_app(engine=api.engine, temporal=api.temporal, config=config)
    telemetry = app._telemetry
    assert not any(telemetry[each] for each in ("tracing", "metrics", "logs", "auto_configure"))
    logging.getLogger("fastapi").info("nothing is configured")
