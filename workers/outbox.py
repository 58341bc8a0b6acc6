"""The outbox loop: e-mails and channel news leave at least once, each with its stable id."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import aiosmtplib
from sqlalchemy.ext.asyncio import AsyncEngine

from activities.connectors.channel.port import ChannelGateway
from activities.connectors.errors import ConnectorError, Rejected
from activities.mail import compose
from db.stores import outbox
from workers.loop import TableLoop
from workers.settings import Settings

BATCH: Final = 20
SMTP_TIMEOUT_S: Final = 20.0
log = logging.getLogger(__name__)


class NotDelivered(Exception):
    """The message stays; the text says why."""


class OutboxLoop(TableLoop):
    def __init__(
        self, engine: AsyncEngine, settings: Settings, channels: Mapping[str, ChannelGateway]
    ) -> None:
        super().__init__(engine, "outbox")
        self._settings = settings
        self._channels = channels

    async def work_once(self) -> int:
        """Deliver a batch while its rows are locked, so that no other worker sends them too."""
        async with self._engine.begin() as tx:
            batch = await outbox.claim(tx, BATCH)
            outcomes = await self._deliver(batch)
            for message in batch:
                error = outcomes[message.outbox_id]
                if error is None:
                    await outbox.delivered(tx, message.outbox_id)
                else:
                    log.warning("outbox %s waits: %s", message.key, error)
                    await outbox.failed(tx, message.outbox_id, error)
            return len(batch)

    async def _deliver(self, batch: Any) -> dict[int, str | None]:
        mails = [message for message in batch if message.kind == "email"]
        others = [message for message in batch if message.kind != "email"]
        outcomes = await self._send_mails(mails)
        told = await asyncio.gather(*(self._tell_channel(message) for message in others))
        return outcomes | dict(zip((message.outbox_id for message in others), told, strict=True))

    async def _send_mails(self, mails: list[Any]) -> dict[int, str | None]:
        """Send all over one connection."""
        if not mails:
            return {}
        settings = self._settings
        if settings.smtp_host is None:
            return {mail.outbox_id: "OMS_SMTP_HOST is not set" for mail in mails}
        password = settings.smtp_password
        server = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username,
            password=password.get_secret_value() if password else None,
            start_tls=settings.smtp_starttls,
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
            await server.send_message(compose(mail.key, mail.payload, self._settings.smtp_sender))
        except aiosmtplib.SMTPResponseException as error:
            return f"{error.code} {error.message}"
        except aiosmtplib.SMTPRecipientsRefused:
            return "the recipient is refused"
        return None

    async def _tell_channel(self, message: Any) -> str | None:
        payload = message.payload
        gateway = self._channels.get(payload["channel"])
        if gateway is None:
            return f"no account for the channel {payload['channel']}"
        lines = tuple((line, count) for line, count in payload["lines"] if line)
        try:
            # The connector looks for this tracking number first: a repeat makes no second one.
            await gateway.push_fulfillment(
                payload["external_id"],
                payload["tracking_number"],
                payload["carrier"],
                lines if len(lines) == len(payload["lines"]) else None,
            )
        except Rejected as refusal:
            return f"refused: {refusal.detail}"
        except ConnectorError as error:
            return str(error)
        return None
