"""What all contract suites share: the troubles a call can meet, a wire that makes them, the rules.

A vendor is met through its connector and `Wire`, with the sandbox at the other end; a fake is told
its trouble in a value. Both then have to keep the same contract.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from activities.connectors.errors import (
    ConnectorError,
    NotSent,
    OutcomeUnknown,
    Throttled,
)
from activities.connectors.instructions import BURST, RETRY_AFTER_S
from activities.connectors.port import UnknownRule


@dataclass(frozen=True)
class Trouble:
    """`times`: calls in a row that meet it before all is well; `leaf`: what each of them raises."""

    leaf: type[ConnectorError]
    times: int = 1


TROUBLES = {
    "refused": Trouble(NotSent),
    "throttled": Trouble(Throttled),
    "burst": Trouble(OutcomeUnknown, times=BURST),
    "fault_after": Trouble(OutcomeUnknown),
    "cut": Trouble(OutcomeUnknown),
    "timed_out": Trouble(OutcomeUnknown),
    "no_json": Trouble(OutcomeUnknown),
    "incomplete": Trouble(OutcomeUnknown),
    "other_id": Trouble(OutcomeUnknown),
    "other_amount": Trouble(OutcomeUnknown),
    "other_currency": Trouble(OutcomeUnknown),
}
# What every verb that changes something can meet; the others need an answer that says so much.
ON_EVERY_WIRE = tuple(name for name in TROUBLES if not name.startswith("other_"))

# How a wire makes them: instead of asking the vendor, or after it has answered.
INSTEAD = {
    "throttled": lambda: httpx.Response(429, headers={"Retry-After": str(RETRY_AFTER_S)}),
    "unauthorized": lambda: httpx.Response(401),
    "burst": lambda: httpx.Response(503),
}
CUT = {"cut": httpx.RemoteProtocolError("cut"), "timed_out": httpx.ReadTimeout("slow")}
AFTER = {
    "fault_after": lambda: httpx.Response(500),
    "no_json": lambda: httpx.Response(200, content=b"<html>"),
}

Spoil = Callable[[Any], Any]


class Wire(httpx.AsyncBaseTransport):
    """Between a connector and the sandbox: the next calls that change something meet trouble.

    `spoils` alters a vendor's JSON for the troubles that are about its content.
    """

    def __init__(
        self,
        vendor: httpx.AsyncBaseTransport,
        spoils: dict[str, Spoil],
        changes: Callable[[httpx.Request], bool] = lambda request: request.method == "POST",
    ) -> None:
        self._vendor = vendor
        self._spoils = spoils
        self._changes = changes
        self._trouble, self._times = "", 0
        self.requests: list[httpx.Request] = []  # of those that change something

    def meet(self, trouble: str, times: int | None = None) -> None:
        self._trouble, self._times = trouble, times or TROUBLES[trouble].times

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._changes(request):
            return await self._vendor.handle_async_request(request)
        self.requests.append(request)
        if not self._times:
            return await self._vendor.handle_async_request(request)
        self._times -= 1
        return await self._in_trouble(request)

    async def _in_trouble(self, request: httpx.Request) -> httpx.Response:
        if self._trouble == "refused":
            raise httpx.ConnectError("refused")
        if self._trouble in INSTEAD:
            return INSTEAD[self._trouble]()
        answer = await self._vendor.handle_async_request(request)
        content = await answer.aread()
        if self._trouble in CUT:
            raise CUT[self._trouble]
        if self._trouble in AFTER:
            return AFTER[self._trouble]()
        return httpx.Response(200, json=self._spoils[self._trouble](json.loads(content)))


async def by_the_rule(
    rule: UnknownRule,
    trouble: Trouble,
    act: Callable[[], Awaitable[Any]],
    look: Callable[[], Awaitable[Any]],
) -> Any:
    """Act until it is done, closing each unknown end as the verb declares; return the answer.

    `look` answers None as long as nothing is found; only LOOKUP asks it.
    """
    for _ in range(trouble.times):
        with pytest.raises(ConnectorError) as caught:
            await act()
        assert type(caught.value) is trouble.leaf
        if isinstance(caught.value, Throttled):
            assert caught.value.retry_after_s == RETRY_AFTER_S
        found = await look() if rule is UnknownRule.LOOKUP else None
        if found is not None:
            return found
    return await act()
