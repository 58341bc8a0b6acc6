"""Keeps words that are not ours to repeat elsewhere: a vendor's answer, a caller's reason."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import row, run
from db.inbox.content import storable

LONGEST = 2_000


@dataclass(frozen=True)
class Remark:
    """`subject` is the id of an order, an exception or a workflow; `about`, what of it."""

    subject: str
    about: str
    text: str


async def keep(tx: AsyncConnection, remark: Remark, said_by: str) -> None:
    """The last word about something stands."""
    await run(
        tx,
        """
        INSERT INTO remarks (subject, about, said_by, text)
        VALUES (:subject, :about, :said_by, left(:text, :longest))
        ON CONFLICT (subject, about) DO UPDATE
            SET said_by = excluded.said_by, text = excluded.text, said_at = now()
        """,
        subject=remark.subject,
        about=remark.about,
        said_by=said_by,
        text=storable(remark.text),
        longest=LONGEST,
    )


async def find(tx: AsyncConnection, subject: str, about: str) -> str | None:
    found = await row(
        tx,
        "SELECT text FROM remarks WHERE subject = :subject AND about = :about",
        subject=subject,
        about=about,
    )
    return found.text if found else None
