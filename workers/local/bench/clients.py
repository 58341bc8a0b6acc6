"""Clients of the placement benchmark: a process of its own, so that they are no bottleneck.

Usage: python -m workers.local.bench.clients, with a job as one line of JSON on its input. It says
`ready`, begins at the next line, and prints its answers as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx

from workers.local.bench.shop import plain_order

TIMEOUT_S: Final = 60.0
# After a connection was refused or lost, for then nobody says when to come again.
LOST_AGAIN_S: Final = 0.5
RETRY_AFTER: Final = "Retry-After"
# The answers that say "not now", as do all that name a moment to ask again.
_NOT_NOW: Final = frozenset({429, 503})
# A server that names no moment.
_USUAL_S: Final = 1.0

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Job:
    """`clients` work side by side; each places orders in turns for `seconds`, or one each (0).

    `keys`: API keys, dealt to the clients in turns; one key alone is slowed down by its own limit.
    """

    url: str
    keys: list[str]
    prefix: str
    clients: int
    first: int
    seconds: float
    deferred: bool


@dataclass(frozen=True)
class Taken:
    """How one order was answered at last, how long that took from the first try, and the tries."""

    status: int
    seconds: float
    began: float  # seconds after the start of the job
    tries: int


async def offer(
    http: httpx.AsyncClient,
    document: dict[str, Any],
    *,
    deferred: bool = False,
    pause: Pause = asyncio.sleep,
) -> tuple[int, int]:
    """Offer an order until it is answered; the answer's status, and the number of tries.

    One that is sent away comes again when it was told to, under the same key.
    """
    headers = {"Idempotency-Key": f"bench-{document['external_id']}"}
    if deferred:
        headers["Prefer"] = "respond-async"
    tries = 0
    while True:
        tries += 1
        try:
            got = await http.post("/orders", json=document, headers=headers)
        except httpx.TransportError:
            await pause(LOST_AGAIN_S)
            continue
        if got.status_code not in _NOT_NOW and RETRY_AFTER not in got.headers:
            return got.status_code, tries
        await pause(_told(got))


def _told(got: httpx.Response) -> float:
    """Seconds to stay away."""
    try:
        return max(float(got.headers.get(RETRY_AFTER, _USUAL_S)), 0.0)
    except ValueError:
        return _USUAL_S


class Clients:
    def __init__(self, job: Job) -> None:
        self._job = job
        self._began = 0.0

    async def run(self, begin: Callable[[], Awaitable[None]]) -> list[Taken]:
        """Open all connections' clients, wait for `begin`, and place."""
        job = self._job
        async with AsyncExitStack() as opened:
            https = [
                await opened.enter_async_context(_client(job.url, key))
                for _, key in zip(range(job.clients), _in_turns(job.keys), strict=False)
            ]
            await begin()
            self._began = time.perf_counter()
            placed = await asyncio.gather(
                *(self._place(http, number) for number, http in enumerate(https, job.first))
            )
        return [taken for each in placed for taken in each]

    async def _place(self, http: httpx.AsyncClient, number: int) -> list[Taken]:
        found: list[Taken] = []
        turn = 0
        while not found or time.perf_counter() - self._began < self._job.seconds:
            name = f"{self._job.prefix}-{number}-{turn}"
            document = plain_order(name, number + self._job.clients * turn)
            began = time.perf_counter()
            status, tries = await offer(http, document, deferred=self._job.deferred)
            now = time.perf_counter()
            found.append(Taken(status, now - began, began - self._began, tries))
            turn += 1
        return found


def _client(url: str, key: str) -> httpx.AsyncClient:
    """One connection each: a shared pool searches through all who wait at every answer."""
    transport = httpx.AsyncHTTPTransport(
        verify=False,  # plain HTTP on this machine; reading certificates takes long
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        trust_env=False,
    )
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=TIMEOUT_S,
        transport=transport,
        trust_env=False,
    )


def _in_turns(keys: list[str]) -> Iterator[str]:
    while True:
        yield from keys


async def main() -> None:
    job = Job(**json.loads(sys.stdin.readline()))

    async def begin() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)

    taken = await Clients(job).run(begin)
    json.dump([asdict(each) for each in taken], sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
