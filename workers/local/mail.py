"""Catches every e-mail of the stack over SMTP and keeps it in a folder; sends nothing on."""

import argparse
import asyncio
import signal
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from workers.local.mailbox import Mailbox
from workers.local.ports import LOOPBACK


class Catcher:
    """aiosmtpd calls this by name once a message is complete."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(  # noqa: N802 - the library's spelling
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.original_content or b""
        number = await asyncio.to_thread(self._mailbox.keep, content, envelope.rcpt_tos)
        return f"250 kept as {number}"


async def serve(port: int, folder: Path) -> None:
    """Until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stop.set)
    catcher = Catcher(Mailbox(folder))
    server = await loop.create_server(lambda: SMTP(catcher, enable_SMTPUTF8=True), LOOPBACK, port)
    await stop.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dir", type=Path, required=True)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.port, chosen.dir))


if __name__ == "__main__":
    main()
