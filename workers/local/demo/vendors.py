"""Speaks to the sandbox's control plane: sells through its Shopify, reads its ledger."""

from types import TracebackType
from typing import Any, Final, Self

import httpx

TIMEOUT_S: Final = 30.0

Json = dict[str, Any]


class Vendors:
    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, timeout=TIMEOUT_S, transport=transport, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def sell(self, document: Json, *, tell: bool) -> None:
        """Place an order in the shop; untold by webhook, it is found by the channel's sync."""
        query = {} if tell else {"webhook": "false"}
        got = await self._http.post("/_/shopify/orders", json=document, params=query)
        got.raise_for_status()

    async def fault(self, **fault: Any) -> None:
        """Let the next request that it is about go wrong."""
        (await self._http.post("/_/faults", json=fault)).raise_for_status()

    async def ledger(self) -> Json:
        got = await self._http.get("/_/ledger")
        got.raise_for_status()
        ledger: Json = got.json()
        return ledger
