"""The way of e-mails: all of a turn over one connection; one bad message holds none up."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any, Final

import aiosmtplib
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.composing import Manner, OrderPages, compose
from activities.delivery import Failure
from db.queries.brands import Shown, shown_to
from domain.brand import Brand
from domain.languages import UNDETERMINED

SMTP_TIMEOUT_S: Final = 20.0
# A slow server gets on with it in its next turn, and what is sent by then is recorded.
MAIL_TURN_S: Final = 60.0
# Whatever one message does to the connection, those behind it are not to blame.
UNTRIED: Final = Failure("the connection ended before it", was_tried=False)


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

    async def carry(
        self, tx: AsyncConnection, mails: Sequence[Any]
    ) -> Mapping[int, Failure | None]:
        if self._mail.host is None:
            waits = Failure("no mail server is configured", was_tried=False)
            return {mail.outbox_id: waits for mail in mails}
        shown = await shown_to(tx, [mail.order_id for mail in mails if mail.order_id])
        server = aiosmtplib.SMTP(
            hostname=self._mail.host,
            port=self._mail.port,
            username=self._mail.username,
            password=self._mail.password,
            start_tls=self._mail.starttls,
            timeout=SMTP_TIMEOUT_S,
        )
        outcomes: dict[int, Failure | None] = {}
        begun: Any = None
        try:
            async with asyncio.timeout(MAIL_TURN_S), server:
                for mail in mails:
                    if begun is not None and not server.is_connected:
                        break
                    begun = mail
                    outcomes[mail.outbox_id] = await self._send(server, mail, shown)
        except (aiosmtplib.SMTPException, OSError) as error:
            what = type(error).__name__
            if begun is None:
                away = Failure(f"{what}: no mail server")
                return {mail.outbox_id: away for mail in mails}
            outcomes.setdefault(begun.outbox_id, Failure(f"{what}: the connection broke at it"))
        return {mail.outbox_id: UNTRIED for mail in mails} | outcomes

    def _written(self, mail: Any, shown: Mapping[str, Shown]) -> EmailMessage:
        payload = mail.payload
        if self._pages and "facts" in payload:
            facts = payload["facts"]
            payload = payload | {"facts": facts | self._pages.code(facts)}
        manner = self._manner(mail.order_id, shown)
        return compose(mail.key, payload, self._mail.sender, mail.created_at, manner)

    def _manner(self, order_id: str | None, shown: Mapping[str, Shown]) -> Manner:
        if order_id is None or order_id not in shown:
            name, address = parseaddr(self._mail.sender)
            return Manner(Brand(name or address), UNDETERMINED)
        page = self._pages.link(order_id) if self._pages else None
        return Manner(shown[order_id].brand, shown[order_id].locale, page)

    async def _send(
        self, server: aiosmtplib.SMTP, mail: Any, shown: Mapping[str, Shown]
    ) -> Failure | None:
        try:
            await server.send_message(self._written(mail, shown))
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
