"""EasyPost's official requests and answers, as their examples give them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest


@dataclass(frozen=True)
class Curl:
    """One official example: `curl/<name>.sh`, read."""

    method: str
    path: str
    body: Any

    def check(self, request: httpx.Request) -> Any:
        """Our request has this method, path and authentication, and no field or type of its own."""
        assert request.method == self.method
        pattern = re.sub(r"[a-z]+_\\\.\\\.\\\.", "[^/]+", re.escape(self.path))
        assert re.fullmatch(pattern, request.url.path), request.url.path
        assert request.headers["Authorization"].startswith("Basic ")
        if not request.content:
            assert self.body is None
            return None
        assert request.headers["Content-Type"] == "application/json"
        ours = json.loads(request.content)
        _check_fields(ours, self.body, "")
        return ours


def _check_fields(ours: Any, theirs: Any, at: str) -> None:
    assert type(ours) is type(theirs), f"{at}: {ours!r} instead of {theirs!r}"
    if not isinstance(ours, dict):
        return
    for name, value in ours.items():
        assert name in theirs, f"the official example has no {at}.{name}"
        _check_fields(value, theirs[name], f"{at}.{name}")


@pytest.fixture(scope="session")
def curl(spec) -> Callable[..., Curl]:
    def read(name: str, **more: Any) -> Curl:
        text = spec(f"easypost/curl/{name}.sh").read_text()
        method, url = re.search(r'-X (\w+) "?https://api\.easypost\.com([^\s"\\]+)', text).groups()
        data = re.search(r"-d '(.*)'", text, re.DOTALL)
        body = json.loads(data.group(1)) if data else None
        for path, value in more.items():
            body[path].update(value)
        return Curl(method, url, body)

    return read


@pytest.fixture(scope="session")
def official(spec_json) -> Callable[[str], Any]:
    def load(name: str) -> Any:
        return spec_json(f"easypost/responses/{name}.json")

    return load


@pytest.fixture
def shipment() -> Callable[..., dict[str, Any]]:
    """A bought shipment as EasyPost answers it, with the fields we read."""

    def make(**changes: Any) -> dict[str, Any]:
        rate = {
            "id": "rate_1",
            "object": "Rate",
            "service": "Priority",
            "carrier": "USPS",
            "rate": "11.01",
            "currency": "USD",
            "delivery_days": 2,
            "est_delivery_days": 2,
        }
        return {
            "id": "shp_1",
            "object": "Shipment",
            "rates": [rate],
            "messages": [],
            "selected_rate": rate,
            "postage_label": {"label_url": "https://labels.test/1.png"},
            "tracking_code": "EZ1",
            "tracker": {"id": "trk_1"},
            "refund_status": None,
        } | changes

    return make


@pytest.fixture
def unbought(shipment) -> dict[str, Any]:
    return shipment(selected_rate=None, postage_label=None, tracking_code=None, tracker=None)
