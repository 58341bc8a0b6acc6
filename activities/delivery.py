"""Delivery of the outbox: e-mails and channel news, at least once, each under its stable id."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiosmtplib
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.connectors.channel.port import ChannelGateway
from activities.connectors.errors import ConnectorError
from activities.mail import compose
from db.stores import outbox

BATCH: Final = 20
SMTP_TIMEOUT_S: Final = 20.0
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MailServer:
    """`host` None: mail waits in the outbox until one is configured."""

    host: str | None
    port: int
    sender: str
    username: str | None = None
    password: str | None = None
    starttls: bool = True


class Delivery:
    def __init__(
        self, engine: AsyncEngine, mail: MailServer, channels: Mapping[str, ChannelGateway]
    ) -> None:
        self._engine = engine
        self._mail = mail
        self._channels = channels

    async def deliver_batch(self) -> int:
        """Deliver what is due while its rows are locked, so that no other worker sends it too."""
        async with self._engine.begin() as tx:
            batch = await outbox.claim(tx, BATCH)
            outcomes = await self._deliver(batch)
            for message in batch:
                error = outcomes[message.outbox_id]
                if error is None:
                    await outbox.delivered(tx, message.outbox_id)
                else:
                    log.warning("outbox %s waits; its row says why", message.key)
                    await outbox.failed(tx, message.outbox_id, error)
            return len(batch)

    async def _deliver(self, batch: Sequence[Any]) -> dict[int, str | None]:
        mails = [message for message in batch if message.kind == "email"]
        others = [message for message in batch if message.kind != "email"]
        outcomes = await self._send_mails(mails)
        told = await asyncio.gather(*(self._tell_channel(message.payload) for message in others))
        return outcomes | dict(zip((message.outbox_id for message in others), told, strict=True))

    async def _send_mails(self, mails: Sequence[Any]) -> dict[int, str | None]:
        """Send all over one connection."""
        if not mails:
            return {}
        if self._mail.host is None:
            return {mail.outbox_id: "no mail server is configured" for mail in mails}
        server = aiosmtplib.SMTP(
            hostname=self._mail.host,
            port=self._mail.port,
            username=self._mail.username,
            password=self._mail.password,
            start_tls=self._mail.starttls,
            timeout=SMTP_TIMEOUT_S,
        )
        outcomes: dict[int, str | None] = {}
        try:
            async with server:
                for mail in mails:
                    outcomes[mail.outbox_id] = await self._send(server, mail)
        except (aiosmtplib.SMTPException, OSError) as error:
            for mail in mails:
                outcomes.setdefault(mail.outbox_id, f"{type(error).__name__}: no mail server")
        return outcomes

    async def _send(self, server: aiosmtplib.SMTP, mail: Any) -> str | None:
        try:
            await server.send_message(compose(mail.key, mail.payload, self._mail.sender))
        except aiosmtplib.SMTPRecipientsRefused:
            return "the recipient is refused"
        except aiosmtplib.SMTPResponseException as error:
            return f"the mail server answers {error.code}"
        except aiosmtplib.SMTPNotSupported:
            return "the mail server cannot write to this address"
        except (aiosmtplib.SMTPException, OSError):
            raise
        except Exception as fault:  # noqa: BLE001 - one bad message must not send the others twice
            return f"the message cannot be written: {type(fault).__name__}"
        return None

    async def _tell_channel(self, news: Mapping[str, Any]) -> str | None:
        gateway = self._channels.get(news["channel"])
        if gateway is None:
            return f"no account for the channel {news['channel']}"
        lines = tuple((line, count) for line, count in news["lines"] if line)
        try:
            # The connector looks for this tracking number first: a repeat makes no second one.
            await gateway.push_fulfillment(
                news["external_id"],
                news["tracking_number"],
                news["carrier"],
                lines if len(lines) == len(news["lines"]) else None,
            )
        except ConnectorError as error:
            return str(error)
        except Exception as fault:  # noqa: BLE001 - as above
            return f"the news cannot be told: {type(fault).__name__}"
        return None
