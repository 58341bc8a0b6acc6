"""Places the planned orders, calls off those to be called off, and follows each to its end."""

import asyncio
import time
from collections.abc import Iterator

import httpx

from workers.errors import UserError
from workers.local.demo.client import Answer, ApiClient
from workers.local.demo.course import Course
from workers.local.demo.plan import ENDS, REJECTED_INPUT, PlannedOrder
from workers.local.demo.vendors import Vendors

# The knee of one machine is about here; more in flight only wait longer.
IN_FLIGHT = 6
LOOK_EVERY_S = 1.0
# Nothing moved for so long: whatever still stands open will not end by itself.
STALLED_S = 120.0
# How long a shop's order is waited for before the next is sold; it comes later all the same.
ARRIVED_WITHIN_S = 10.0
ARRIVED_LOOK_S = 0.5
CANCEL_WITHIN_S = 180.0
CANCEL_AGAIN_S = 0.5
# Of the orders sold in the shop, every so manieth is told by no webhook: the sync finds it.
UNTOLD = 6


class Driver:
    """`stalled_s`: orders of which none moves for so long are given up."""

    def __init__(
        self, course: Course, api: ApiClient, vendors: Vendors, stalled_s: float = STALLED_S
    ) -> None:
        self._course = course
        self._api = api
        self._vendors = vendors
        self._stalled_s = stalled_s
        self._sold = 0

    async def run(self) -> None:
        """Return when every order has ended, or none has moved for long."""
        following = asyncio.create_task(self._follow())
        try:
            await self._place_all()
            self._course.placing_is_over = True
            await following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _place_all(self) -> None:
        orders = iter(self._course.plan.orders)
        async with asyncio.TaskGroup() as hands:
            for _ in range(IN_FLIGHT):
                hands.create_task(self._place_each(orders))

    async def _place_each(self, orders: Iterator[PlannedOrder]) -> None:
        for order in orders:
            try:
                await self._place(order)
                if order.to_be_cancelled and not order.path:
                    await self._cancel(order)
            except (UserError, httpx.HTTPError) as error:
                self._course.notes.append(f"{order.order_id}: {error}")

    async def _place(self, order: PlannedOrder) -> None:
        if order.way == "shopify":
            await self._sell(order)
            return
        answer = await self._api.place(order.document)
        self._course.place_s.append(answer.seconds)
        self._course.placed[order.order_id] = order
        self._hear(order, answer)

    async def _sell(self, order: PlannedOrder) -> None:
        """Sell in the shop, and go on once the order has come to us: no shop sells all at once."""
        self._sold += 1
        tell = self._sold % UNTOLD != 0
        await self._vendors.sell(order.document, tell=tell)
        self._course.placed[order.order_id] = order
        deadline = time.monotonic() + ARRIVED_WITHIN_S
        while tell and time.monotonic() < deadline:
            if await self._api.find_order(order.channel, order.external_id) is not None:
                return
            await asyncio.sleep(ARRIVED_LOOK_S)

    def _hear(self, order: PlannedOrder, answer: Answer) -> None:
        """What became of a placement: admitted, taken in, or refused with its end."""
        outcome = answer.body.get("outcome")
        if outcome in ENDS:
            self._course.end(order.order_id, str(outcome))
        elif answer.status == httpx.codes.UNPROCESSABLE_ENTITY:
            self._course.end(order.order_id, REJECTED_INPUT)
        elif not httpx.codes.is_success(answer.status):
            self._course.notes.append(f"{order.order_id}: {answer.status} {answer.body}")

    async def _cancel(self, order: PlannedOrder) -> None:
        """Ask until the order is known; one sold in the shop may still be on its way to us."""
        deadline = time.monotonic() + CANCEL_WITHIN_S
        while order.order_id not in self._course.ends:
            try:
                answer = await self._api.cancel(order.order_id)
            except UserError:
                if time.monotonic() > deadline:
                    raise
                continue
            if httpx.codes.is_success(answer.status):
                return
            if answer.status != httpx.codes.NOT_FOUND or time.monotonic() > deadline:
                note = f"{order.order_id}: not cancelled: {answer.status} {answer.body}"
                self._course.notes.append(note)
                return
            await asyncio.sleep(CANCEL_AGAIN_S)

    async def _follow(self) -> None:
        before, moved = self._course.standing, time.monotonic()
        while not self._course.is_over:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look()
            now = self._course.standing
            if now != before:
                before, moved = now, time.monotonic()
            elif time.monotonic() - moved > self._stalled_s:
                self._course.notes.append(f"nothing moved for {self._stalled_s:.0f} s")
                return

    async def _look(self) -> None:
        """Read what is open; of the others, ask one by one how they ended."""
        waiting = self._course.waiting()
        try:
            items = [item async for item in self._api.each("/orders", status="open")]
            open_ids = self._course.see(items)
            for order in waiting:
                if order.order_id not in open_ids:
                    await self._ask(order)
        except UserError as error:
            self._course.notes.append(str(error))

    async def _ask(self, order: PlannedOrder) -> None:
        found = await self._api.find_order(order.channel, order.external_id)
        if found is not None and found["outcome"] is not None:
            self._course.end(order.order_id, found["outcome"])
