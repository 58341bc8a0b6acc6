"""A mail server that keeps what it is given."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller

from activities.mailing import MailServer
from workers.local.ports import any_free_port

SENDER = "shop@example.com"


class Letterbox:
    """Keeps what arrives; refuses recipients named so, drops the connection, is busy."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.messages: list[EmailMessage] = []

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address.startswith("drops"):
            server.transport.abort()
            await asyncio.Event().wait()
        if address.startswith("busy"):
            return "421 come again later"
        if address.startswith("refused"):
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.received += envelope.rcpt_tos
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def an_open_letterbox() -> Iterator[tuple[Letterbox, MailServer]]:
    box, port = Letterbox(), any_free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, MailServer("127.0.0.1", port, SENDER, starttls=False)
    controller.stop()
