"""A worker whose payment connector forgot its rule: no request carries an idempotency key."""

from contextlib import AbstractAsyncContextManager

import httpx

from workers.local.prove.failpoints import BoundaryTransport
from workers.local.prove.worker import FaultyComposition, main
from workers.settings import Settings
from workers.wiring import Gateways, open_gateways


class KeylessTransport(BoundaryTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.pop("Idempotency-Key", None)
        return await super().handle_async_request(request)


class CarelessComposition(FaultyComposition):
    def gateways(self, settings: Settings) -> AbstractAsyncContextManager[Gateways]:
        return open_gateways(settings, KeylessTransport(self._points))


if __name__ == "__main__":
    main(CarelessComposition)
