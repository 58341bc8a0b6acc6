"""The people of the demo: customers, staff and warehouses, who act and look over HTTP alone."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import httpx

from workers.errors import UserError
from workers.local.demo.client import ApiClient
from workers.local.demo.plan import PlannedOrder
from workers.local.demo.vendors import Vendors

T = TypeVar("T")
Json = dict[str, Any]
LOOK_EVERY_S: Final = 1.0
# Longer than the longest wait of a path, a return that never comes, on a busy machine.
PATIENCE_S: Final = 300.0
# The code of a collection, by its fulfillment order.
CodeOf = Callable[[str], str]
# Receives units: a location, a SKU, how many.
Receive = Callable[[str, str, int], Awaitable[None]]


class Hand:
    """`left_alone` is the warehouse's list of what it must not touch; `ends` how orders ended.

    `code_of` reads the code of a collection in its customer's mail.
    """

    def __init__(
        self,
        api: ApiClient,
        vendors: Vendors,
        receive: Receive,
        left_alone: set[str],
        ends: Mapping[str, str],
        code_of: CodeOf,
    ) -> None:
        self.api = api
        self.vendors = vendors
        self.receive = receive
        self.code_of = code_of
        self._left_alone = left_alone
        self._ends = ends

    def let_go(self, order: PlannedOrder) -> None:
        """From now on the automatic warehouse works for it."""
        self._left_alone.discard(order.order_id)

    async def until(
        self, what: str, probe: Callable[[], Awaitable[T]], patience_s: float = PATIENCE_S
    ) -> T:
        """Raises: UserError when `probe` never answers something true."""
        deadline = time.monotonic() + patience_s
        while not (found := await probe()):
            if time.monotonic() > deadline:
                raise UserError(f"waited in vain for {what}")
            await asyncio.sleep(LOOK_EVERY_S)
        return found

    # -- looking

    async def order(self, order: PlannedOrder) -> Json:
        """What the API shows of it; nothing while it is not admitted."""
        answer = await self.api.send("GET", f"/orders/{order.order_id}")
        return answer.body if "shipments" in answer.body else {}

    async def ended(self, order: PlannedOrder) -> str:
        async def end() -> str | None:
            return self._ends.get(order.order_id)

        return str(await self.until("the order's end", end))

    async def parts(self, order: PlannedOrder, *states: str) -> list[Json]:
        """Its fulfillment orders, once there are some in one of the states."""

        async def found() -> list[Json]:
            shown = (await self.order(order)).get("shipments", ())
            return [part for part in shown if not states or part["state"] in states]

        return await self.until(f"a parcel {' or '.join(states)}", found)

    async def open_exception(self, order: PlannedOrder, *reasons: str) -> Json:
        async def found() -> Json:
            shown = (await self.order(order)).get("exceptions", ())
            waiting = (
                each
                for each in shown
                if each["state"] == "open" and (not reasons or each["reason"] in reasons)
            )
            return next(waiting, {})

        return await self.until(f"an exception {' or '.join(reasons)}", found)

    async def open_hold(self, order: PlannedOrder, kind: str) -> Json:
        async def found() -> Json:
            shown = (await self.order(order)).get("holds", ())
            waiting = (each for each in shown if (each["kind"], each["state"]) == (kind, "open"))
            return next(waiting, {})

        return await self.until(f"a hold {kind}", found)

    # -- acting

    async def say(self, path: str, body: Json) -> Json:
        """Say it until it is heard: what it is about may be a moment behind its row."""

        async def said() -> Json:
            answer = await self.api.send("POST", path, body)
            seen.append(f"{answer.status} {answer.body.get('detail', '')}")
            return answer.body if httpx.codes.is_success(answer.status) else {}

        seen: list[str] = []
        try:
            return await self.until(path, said, HEARD_WITHIN_S)
        except UserError:
            raise UserError(f"POST {path}: {seen[-1]}") from None

    async def decide(self, order: PlannedOrder, resolution: str, *reasons: str) -> None:
        """Decide about what the order waits for; moot when it went on by itself."""
        waiting = await self.open_exception(order, *reasons)
        path = f"/exceptions/{waiting['exception_id']}"

        async def decided() -> bool:
            await self.api.send("POST", f"{path}/resolve", {"resolution": resolution})
            return bool((await self.api.send("GET", path)).body["state"] == "resolved")

        await self.until("a decision", decided, HEARD_WITHIN_S)

    async def pack(self, order: PlannedOrder) -> None:
        """Pick and pack each of its parcels."""
        for part in await self.parts(order, "open"):
            lines = lines_of(part)
            for step in ("picked", "packed"):
                await self.say(f"/fulfillments/{part['fulfillment_id']}/{step}", {"lines": lines})


HEARD_WITHIN_S: Final = 60.0


def lines_of(part: Json) -> list[Json]:
    return [{"line_no": line["line_no"], "quantity": line["quantity"]} for line in part["lines"]]
