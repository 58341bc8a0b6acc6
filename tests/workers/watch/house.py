"""An API and a worker as processes of their own, watched, and somebody who takes their traces."""

import asyncio
import contextlib
import gzip
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.workflows.conftest import World
from workers.environ import machine_environment
from workers.local.ports import any_free_port
from workers.settings import Settings

ROOT = Path(__file__).parents[3]
PATIENCE_S = 180.0


@dataclass(frozen=True)
class Span:
    name: str
    trace: str
    service: str
    text: str  # all that it says


@dataclass
class Receiver:
    """Takes traces over OTLP as a collector does."""

    url: str
    spans: list[Span] = field(default_factory=list)

    def of_trace(self, trace: str) -> dict[str, Span]:
        return {span.name: span for span in self.spans if span.trace == trace}


@contextmanager
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            taken.spans += read_spans(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken = Receiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield taken
    server.shutdown()
    server.server_close()
    thread.join()


def read_spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource in request.resource_spans:
        about = {each.key: each.value.string_value for each in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                yield Span(span.name, span.trace_id.hex(), about["service.name"], str(span))


@dataclass
class Process:
    port: int  # of its metrics
    sdk_port: int
    log: Path
    ready: Path
    child: subprocess.Popen[bytes]

    async def live(self) -> tuple[int, str]:
        return await asyncio.to_thread(ask, self.port, "/live")

    async def scrape(self, port: int | None = None) -> str:
        status, text = await asyncio.to_thread(ask, port or self.port, "/metrics")
        assert status == 200
        return text

    async def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every figure of our own, by name and labels."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(await self.scrape())
            for sample in family.samples
        }

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@contextmanager
def process(
    words: Sequence[str], settings: Settings, folder: Path, **more: str
) -> Iterator[Process]:
    """Start `python -m WORDS`, watched on ports of its own."""
    ports = any_free_port(), any_free_port()
    path, ready = folder / f"{words[-1]}.log", folder / f"{words[-1]}.ready"
    given = settings.model_dump(include=settings.model_fields_set - {"database_url", "stripe_key"})
    env = {f"OMS_{name.upper()}": str(value) for name, value in given.items()}
    env |= {f"OMS_{name.upper()}": value for name, value in settings.secrets().items()}
    env |= {"OMS_METRICS_PORT": str(ports[0]), "OMS_TEMPORAL_METRICS_PORT": str(ports[1])}
    env |= {
        "OMS_LOG_FORMAT": "json",
        "OMS_READY_FILE": str(ready),
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            stderr=log,
            env=machine_environment() | env | more,
        )
    try:
        yield Process(*ports, path, ready, child)
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(20)
        child.kill()
        child.wait()


async def until(is_so: Callable[[], Any]) -> Any:
    """Wait for a truth that tells nobody when it comes."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(OSError):
                found = is_so()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
            await asyncio.sleep(0.2)


@dataclass
class House:
    world: World
    settings: Settings
    api: Process
    worker: Process
    receiver: Receiver
    caller: httpx.AsyncClient


@asynccontextmanager
async def a_house(
    world: World, settings: Settings, folder: Path, secret: str
) -> AsyncIterator[House]:
    port = any_free_port()
    with receiver() as traces:
        more = {"OTEL_EXPORTER_OTLP_ENDPOINT": traces.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        api_words = ["workers", "api"]
        with (
            process(["workers", "worker"], settings, folder, **more) as worker,
            process(api_words, settings, folder, OMS_API_PORT=str(port), **more) as api,
        ):
            headers = {"Authorization": f"Bearer {secret}"}
            url = f"http://127.0.0.1:{port}"
            async with httpx.AsyncClient(
                base_url=url, headers=headers, trust_env=False, timeout=PATIENCE_S
            ) as caller:
                for each in (api, worker):
                    await until(lambda each=each: is_working(each))
                yield House(world, settings, api, worker, traces, caller)


async def is_working(each: Process) -> bool:
    assert each.child.poll() is None, each.log.read_text()
    return each.ready.exists() and (await each.live())[0] == 200
