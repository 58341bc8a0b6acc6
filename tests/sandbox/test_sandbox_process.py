"""The sandbox as a process: cut connections, a kill in the middle, promises kept afterwards."""

import asyncio
import contextlib
import signal
import socket
import sys
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.sandbox.easypost.makers import address, shipment
from tests.sandbox.stripe.forms import hold


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@asynccontextmanager
async def process(folder, *flags):
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "sandbox", "--port", str(port), "--data-dir", str(folder))
    child = await asyncio.create_subprocess_exec(*command, *flags)
    try:
        async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
            async with asyncio.timeout(20):
                while True:
                    with contextlib.suppress(httpx.ConnectError):
                        await client.get("/_/health")
                        break
                    await asyncio.sleep(0.05)
            yield client, child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await child.wait()


def stripe_headers(key):
    return {"Authorization": "Bearer sk_sandbox", "Idempotency-Key": key}


async def pay(client, key):
    return await client.post("/stripe/v1/payment_intents", data=hold(), headers=stripe_headers(key))


async def payments(client):
    return (await client.get("/_/ledger")).json()["payments"]


async def test_a_connection_cut_after_the_effect_leaves_the_effect(tmp_path):
    async with process(tmp_path) as (client, _):
        fault = {"vendor": "stripe", "method": "POST", "kind": "cut_after_effect"}
        await client.post("/_/faults", json=fault)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await pay(client, "k1")
        assert len(await payments(client)) == 1

        again = await pay(client, "k1")
        assert again.headers["idempotent-replayed"] == "true"
        (line,) = await payments(client)
        assert line["authorizations"] == 1


async def test_a_connection_cut_before_the_effect_leaves_nothing(tmp_path):
    async with process(tmp_path) as (client, _):
        fault = {"vendor": "stripe", "method": "POST", "kind": "cut_before_effect"}
        await client.post("/_/faults", json=fault)
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await pay(client, "k1")
        assert await payments(client) == []
        assert "idempotent-replayed" not in (await pay(client, "k1")).headers


async def test_what_was_answered_survives_a_kill(tmp_path):
    async with process(tmp_path) as (client, child):
        first = await pay(client, "k1")
        fault = {"vendor": "stripe", "kind": "http_429", "method": "DELETE"}
        await client.post("/_/faults", json=fault)
        child.send_signal(signal.SIGKILL)
        await child.wait()
    async with process(tmp_path) as (client, _):
        again = await pay(client, "k1")
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        assert len(await payments(client)) == 1
        assert len((await client.get("/_/faults")).json()) == 1


async def test_a_parcel_goes_on_travelling_after_a_kill(tmp_path):
    # Two days in a second: the label is bought in one life and delivered in the next.
    factor = ("--time-factor", str(2 * 86_400))
    easypost = httpx.BasicAuth("EZSANDBOX", "")
    async with process(tmp_path, *factor) as (client, child):
        made = await client.post("/easypost/v2/shipments", json=shipment(), auth=easypost)
        rate = {"rate": {"id": made.json()["rates"][0]["id"]}}
        path = f"/easypost/v2/shipments/{made.json()['id']}"
        await client.post(f"{path}/buy", json=rate, auth=easypost)
        child.send_signal(signal.SIGKILL)
        await child.wait()
    async with process(tmp_path, *factor) as (client, _):
        for _ in range(100):
            seen = (await client.get(path, auth=easypost)).json()
            if seen["status"] == "delivered":
                break
            await asyncio.sleep(0.1)
        (label,) = (await client.get("/_/ledger")).json()["labels"]
        assert (label["bought"], label["status"]) == (1, "delivered")


async def test_other_secrets_can_be_chosen(tmp_path):
    async with process(tmp_path, "--easypost-key", "EZOTHER") as (client, _):
        body = {"address": address()}
        for key, status in (("EZSANDBOX", 401), ("EZOTHER", 201)):
            answer = await client.post("/easypost/v2/addresses", json=body, auth=(key, ""))
            assert answer.status_code == status
