"""The catcher keeps whole messages, in order, and shows them."""

import smtplib
import threading
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workers import cli
from workers.errors import UserError
from workers.local import commands
from workers.local.blueprint import Plan
from workers.local.datafolder import DataFolder
from workers.local.mailbox import Mailbox
from workers.local.stack import Stack

_MESSAGE = (
    "From: shop@example.com\r\nTo: Ada <ada@example.com>\r\nSubject: =?utf-8?q?Ol=C3=A1?=\r\n"
    "Message-ID: <shop-1001.1@cauce>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nHello\r\n"
)


async def test_what_is_sent_is_listed_with_recipient_subject_and_id(data_dir: Path) -> None:
    async with Stack(data_dir, Plan(parts=frozenset({"mail"}))) as stack:
        with smtplib.SMTP("127.0.0.1", stack.blueprint.ports["mail"]) as client:
            client.sendmail("shop@example.com", ["ada@example.com", "bcc@example.com"], _MESSAGE)
        (caught,) = Mailbox(stack.folder.mail_dir).list()
    assert caught.to == "ada@example.com, bcc@example.com"
    assert caught.subject == "Olá"
    assert caught.message_id == "<shop-1001.1@cauce>"
    assert caught.date == "Sun, 22 Nov 2026 10:00:00 +0000"

    app = cli.build()
    listed = CliRunner().invoke(app, ["mail", "list", "--data-dir", str(data_dir)])
    assert "Olá" in listed.output
    shown = CliRunner().invoke(app, ["mail", "show", "1", "--data-dir", str(data_dir)])
    assert "Hello" in shown.output


def test_messages_that_arrive_together_get_numbers_of_their_own(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def keep() -> None:
        barrier.wait()
        Mailbox(tmp_path).keep(b"Subject: x\r\n\r\n", ["a@example.com"])

    threads = [threading.Thread(target=keep) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Mailbox(tmp_path).numbers() == list(range(1, 9))


def test_a_long_subject_and_an_encoded_text_are_shown_as_they_were_written(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = EmailMessage()
    message["Subject"] = subject = (
        f"Please pay the bank slip for your order {'0123456789' * 5} soon"
    )
    message.set_content("Olá João, " + "até amanhã " * 20 + "\n")
    with DataFolder(data_dir) as folder:
        Mailbox(folder.mail_dir).keep(message.as_bytes(policy=SMTP), ["ada@example.com"])
    assert [caught.subject for caught in Mailbox(folder.mail_dir).list()] == [subject]
    commands.mail_show(1, data_dir)
    assert "Olá João, " + "até amanhã " * 20 in capsys.readouterr().out


def test_a_folder_without_a_stack_is_one_line(tmp_path: Path) -> None:
    for show in (lambda: commands.mail_list(tmp_path), lambda: commands.mail_show(1, tmp_path)):
        with pytest.raises(UserError, match="holds no data of a stack"):
            show()


def test_an_absent_message_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no e-mail has the number 7"):
        Mailbox(tmp_path).read(7)


def test_of_a_message_in_two_ways_the_text_is_shown(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = EmailMessage()
    message["Subject"] = "Olá"
    message.set_content("the text\n")
    message.add_alternative("<p>the markup</p>", subtype="html")
    with DataFolder(data_dir) as folder:
        Mailbox(folder.mail_dir).keep(message.as_bytes(policy=SMTP), ["ada@example.com"])
    commands.mail_show(1, data_dir)
    shown = capsys.readouterr().out
    assert "the text" in shown
    assert "markup" not in shown
