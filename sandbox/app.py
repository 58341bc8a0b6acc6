"""Puts the sandbox together: one store, one clock, three vendors, their timetable and courier."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.easypost import vendor as easypost
from sandbox.faults import Faults
from sandbox.gate import Gate
from sandbox.post import HttpPost, Post
from sandbox.schedule import Schedule
from sandbox.settings import Settings
from sandbox.shopify import vendor as shopify
from sandbox.store import Store
from sandbox.stripe import slips
from sandbox.stripe import vendor as stripe
from sandbox.webhooks import Courier

FILE_NAME = "sandbox.sqlite3"
log = logging.getLogger("sandbox")


class Sandbox:
    """The ASGI application; outside a server start it within its `running()`.

    `post` replaces the network between the courier and the receiver of webhooks; `on_failure` is
    called when the sandbox can no longer do what it promised.
    """

    def __init__(
        self,
        settings: Settings,
        post: Post | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """Raises: OSError, ValueError, sqlite3.Error."""
        self._on_failure = on_failure
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        clock = Clock(settings.time_factor)
        self.store = Store(settings.data_dir / FILE_NAME, clock)
        self.faults = Faults(self.store)
        secrets = settings.secrets
        vendors = (
            stripe.Stripe(secrets),
            easypost.EasyPost(secrets),
            shopify.Shopify(secrets, settings.shop_domain),
        )
        effects = {**slips.EFFECTS, **easypost.EFFECTS}
        self._schedule = Schedule(self.store, clock, effects, self._wake_courier)
        self._http_post = HttpPost(settings.api_url) if settings.api_url else None
        self._courier = Courier(
            self.store,
            clock,
            self.faults,
            {vendor.name: vendor.sign for vendor in vendors},
            post or self._http_post,
        )
        self._gates = {
            f"/{vendor.name}/": Gate(vendor, self.store, self.faults, self._wake)
            for vendor in vendors
        }
        control = Control(self.store, clock, self.faults, self._wake)
        self._starlette = Starlette(routes=control.routes(), lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> str | None:
        """Vendors' paths bypass Starlette, which would swallow a gate's wish to cut."""
        path = scope.get("path", "")
        for prefix, gate in self._gates.items():
            if path.startswith(prefix):
                return await gate(scope, receive, send)
        await self._starlette(scope, receive, send)
        return None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(self._schedule.run(), name="schedule"),
            asyncio.create_task(self._courier.run(), name="courier"),
        ]
        for task in tasks:
            task.add_done_callback(self._report)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks)
            if self._http_post:
                self._http_post.close()
            self.store.close()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self.running():
            yield

    def _wake(self) -> None:
        self._schedule.wake()
        self._courier.wake()

    def _wake_courier(self) -> None:
        self._courier.wake()

    def _report(self, task: asyncio.Task[None]) -> None:
        """Without its timetable or its courier a sandbox would only seem to live."""
        if not task.cancelled() and task.exception():
            log.error("the %s stopped", task.get_name(), exc_info=task.exception())
            self._on_failure()
