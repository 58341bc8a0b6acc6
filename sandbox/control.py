"""The control plane under `/_`: health, ledger, faults, keys, seeded orders; no vendor has it."""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import ledger
from sandbox.clock import Clock
from sandbox.faults import BadFault, Faults
from sandbox.shopify import seeds
from sandbox.store import Store


class Control:
    """Handlers over what the sandbox holds."""

    def __init__(
        self, store: Store, clock: Clock, faults: Faults, on_change: Callable[[], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._on_change = on_change

    def routes(self) -> list[Route]:
        return [
            Route("/_/health", self.health),
            Route("/_/ledger", self.ledger),
            Route("/_/ledger/requests", self.requests),
            Route("/_/webhooks", self.webhooks),
            Route("/_/webhooks/replay", self.replay_webhooks, methods=["POST"]),
            Route("/_/faults", self.faults),
            Route("/_/faults", self.add_fault, methods=["POST"]),
            Route("/_/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_/stripe/keys", self.forget_keys, methods=["DELETE"]),
            Route("/_/shopify/orders", self.seed_order, methods=["POST"]),
            Route("/_/shopify/orders/{id}/cancel", self.cancel_order, methods=["POST"]),
        ]

    async def health(self, _: Request) -> Response:
        due = self._store.rows("SELECT count(*) AS n FROM due")[0]["n"]
        pending = self._store.rows(
            "SELECT count(*) AS n FROM deliveries WHERE next_at IS NOT NULL"
        )[0]["n"]
        return JSONResponse(
            {
                "status": "ok",
                "time_factor": self._clock.factor,
                "due": due,
                "webhooks_pending": pending,
            }
        )

    async def ledger(self, _: Request) -> Response:
        return JSONResponse(ledger.summed(self._store))

    async def requests(self, request: Request) -> Response:
        return JSONResponse(ledger.requests(self._store, request.query_params.get("vendor")))

    async def webhooks(self, _: Request) -> Response:
        """What still waits to be delivered, and why."""
        rows = self._store.rows(
            "SELECT vendor, event, topic, attempts, next_at, last_error FROM deliveries"
            " WHERE next_at IS NOT NULL ORDER BY seq LIMIT 500"
        )
        return JSONResponse([dict(row) for row in rows])

    async def replay_webhooks(self, _: Request) -> Response:
        """Send everything once more, as a vendor does when somebody presses "resend"."""
        with self._store.transaction() as tx:
            again = tx.db.execute(
                "INSERT INTO deliveries (vendor, event, topic, body, created, attempts, next_at)"
                " SELECT vendor, event, topic, body, ?, 0, ? FROM deliveries"
                " WHERE delivered_at IS NOT NULL GROUP BY vendor, event",
                (tx.now, tx.now),
            )
        self._on_change()
        return JSONResponse({"replayed": again.rowcount})

    async def faults(self, _: Request) -> Response:
        return JSONResponse(self._faults.listed())

    async def add_fault(self, request: Request) -> Response:
        document = await _object(request)
        if document is None:
            return _problem("a fault is a JSON object")
        try:
            fault = self._faults.add(document)
        except BadFault as problem:
            return _problem(str(problem))
        return JSONResponse({"id": fault.id}, 201)

    async def clear_faults(self, _: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def forget_keys(self, _: Request) -> Response:
        """Stripe's idempotency keys, as if a day had passed."""
        with self._store.transaction() as tx:
            tx.db.execute("DELETE FROM idempotency")
        return Response(status_code=204)

    async def seed_order(self, request: Request) -> Response:
        document = await _object(request)
        if document is None:
            return _problem("an order is a JSON object")
        tell = request.query_params.get("webhook") != "false"
        try:
            with self._store.transaction() as tx:
                order = seeds.seed(tx, document, tell=tell)
        except seeds.BadOrder as problem:
            return _problem(str(problem))
        self._on_change()
        return JSONResponse(order, 201)

    async def cancel_order(self, request: Request) -> Response:
        """The buyer cancels at the channel."""
        try:
            with self._store.transaction() as tx:
                order = seeds.cancel(tx, request.path_params["id"], "customer")
        except seeds.BadOrder as problem:
            return _problem(str(problem))
        self._on_change()
        return JSONResponse(order)


async def _object(request: Request) -> dict[str, Any] | None:
    try:
        document = json.loads(await request.body())
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _problem(detail: str) -> Response:
    return JSONResponse({"title": "Bad request", "status": 400, "detail": detail}, 400)
