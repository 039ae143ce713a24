"""What every mail channel must do: notifiers.ports.MailChannel."""

from __future__ import annotations

import mailbox
from collections.abc import Callable, Iterator
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path

import pytest
from aiosmtpd.handlers import Mailbox
from smtp_server import smtp_server

from notifiers.channels import open_channel
from notifiers.channels.maildir import LOG, MaildirChannel
from notifiers.ports import MailChannel
from notifiers.testing.channels import build_outgoing
from schemas.casework.notice import SendOutcome
from schemas.settings import SenderSettings, SmtpAuth, SmtpTls

Arrived = Callable[[], list[Message]]
Way = tuple[MailChannel, Arrived]


def mails_in(folder: Path) -> list[Message]:
    return sorted(mailbox.Maildir(folder), key=lambda m: str(m["Message-ID"]))


@pytest.fixture(params=["maildir", "smtp"])
def way(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Way]:
    folder = tmp_path / "mails"
    sender = SenderSettings(from_email="n@penhallow.example", maildir=folder, auth=SmtpAuth.NONE)
    if request.param == "maildir":
        yield (
            open_channel(sender.model_copy(update={"channel": "maildir"})),
            lambda: mails_in(folder),
        )
        return
    with smtp_server(Mailbox(str(folder))) as port:
        changes = {"host": "127.0.0.1", "port": port, "tls": SmtpTls.NONE, "timeout_seconds": 5.0}
        yield open_channel(sender.model_copy(update=changes)), lambda: mails_in(folder)


async def test_each_message_arrives_once_whole_and_for_its_own_customer(way: Way) -> None:
    channel, arrived = way
    results = [await channel.send(build_outgoing(number)) for number in (1, 2, 3)]
    await channel.close()
    mails = arrived()

    assert [r.outcome for r in results] == [SendOutcome.HANDED_OVER] * 3
    assert all(r.reply.startswith("250") for r in results)
    assert [m["Message-ID"] for m in mails] == [
        f"<BR-0001.{number}.1@penhallow.example>" for number in (1, 2, 3)
    ]
    for number, mail in enumerate(mails, 1):
        parts = [part.get_content_type() for part in mail.walk()]
        assert parts == ["multipart/alternative", "text/plain", "text/html"]
        assert mail["To"] == f"Customer c{number:03d} <c{number:03d}@customers.example>"
        others = {f"c{other:03d}" for other in (1, 2, 3)} - {f"c{number:03d}"}
        assert not any(other in mail.as_string() for other in others)


@pytest.mark.parametrize(
    "changes",
    [
        {"to_email": "no\r\nbody@customers.example"},
        {"to_email": "a@x..example"},
        {"to_email": "a@b@c"},
        {"to_email": "<a@x>"},
        {"to_email": '"x> RCPT TO:<b@y"@z.example'},
        {"to_name": "=?utf-8?q?Joe=0d=0aX-Injected:_yes=0d=0a=0d=0aPay_to_IBAN_XX?="},
        {"to_name": "Nine\nBcc: x"},
        {"from_name": "Nine\0"},
    ],
)
async def test_what_no_message_can_be_made_of_is_unsendable_and_no_server_is_asked(
    way: Way, changes: dict[str, str]
) -> None:
    channel, arrived = way
    result = await channel.send(build_outgoing(1, **changes))
    await channel.close()

    assert result.outcome is SendOutcome.UNSENDABLE
    assert result.reply == ""
    assert arrived() == []


async def test_names_in_any_script_arrive_as_they_are(way: Way) -> None:
    channel, arrived = way
    names = (
        "Siân Ó Briain, Müller & Co",
        "مریم می‌خواهم",
        "O'Neil (Leeds) <ops>",
        "a: b@c.example;",
    )
    results = [
        await channel.send(build_outgoing(number, to_name=name))
        for number, name in enumerate(names, 1)
    ]
    await channel.close()

    assert {r.outcome for r in results} == {SendOutcome.HANDED_OVER}
    for mail, name in zip(arrived(), names, strict=True):
        raw = str(mail["To"]).rpartition(" <")[0].strip()
        assert str(make_header(decode_header(raw))).strip('"') == name
        assert str(mail["To"]).count("@") == 1


async def test_a_line_that_is_a_single_dot_arrives(way: Way) -> None:
    channel, arrived = way
    letter = build_outgoing(1).letter.model_copy(update={"text": "before\n.\n..\nafter\n"})
    await channel.send(build_outgoing(1, letter))
    await channel.close()

    text = arrived()[0].get_payload(0)

    assert isinstance(text, Message)
    assert text.get_payload(decode=True).split() == [b"before", b".", b"..", b"after"]


async def test_closing_twice_or_unused_is_no_error(way: Way) -> None:
    channel, arrived = way

    await channel.close()
    await channel.close()

    assert arrived() == []


async def test_the_folder_files_a_message_id_once_even_after_it_was_read(tmp_path: Path) -> None:
    channel = MaildirChannel(tmp_path / "mails")
    await channel.send(build_outgoing(1))
    new = next((tmp_path / "mails/new").iterdir())
    new.rename(tmp_path / "mails/cur" / f"{new.name}:2,S")

    again = await MaildirChannel(tmp_path / "mails").send(build_outgoing(1))

    assert again.outcome is SendOutcome.HANDED_OVER
    assert len(mails_in(tmp_path / "mails")) == 1
    assert channel.has_message("<BR-0001.1.1@penhallow.example>")
    assert not channel.has_message("BR-0001.2.1@penhallow.example")


async def test_the_folders_log_is_made_good_after_a_crash_before_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    await MaildirChannel(folder).send(build_outgoing(1))
    log = (folder / LOG).read_text()
    (folder / LOG).unlink()

    MaildirChannel(folder)
    MaildirChannel(folder)

    assert log.startswith("<BR-0001.1.1@penhallow.example> ")
    assert (folder / LOG).read_text() == log


async def test_a_full_disk_is_deferred(tmp_path: Path) -> None:
    channel = MaildirChannel(tmp_path / "mails")
    (tmp_path / "mails/tmp").rmdir()

    result = await channel.send(build_outgoing(1))

    assert result.outcome is SendOutcome.DEFERRED
    assert mails_in(tmp_path / "mails") == []
