"""A vendor on the other end of the wire, and the vendors' published contracts to judge by."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

# The contracts are the vendors' texts and not part of the project: beside it, or not there.
SPECS = Path(__file__).parents[4] / "shared" / "specs"


class FakeVendor:
    """Records every request; answers from a queue, the last answer again and again."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: list[httpx.Response | Exception] = []
        self.transport = httpx.MockTransport(self._handle)

    def answers(self, body: Any = None, status: int = 200, **headers: str) -> "FakeVendor":
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._answers.append(httpx.Response(status, content=content, headers=named))
        return self

    def fails(self, error: Exception) -> "FakeVendor":
        self._answers.append(error)
        return self

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    @property
    def last_json(self) -> Any:
        return json.loads(self.last.content)


@pytest.fixture
def vendor() -> FakeVendor:
    return FakeVendor()


@pytest.fixture(scope="session")
def spec() -> Callable[[str], Path]:
    """The path of a contract file; skips the test where the contracts are not at hand."""

    def find(name: str) -> Path:
        path = SPECS / name
        if not path.exists():
            pytest.skip(f"the vendors' contracts are not here: ../shared/specs/{name}")
        return path

    return find


@pytest.fixture(scope="session")
def spec_json(spec) -> Callable[[str], Any]:
    def load(name: str) -> Any:
        return json.loads(spec(name).read_text())

    return load
