"""How fast orders are accepted: by 32 clients in turns, and two thousand offered all at once."""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from rich.console import Console

from workers.environ import machine_environment
from workers.errors import UserError
from workers.local.bench.clients import Job, Taken
from workers.local.bench.lifecycle import import_setup
from workers.local.blueprint import Plan as StackPlan
from workers.local.demo.report import percentile_ms
from workers.local.demo.run import run_command
from workers.local.stack import Stack

CLIENTS: Final = 32
# Half the clients in each process: one alone would be busy with its own clients.
PROCESSES: Final = 2
# One key may send a hundred requests a second; that limit is not what is measured.
KEYS: Final = 8
WARM_UP_S: Final = 3.0
# A burst holds a connection for each order, in the API's process and in the clients'.
OPEN_FILES: Final = 8192
LOOK_EVERY_S: Final = 0.5
# Nothing was admitted for so long: what still waits is reported as not drained.
STALLED_S: Final = 60.0
CREATED: Final = 201
ACCEPTED: Final = 202

_ADMITTED: Final = """
    SELECT count(*) FROM inbox i
    WHERE i.kind = 'order' AND i.external_id LIKE %s || '-%%' AND i.state <> 'new'
      AND EXISTS (SELECT 1 FROM orders o JOIN fulfillments f USING (order_id)
                  WHERE o.channel = i.source AND o.external_id = i.external_id)
"""


@dataclass(frozen=True)
class Wish:
    """What a person chose."""

    folder: Path
    seconds: float
    burst: int


@dataclass(frozen=True)
class Loop:
    """What some clients were answered."""

    taken: Sequence[Taken]

    @property
    def accepted(self) -> list[Taken]:
        """What is durably kept, whether it was waited for or not."""
        return [each for each in self.taken if each.status in (CREATED, ACCEPTED)]

    @property
    def accepted_per_s(self) -> float:
        last = max((each.began + each.seconds for each in self.taken), default=0.0)
        return len(self.accepted) / last if last else 0.0

    def details(self) -> dict[str, Any]:
        statuses = Counter(each.status for each in self.taken)
        return {
            "answers": {str(status): count for status, count in sorted(statuses.items())},
            "tries": sum(each.tries for each in self.taken),
            "accepted_per_s": round(self.accepted_per_s, 1),
            "accepted_p50_ms": percentile_ms([each.seconds for each in self.accepted], 50),
            "accepted_p99_ms": percentile_ms([each.seconds for each in self.accepted], 99),
        }


@dataclass(frozen=True)
class Drain:
    """How many of the accepted orders were admitted and routed, and how long that took."""

    orders: int
    seconds: float


@dataclass(frozen=True)
class Placement:
    """`waited`: clients wait for the admission; `deferred`: they only want the order kept."""

    waited: Loop
    deferred: Loop
    burst: Loop
    drain: Drain

    def figures(self) -> dict[str, Any]:
        """The keys of the file."""
        created = [each.seconds for each in self.waited.taken if each.status == CREATED]
        kept = [each.seconds for each in self.deferred.accepted]
        return {
            "place_p50_ms": percentile_ms(created, 50),
            "place_p99_ms": percentile_ms(created, 99),
            "accept_per_s": round(self.deferred.accepted_per_s, 1),
            "accept_p99_ms": percentile_ms(kept, 99),
            "burst_accepted": len(self.burst.accepted),
            "burst_drained": self.drain.orders,
        }

    def details(self) -> dict[str, Any]:
        return {
            "clients": CLIENTS,
            "waiting_for_admission": self.waited.details(),
            "only_kept": self.deferred.details(),
            "burst": self.burst.details() | {"drained_in_s": round(self.drain.seconds, 1)},
        }


async def measure_placement(wish: Wish, console: Console) -> Placement:
    _allow_open_files()
    async with Stack(wish.folder / "placement", StackPlan(report=console.print)) as stack:
        await import_setup(stack)
        bench = _Bench(stack, await _make_keys(stack))
        await bench.place("warm", CLIENTS, WARM_UP_S)
        waited = await bench.place("waited", CLIENTS, wish.seconds)
        console.print(f"waiting for admission: {waited.accepted_per_s:.1f} accepted a second")
        await bench.drain("waited", len(waited.accepted))
        deferred = await bench.place("kept", CLIENTS, wish.seconds, deferred=True)
        console.print(f"only kept: {deferred.accepted_per_s:.1f} accepted a second")
        drained = await bench.drain("kept", len(deferred.accepted))
        console.print(f"{drained.orders} of them admitted within {drained.seconds:.0f} s")
        burst = await bench.place("burst", wish.burst, seconds=0.0)
        console.print(f"burst: {len(burst.accepted)} of {wish.burst} accepted")
        drain = await bench.drain("burst", len(burst.accepted))
        console.print(f"burst: {drain.orders} admitted within {drain.seconds:.0f} s")
        return Placement(waited, deferred, burst, drain)


def _allow_open_files() -> None:
    """The parts of the stack inherit it, as they would from a service manager."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _make_keys(stack: Stack) -> list[str]:
    keys = []
    for number in range(KEYS):
        words = ("--name", f"bench-{number}", "--scopes", "orders:write", "--json")
        status, said = await run_command(stack, "keys", "create", *words)
        if status:
            raise UserError(f"oms keys create: {said}")
        keys.append(json.loads(said)["key"])
    return keys


class _Bench:
    def __init__(self, stack: Stack, keys: list[str]) -> None:
        assert stack.blueprint.postgres is not None
        self._stack = stack
        self._dsn = stack.blueprint.postgres.superuser_dsn
        self._keys = keys

    async def place(
        self, prefix: str, clients: int, seconds: float, *, deferred: bool = False
    ) -> Loop:
        """All clients begin at once."""
        shares = [len(range(number, clients, PROCESSES)) for number in range(PROCESSES)]
        jobs = [
            Job(
                url=self._stack.api_url,
                keys=self._keys,
                prefix=prefix,
                clients=share,
                first=sum(shares[:number]),
                seconds=seconds,
                deferred=deferred,
            )
            for number, share in enumerate(shares)
            if share
        ]
        return Loop(await run_clients(jobs))

    async def drain(self, prefix: str, accepted: int) -> Drain:
        """Wait until all are admitted and routed, or none has been for long."""
        began = moved = time.monotonic()
        admitted = 0
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            while admitted < accepted and time.monotonic() - moved < STALLED_S:
                await asyncio.sleep(LOOK_EVERY_S)
                answer = await connection.execute(_ADMITTED, (prefix,))
                found = await answer.fetchone()
                if found is not None and found[0] > admitted:
                    admitted, moved = found[0], time.monotonic()
        return Drain(admitted, time.monotonic() - began)


async def run_clients(jobs: Sequence[Job]) -> list[Taken]:
    """Run each job in a process of its own; they begin together, when all are ready."""
    running = [await _start(job) for job in jobs]
    try:
        for process in running:
            assert process.stdout is not None
            if await process.stdout.readline() != b"ready\n":
                raise UserError("the benchmark's clients did not start")
        said = await asyncio.gather(*(process.communicate(b"\n") for process in running))
    finally:
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()
    answers: list[Mapping[str, Any]] = [each for out, _ in said for each in json.loads(out)]
    return [Taken(**each) for each in answers]


async def _start(job: Job) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "workers.local.bench.clients",
        env=machine_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    # Not among its words: every user of the machine could read the keys there.
    process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
    await process.stdin.drain()
    return process
