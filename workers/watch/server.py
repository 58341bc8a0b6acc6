"""Serves /metrics and /live from a thread of its own: it answers also when the event loop cannot.

It asks for no key. So it has an address of its own, loopback unless told otherwise, and shows
neither ids nor anything about a customer.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from prometheus_client import CollectorRegistry, disable_created_metrics, make_wsgi_app

from workers.errors import UserError
from workers.watch.pulse import Pulse

# Whoever connects and says nothing holds a thread for so long.
PATIENCE_S: Final = 5
_TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's signature
        """Scrapes are not news."""


def application(
    registry: CollectorRegistry, pulse: Pulse
) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start("405 Method Not Allowed", [_TEXT, ("Allow", "GET, HEAD")])
            return [b""]
        if path == "/metrics":
            scraped: Iterable[bytes] = metrics(environ, start)
            return scraped
        if path != "/live":
            start("404 Not Found", [_TEXT])
            return [b"/metrics and /live are here\n"]
        faults = pulse.faults()
        start("503 Service Unavailable" if faults else "200 OK", [_TEXT])
        return ["".join(f"{line}\n" for line in faults or ["ok"]).encode()]

    return answer


@contextmanager
def serving(host: str, port: int, registry: CollectorRegistry, pulse: Pulse) -> Iterator[None]:
    """Raises: UserError when it cannot listen there."""
    # One more series for each, and nobody asks since when.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    try:
        server = make_server(host, port, application(registry, pulse), _Server, _Handler)
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"metrics cannot be served on {host}:{port}: {why}") from None
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
