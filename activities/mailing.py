"""The way of e-mails: all of a turn over one connection; one bad message holds none up."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, Final

import aiosmtplib
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.delivery import Failure
from activities.mail import OrderPages, compose

SMTP_TIMEOUT_S: Final = 20.0
# A slow server gets on with it in its next turn, and what is sent by then is recorded.
MAIL_TURN_S: Final = 60.0


@dataclass(frozen=True)
class MailServer:
    """`host` None: mail waits in the outbox until one is configured."""

    host: str | None
    port: int
    sender: str
    username: str | None = None
    password: str | None = None
    starttls: bool = True


class Mails:
    def __init__(self, mail: MailServer, pages: OrderPages | None = None) -> None:
        self._mail = mail
        self._pages = pages

    async def carry(self, _: AsyncConnection, mails: Sequence[Any]) -> Mapping[int, Failure | None]:
        if self._mail.host is None:
            waits = Failure("no mail server is configured", was_tried=False)
            return {mail.outbox_id: waits for mail in mails}
        server = aiosmtplib.SMTP(
            hostname=self._mail.host,
            port=self._mail.port,
            username=self._mail.username,
            password=self._mail.password,
            start_tls=self._mail.starttls,
            timeout=SMTP_TIMEOUT_S,
        )
        outcomes: dict[int, Failure | None] = {}
        try:
            async with asyncio.timeout(MAIL_TURN_S), server:
                for mail in mails:
                    outcomes[mail.outbox_id] = await self._send(server, mail)
        except (aiosmtplib.SMTPException, OSError) as error:
            away = Failure(f"{type(error).__name__}: no mail server")
            for mail in mails:
                outcomes.setdefault(mail.outbox_id, away)
        return outcomes

    def _written(self, mail: Any) -> EmailMessage:
        page = self._pages.link(mail.order_id) if self._pages and mail.order_id else None
        payload = mail.payload
        if self._pages and "facts" in payload:
            facts = payload["facts"]
            payload = payload | {"facts": facts | self._pages.code(facts)}
        return compose(mail.key, payload, self._mail.sender, mail.created_at, page)

    async def _send(self, server: aiosmtplib.SMTP, mail: Any) -> Failure | None:
        try:
            await server.send_message(self._written(mail))
        except aiosmtplib.SMTPRecipientsRefused:
            return Failure("the recipient is refused")
        except aiosmtplib.SMTPResponseException as error:
            return Failure(f"the mail server answers {error.code}")
        except aiosmtplib.SMTPNotSupported:
            return Failure("the mail server cannot write to this address")
        except (aiosmtplib.SMTPException, OSError):
            raise
        except Exception as fault:  # noqa: BLE001 - one bad message must not send the others twice
            return Failure(f"the message cannot be written: {type(fault).__name__}")
        return None
