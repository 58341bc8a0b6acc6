"""Sealed payloads are opened for whoever has the scope, and for browsers of one origin only."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from api.app import ApiConfig, create_app
from db.inbox.keys import create_key
from tests.api.world import Api, caller
from workers.codec import SealingCodec
from workers.sealing import read_key_ring

UI = "https://temporal.example"
KEYS = ",".join(f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in ("k2", "k1"))


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


PLAIN = {"payloads": [{"metadata": {"encoding": coded("json/plain")}, "data": coded('"Ada"')}]}


@pytest.fixture(scope="module")
async def sealed_api(api: Api, config: ApiConfig) -> AsyncIterator[httpx.AsyncClient]:
    codec = SealingCodec(read_key_ring("OMS_PAYLOAD_KEYS", KEYS))
    sealing = replace(config, payload_codec=codec, temporal_ui_origin=UI)
    app = create_app(engine=api.engine, temporal=api.temporal, config=sealing)
    async with api.engine.begin() as tx:
        key = await create_key(tx, "ui", ["codec:read"])
    async with caller(app, key.secret) as client:
        yield client


async def seal(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.post("/codec/encode", json=PLAIN)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_is_sealed_is_opened_again(sealed_api: httpx.AsyncClient) -> None:
    sealed = await seal(sealed_api)
    assert sealed["payloads"][0]["metadata"]["encryption-key-id"] == coded("k2")
    assert coded('"Ada"') not in str(sealed)
    opened = await sealed_api.post("/codec/decode", json=sealed)
    assert opened.json() == PLAIN


async def test_an_unknown_key_is_named(sealed_api: httpx.AsyncClient) -> None:
    sealed = await seal(sealed_api)
    sealed["payloads"][0]["metadata"]["encryption-key-id"] = coded("k0")
    answer = await sealed_api.post("/codec/decode", json=sealed)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["detail"] == "OMS_PAYLOAD_KEYS has no key 'k0'"


@pytest.mark.parametrize("body", [{"payloads": 1}, {"other": []}, {"payloads": [{"metadata": 5}]}])
async def test_what_are_no_payloads_is_refused(
    sealed_api: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    for path in ("/codec/decode", "/codec/encode"):
        answer = await sealed_api.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_a_key_needs_the_scope(sealed_api: httpx.AsyncClient, api: Api) -> None:
    async with api.engine.begin() as tx:
        other = await create_key(tx, "other", ["orders:read", "orders:write"])
    for secret, status in ((None, 401), (other.secret, 403), (api.key.secret, 200)):
        headers = {"Authorization": f"Bearer {secret}" if secret else ""}
        answer = await sealed_api.post("/codec/decode", json=PLAIN, headers=headers)
        assert answer.status_code == status


async def ask_first(client: httpx.AsyncClient, path: str, origin: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-namespace",
    }
    return await client.options(path, headers=headers)


async def test_browsers_of_the_ui_alone_may_ask_and_only_here(
    sealed_api: httpx.AsyncClient,
) -> None:
    allowed = await ask_first(sealed_api, "/codec/decode", UI)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == UI
    assert (
        "access-control-allow-origin"
        not in (await ask_first(sealed_api, "/codec/decode", "https://evil.example")).headers
    )
    assert "access-control-allow-origin" not in (await ask_first(sealed_api, "/orders", UI)).headers
    # A refusal too has to be readable there.
    headers = {"Origin": UI, "Authorization": ""}
    refused = await sealed_api.post("/codec/decode", json=PLAIN, headers=headers)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, UI)


async def test_without_keys_there_is_nothing_to_open(api: Api) -> None:
    answer = await api.client.post("/codec/decode", json=PLAIN)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
