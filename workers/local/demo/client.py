"""Speaks to the API as a shop and a warehouse would, over HTTP and nothing else."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import httpx

from workers.errors import UserError

TIMEOUT_S: Final = 30.0
# A part of the stack may just be starting again; each pause is a little longer than the last.
ATTEMPTS: Final = 8
PAUSE_S: Final = 0.25
PAGE: Final = 200
# As many as one API process works on. The HTTP library looks at each of a client's connections at
# each answer: with all of them in one client it would be as busy as the API, hence lanes.
LANES: Final = 16
AT_ONCE_PER_LANE: Final = 16
# The answers that say "not now", as do all that name a moment to ask again; others are final.
_NOT_NOW: Final = frozenset({429, 500, 502, 503, 504})
_TRUSTED: Final = ssl.create_default_context()  # made once: reading it takes a while
_UNAUTHORIZED: Final = frozenset({401, 403})

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    status: int
    body: Json
    seconds: float  # from the request to the answer, of the attempt that was answered


class ApiClient:
    """Repeats what was not answered; every write carries a key or is safe to repeat."""

    def __init__(
        self,
        url: str,
        key: str,
        transport: httpx.AsyncBaseTransport | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._attempts = attempts
        self._lanes = [
            httpx.AsyncClient(
                base_url=url,
                headers={"Authorization": f"Bearer {key}"},
                timeout=TIMEOUT_S,
                verify=_TRUSTED,
                transport=transport,
                trust_env=False,  # a proxy of the machine does not lead to its own addresses
            )
            for _ in range(LANES)
        ]
        # The last one used first: its connection is open.
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for lane in self._lanes * AT_ONCE_PER_LANE:
            self._free.put_nowait(lane)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for lane in self._lanes:
            await lane.aclose()

    async def place(self, document: Json) -> Answer:
        """POST an order; the same one again is the same order."""
        key = f"demo-{document['channel']}-{document['external_id']}"
        return await self.send("POST", "/orders", document, {"Idempotency-Key": key})

    async def cancel(self, order_id: str) -> Answer:
        path = f"/orders/{order_id}/cancel"
        headers = {"Idempotency-Key": f"demo-cancel-{order_id}"}
        return await self.send("POST", path, {"reason": "the customer changed their mind"}, headers)

    async def report(self, fulfillment_id: str, done: str, lines: list[Json]) -> Answer:
        """`done` is picked or packed."""
        path = f"/fulfillments/{fulfillment_id}/{done}"
        headers = {"Idempotency-Key": f"demo-{done}-{fulfillment_id}"}
        return await self.send("POST", path, {"lines": lines}, headers)

    async def find_order(self, channel: str, external_id: str) -> Json | None:
        """The order as a list shows it, or None when it is not admitted (yet)."""
        found = await self.page("/orders", {"channel": channel, "q": external_id, "limit": 1})
        return found["items"][0] if found["items"] else None

    async def each(self, path: str, **wanted: str) -> AsyncIterator[Json]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            query: Json = {**wanted, "limit": PAGE}
            found = await self.page(path, query | ({"cursor": cursor} if cursor else {}))
            for item in found["items"]:
                yield item
            cursor = found.get("next_cursor")
            if not cursor:
                return

    async def page(self, path: str, query: Json) -> Json:
        answer = await self.send("GET", path, query=query)
        if answer.status != httpx.codes.OK:
            raise UserError(f"GET {path}: {answer.status} {answer.body}")
        return answer.body

    async def send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: dict[str, str] | None = None,
        *,
        query: Json | None = None,
    ) -> Answer:
        """Raises: UserError when nothing answers, or the key is refused."""
        fault = ""
        for attempt in range(1, self._attempts + 1):
            try:
                lane = await self._free.get()
                try:
                    began = time.perf_counter()
                    got = await lane.request(method, path, json=body, headers=headers, params=query)
                    seconds = time.perf_counter() - began
                finally:
                    self._free.put_nowait(lane)
            except httpx.TransportError as error:
                fault = str(error) or type(error).__name__
            else:
                if got.status_code in _UNAUTHORIZED:
                    raise UserError(f"{method} {path}: {got.status_code}, the key is refused")
                if got.status_code not in _NOT_NOW and "Retry-After" not in got.headers:
                    return Answer(got.status_code, _object(got), seconds)
                fault = f"{got.status_code} {got.text[:200]}"
            await asyncio.sleep(PAUSE_S * attempt)
        raise UserError(f"{method} {path} was not answered: {fault}")


def _object(got: httpx.Response) -> Json:
    try:
        body = got.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {"items": body}
