"""The outbox loop: gives each lane its turn beside the others, woken by each new message."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from activities.addresses import Addresses
from activities.channel_news import ChannelNews
from activities.composing import OrderPages
from activities.connectors.channel.port import ChannelGateway
from activities.delivery import Carrying, Delivery
from activities.documents import Documents
from activities.mailing import Mails, MailServer
from activities.merchant_news import MerchantNews, open_merchant_http
from workers.loop import AFTER_FAILURE_S, SWEEP_S, TableLoop
from workers.settings import Settings

# How many lanes of a kind have their turns at once: whoever hangs takes no turn of another kind.
TURNS: Final[Mapping[str, int]] = {"email": 1, "channel": 5, "webhook": 6, "document": 1}
# Each turn holds one connection to the database, that of the documents two; one more listens, and
# one looks for lanes.
CONNECTIONS: Final = sum(TURNS.values()) + TURNS["document"] + 2
# A receiver that hangs costs its turn ten seconds: one turn serves up to seven of them, and still
# has room for those who answer.
HUNG_REST_S: Final = 60.0
# Turns end by themselves within their bounds; at the end of the process they get so long.
LAST_TURN_S: Final = 10.0
log = logging.getLogger(__name__)


class OutboxLoop(TableLoop):
    def __init__(self, engine: AsyncEngine, delivery: Delivery) -> None:
        super().__init__(engine, "outbox")
        self._delivery = delivery
        self._turns: dict[str, asyncio.Task[None]] = {}
        self._rests_until: dict[str, float] = {}
        self._had_its_turn: dict[str, float] = {}

    async def run(self, stop: asyncio.Event) -> None:
        await super().run(stop)
        turns = list(self._turns.values())
        if turns:
            _, late = await asyncio.wait(turns, timeout=LAST_TURN_S)
            for turn in late:
                turn.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def work_once(self) -> int:
        """Begin turns; each wakes the loop when it ends, so there is nothing to hurry for."""
        for lane in self._next(await self._delivery.due_lanes()):
            self._turns[lane] = asyncio.create_task(self._turn(lane))
        return 0

    def _next(self, due: Iterable[str]) -> list[str]:
        """Choose lanes that neither run nor rest, those that waited longest first."""
        now = asyncio.get_running_loop().time()
        self._rests_until = {lane: end for lane, end in self._rests_until.items() if end > now}
        self._had_its_turn = {lane: self._had_its_turn.get(lane, 0.0) for lane in due}
        waiting = sorted(self._had_its_turn.keys() - self._turns.keys() - self._rests_until.keys())
        waiting.sort(key=lambda lane: self._had_its_turn[lane])
        chosen: list[str] = []
        for kind, most in TURNS.items():
            free = most - sum(_kind(lane) == kind for lane in self._turns)
            chosen += [lane for lane in waiting if _kind(lane) == kind][:free]
        self._had_its_turn |= dict.fromkeys(chosen, now)
        return chosen

    async def _turn(self, lane: str) -> None:
        rest_s = AFTER_FAILURE_S
        try:
            turn = await self._delivery.deliver(lane)
            # Nothing found: another worker has it.
            rest_s = HUNG_REST_S if turn.hung else 0.0 if turn.count else SWEEP_S
        except Exception:  # a lane's trouble is not the others'
            log.exception("outbox: a turn of %s failed", lane)
        finally:
            self._rests_until[lane] = asyncio.get_running_loop().time() + rest_s
            del self._turns[lane]
            self._wake.set()


def _kind(lane: str) -> str:
    return lane.partition(":")[0]


@asynccontextmanager
async def open_ways(
    engine: AsyncEngine, settings: Settings, channels: dict[str, ChannelGateway]
) -> AsyncIterator[dict[str, Carrying]]:
    """Open what the lanes' messages travel by."""
    addresses = Addresses(allow_private=settings.webhooks_allow_private)
    async with open_merchant_http() as http:
        try:
            yield {
                "email": Mails(mail_server(settings), order_pages(settings)),
                "channel": ChannelNews(channels),
                "webhook": MerchantNews(addresses, http),
                "document": Documents(engine),
            }
        finally:
            addresses.close()


def order_pages(settings: Settings) -> OrderPages | None:
    if not settings.order_link_secrets:
        return None
    newest = settings.order_link_secrets[0].get_secret_value()
    return OrderPages(settings.api_url.rstrip("/"), newest)


def mail_server(settings: Settings) -> MailServer:
    password = settings.smtp_password
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_sender,
        username=settings.smtp_username,
        password=password.get_secret_value() if password else None,
        starttls=settings.smtp_starttls,
    )
