"""A folder of caught e-mails: one file each, numbered in the order of arrival."""

import email
import email.policy
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

from workers.errors import UserError
from workers.local.files import make_private_folder

# The envelope's recipients, which the message itself need not name.
ENVELOPE_HEADER = "X-Envelope-To"


@dataclass(frozen=True)
class CaughtMail:
    number: int
    to: str
    subject: str
    message_id: str
    date: str


class Mailbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, content: bytes, recipients: Sequence[str]) -> int:
        """Whole on disk, or not there at all; returns the message's number."""
        make_private_folder(self.folder)
        draft = self.folder / f".{secrets.token_hex(8)}"
        with draft.open("wb") as file:
            file.write(f"{ENVELOPE_HEADER}: {', '.join(recipients)}\r\n".encode())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            number = max(self.numbers(), default=0) + 1
            while not _claim(draft, self.path(number)):
                number += 1
        finally:
            draft.unlink()
        return number

    def path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.eml"

    def numbers(self) -> list[int]:
        if not self.folder.is_dir():
            return []
        return sorted(int(path.stem) for path in self.folder.glob("[0-9]*.eml"))

    def list(self) -> list[CaughtMail]:
        return [self._summary(number) for number in self.numbers()]

    def read(self, number: int) -> EmailMessage:
        """Raises: UserError when there is no such message."""
        try:
            content = self.path(number).read_bytes()
        except FileNotFoundError:
            raise UserError(f"no e-mail has the number {number}") from None
        return email.message_from_bytes(content, policy=email.policy.default)

    def _summary(self, number: int) -> CaughtMail:
        message = self.read(number)
        return CaughtMail(
            number=number,
            to=str(message[ENVELOPE_HEADER]),
            # A long one is folded on its way, which leaves spaces behind.
            subject=" ".join(str(message["Subject"] or "").split()),
            message_id=str(message["Message-ID"] or ""),
            date=str(message["Date"] or ""),
        )


def readable(message: EmailMessage) -> str:
    """Headers and text without the encodings of the wire; HTML only where there is no text."""
    headers = "".join(f"{name}: {value}\n" for name, value in message.items())
    body = message.get_body(("plain", "html"))
    return f"{headers}\n{body.get_content() if body is not None else ''}"


def _claim(draft: Path, path: Path) -> bool:
    """A link is made only where nothing is yet, so no two messages share a number."""
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return False
    return True
