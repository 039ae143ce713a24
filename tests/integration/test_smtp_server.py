"""The SMTP channel against a real server on loopback: TLS, sign-in, and every way to go wrong."""

from __future__ import annotations

import asyncio
import base64
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from notifiers.channels import open_channel
from notifiers.ports import MailChannel
from notifiers.testing.channels import build_outgoing
from schemas.casework.notice import SendOutcome, SendResult
from schemas.settings import SenderSettings, SmtpAuth, SmtpTls

CA = trustme.CA()


@dataclass
class ScriptedReplies:
    """Replies by stage (MAIL, RCPT, DATA); a stage in `drops` cuts the line instead."""

    replies: dict[str, str] = field(default_factory=dict)
    drops: set[str] = field(default_factory=set)
    delay: float = 0.0
    arrived: list[tuple[str | None, list[str], bytes]] = field(default_factory=list)
    connections: int = 0
    passwords: int = 0
    """How often a password came, right or wrong."""
    commands: int = 0
    """MAIL, RCPT and DATA that came."""

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return await self._answer("MAIL", server)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = await self._answer("RCPT", server)
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        reply = await self._answer("DATA", server)
        if reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.arrived.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return reply

    async def _answer(self, command: str, server: SMTP) -> str:
        self.commands += 1
        if command in self.drops:
            assert server.transport is not None
            server.transport.close()
        await asyncio.sleep(self.delay)
        return self.replies.get(command, "250 2.0.0 fine, ann@customers.example")


@dataclass
class RunningServer:
    script: ScriptedReplies
    port: int

    def channel(self, ca_file: Path | None, **changes: object) -> MailChannel:
        sender = SenderSettings(
            from_email="notices@penhallow.example",
            host="localhost",
            port=self.port,
            ca_file=ca_file,
            username="notices",
            secret=SecretStr("a secret"),
            timeout_seconds=60.0,
        )
        return open_channel(sender.model_copy(update=changes))


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


def server_tls(name: str = "localhost") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert(name).configure_cert(context)
    return context


def wrong_tls(fault: str) -> ssl.SSLContext:
    """A server's context whose certificate, or protocol, no careful client accepts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    now = datetime.now(UTC)
    certificates = {
        "expired": lambda: CA.issue_cert("localhost", not_after=now - timedelta(days=1)),
        "not yet valid": lambda: CA.issue_cert("localhost", not_before=now + timedelta(days=1)),
        "another host": lambda: CA.issue_cert("mail.stranger.example"),
        "a host with this one in it": lambda: CA.issue_cert("localhost.stranger.example"),
        "unknown authority": lambda: trustme.CA().issue_cert("localhost"),
        "old protocol": lambda: CA.issue_cert("localhost"),
    }
    certificates[fault]().configure_cert(context)
    if fault == "old protocol":
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


Serve = Callable[..., Awaitable[RunningServer]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[asyncio.Server] = []
    sessions: list[SMTP] = []

    async def start(
        script: ScriptedReplies | None = None,
        *,
        name: str = "localhost",
        starttls: bool = True,
        implicit: bool = False,
        auth: bool = True,
        tls: ssl.SSLContext | None = None,
    ) -> RunningServer:
        script = script or ScriptedReplies()
        context = tls or server_tls(name)

        def sign_in(
            server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
        ) -> AuthResult:
            script.passwords += 1
            known = LoginPassword(b"notices", b"a secret")
            return AuthResult(success=data == known, handled=False)

        def factory() -> SMTP:
            script.connections += 1
            with warnings.catch_warnings():
                # TLS is there from the first octet, which aiosmtpd cannot see.
                warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
                sessions.append(
                    SMTP(
                        script,
                        hostname="mail.example",
                        tls_context=context if starttls and not implicit else None,
                        require_starttls=starttls and not implicit,
                        authenticator=sign_in if auth else None,
                        auth_required=auth,
                        auth_require_tls=not implicit,
                    )
                )
            return sessions[-1]

        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            factory, "127.0.0.1", 0, ssl=context if implicit else None
        )
        servers.append(server)
        return RunningServer(script, server.sockets[0].getsockname()[1])

    yield start
    for server in servers:
        server.close()
    for session in sessions:
        if session.transport is not None:
            session.transport.close()
    await asyncio.sleep(0.05)


async def send_one(channel: MailChannel) -> SendResult:
    try:
        return await channel.send(build_outgoing(1))
    finally:
        await channel.close()


async def test_a_message_is_handed_over_by_starttls_to_one_recipient(
    serve: Serve, ca_file: Path
) -> None:
    running = await serve()

    result = await send_one(running.channel(ca_file))

    assert result.outcome is SendOutcome.HANDED_OVER
    assert result.reply == "250 2.0.0"
    assert result.tls.startswith("TLSv1.")
    (sender, recipients, content) = running.script.arrived[0]
    assert sender == "bounce@penhallow.example"
    assert recipients == ["c001@customers.example"]
    assert b"Message-ID: <BR-0001.1.1@penhallow.example>\r\n" in content


async def test_tls_from_the_first_byte_works_too(serve: Serve, ca_file: Path) -> None:
    running = await serve(implicit=True, auth=False)

    result = await send_one(running.channel(ca_file, tls=SmtpTls.TLS, auth=SmtpAuth.NONE))

    assert result.outcome is SendOutcome.HANDED_OVER
    assert result.tls.startswith("TLSv1.")


async def test_one_connection_carries_many_messages(serve: Serve, ca_file: Path) -> None:
    running = await serve()
    channel = running.channel(ca_file)
    for number in range(1, 6):
        await channel.send(build_outgoing(number))
    await channel.close()

    assert running.script.connections == 1
    assert [to for _, (to,), _ in running.script.arrived] == [
        f"c{number:03d}@customers.example" for number in range(1, 6)
    ]


async def test_a_connection_that_went_stale_is_opened_again(serve: Serve, ca_file: Path) -> None:
    running = await serve()
    channel = running.channel(ca_file)
    await channel.send(build_outgoing(1))
    running.script.drops = {"MAIL"}
    lost = await channel.send(build_outgoing(2))
    running.script.drops = set()
    actual = await channel.send(build_outgoing(3))
    await channel.close()

    assert lost.outcome is SendOutcome.DEFERRED
    assert actual.outcome is SendOutcome.HANDED_OVER
    assert running.script.connections == 2


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "outcome", "stored_reply"),
    [
        ("451 4.3.0 try later, ann@customers.example", SendOutcome.DEFERRED, "451 4.3.0"),
        ("452 full", SendOutcome.DEFERRED, "452"),
        ("550 5.1.1 no ann@customers.example here", SendOutcome.BOUNCED, "550 5.1.1"),
        ("421 4.7.0 closing", SendOutcome.DEFERRED, "421 4.7.0"),
    ],
)
async def test_a_clear_refusal_is_told_by_code_only_and_the_next_message_still_goes(
    serve: Serve, ca_file: Path, command: str, reply: str, outcome: SendOutcome, stored_reply: str
) -> None:
    running = await serve(ScriptedReplies(replies={command: reply}))
    channel = running.channel(ca_file)
    refused = await channel.send(build_outgoing(1))
    running.script.replies = {}
    after = await channel.send(build_outgoing(2))
    await channel.close()

    assert (refused.outcome, refused.reply) == (outcome, stored_reply)
    assert after.outcome is SendOutcome.HANDED_OVER
    assert [to for _, (to,), _ in running.script.arrived] == ["c002@customers.example"]


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("MAIL", SendOutcome.DEFERRED),
        ("RCPT", SendOutcome.DEFERRED),
        ("DATA", SendOutcome.UNKNOWN),
    ],
)
async def test_a_lost_line_is_deferred_before_data_and_unknown_from_data_on(
    serve: Serve, ca_file: Path, command: str, outcome: SendOutcome
) -> None:
    running = await serve(ScriptedReplies(drops={command}))

    result = await send_one(running.channel(ca_file))

    assert result.outcome is outcome
    assert "@" not in result.reply


@pytest.mark.parametrize(
    ("command", "outcome"), [("MAIL", SendOutcome.DEFERRED), ("DATA", SendOutcome.UNKNOWN)]
)
async def test_a_server_that_falls_silent_is_like_one_that_hangs_up(
    serve: Serve, ca_file: Path, command: str, outcome: SendOutcome
) -> None:
    running = await serve()
    channel = running.channel(ca_file, timeout_seconds=3.0)
    first = await channel.send(build_outgoing(1))
    answer, over = running.script._answer, asyncio.Event()

    async def silent_at(at: str, server: SMTP) -> str:
        if at == command:
            await over.wait()
        return await answer(at, server)

    running.script._answer = silent_at  # type: ignore[method-assign]  # the server's mood
    result = await channel.send(build_outgoing(2))
    over.set()
    await channel.close()

    assert first.outcome is SendOutcome.HANDED_OVER
    assert result.outcome is outcome


async def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(
    serve: Serve, ca_file: Path
) -> None:
    stranger = await serve(name="mail.stranger.example")
    unknown = await serve()

    wrong_name = await send_one(stranger.channel(ca_file))
    wrong_authority = await send_one(unknown.channel(None))

    for result in (wrong_name, wrong_authority):
        assert result.outcome is SendOutcome.DEFERRED
        assert result.reply == "no connection: certificate or TLS refused"
    assert stranger.script.arrived + unknown.script.arrived == []


@pytest.mark.parametrize(
    "fault",
    [
        "expired",
        "not yet valid",
        "another host",
        "a host with this one in it",
        "unknown authority",
        "old protocol",
    ],
)
@pytest.mark.parametrize("way", [SmtpTls.STARTTLS, SmtpTls.TLS])
async def test_a_wrong_certificate_defers_and_neither_password_nor_letter_leaves(
    serve: Serve, ca_file: Path, fault: str, way: SmtpTls
) -> None:
    running = await serve(implicit=way is SmtpTls.TLS, tls=wrong_tls(fault))

    result = await send_one(running.channel(ca_file, tls=way))

    assert result.outcome is SendOutcome.DEFERRED
    # A server that speaks only what is too old hangs up by itself.
    assert result.reply in (
        "no connection: certificate or TLS refused",
        "no connection: lost" if fault == "old protocol" else "",
    )
    assert (running.script.passwords, running.script.commands, running.script.arrived) == (0, 0, [])


async def test_the_same_server_with_a_right_certificate_hears_one_password_and_one_letter(
    serve: Serve, ca_file: Path
) -> None:
    for way in (SmtpTls.STARTTLS, SmtpTls.TLS):
        running = await serve(implicit=way is SmtpTls.TLS)
        result = await send_one(running.channel(ca_file, tls=way))

        assert result.outcome is SendOutcome.HANDED_OVER
        assert (running.script.passwords, running.script.commands) == (1, 3)


async def test_nothing_is_sent_to_a_server_without_starttls(serve: Serve, ca_file: Path) -> None:
    running = await serve(starttls=False, auth=False)

    result = await send_one(running.channel(ca_file, auth=SmtpAuth.NONE))

    assert result.outcome is SendOutcome.DEFERRED
    assert result.reply.startswith("no connection: server lacks STARTTLS")
    assert running.script.arrived == []


async def test_a_wrong_password_defers_and_blames_no_recipient(serve: Serve, ca_file: Path) -> None:
    running = await serve()

    result = await send_one(running.channel(ca_file, secret=SecretStr("wrong")))

    assert result.outcome is SendOutcome.DEFERRED
    assert result.reply == "no connection: 535 5.7.8"


async def test_a_server_that_is_down_defers() -> None:
    running = RunningServer(ScriptedReplies(), 1)

    result = await send_one(running.channel(None))

    assert result.outcome is SendOutcome.DEFERRED
    assert result.reply == "no connection: lost"


@pytest.mark.parametrize(
    ("go_on", "end", "outcome", "reply"),
    [
        ("250 fine", "250 fine", SendOutcome.DEFERRED, "answers out of step: 250"),
        ("250 2.0.0 fine", "", SendOutcome.DEFERRED, "answers out of step: 250 2.0.0"),
        ("221 bye", "", SendOutcome.UNKNOWN, "221"),
        ("354 go on", "252 perhaps", SendOutcome.UNKNOWN, "252"),
        ("354 go on", "354 go on", SendOutcome.UNKNOWN, "354"),
        ("354 go on", "250-2.0.0 fine\r\n250 2.0.0 so", SendOutcome.HANDED_OVER, "250 2.0.0"),
    ],
)
async def test_only_a_250_after_the_letter_hands_it_over(
    go_on: str, end: str, outcome: SendOutcome, reply: str
) -> None:
    async with speaking({b"DATA": go_on, b".\r\n": end}) as running:
        result = await send_one(running.channel(None, tls=SmtpTls.NONE, auth=SmtpAuth.NONE))

    assert (result.outcome, result.reply) == (outcome, reply)


async def test_an_answer_too_many_hands_no_later_letter_over() -> None:
    async with speaking({b"DATA": "354 go on", b".\r\n": "451 later\r\n250 fine"}) as running:
        channel = running.channel(None, tls=SmtpTls.NONE, auth=SmtpAuth.NONE)
        results = [await channel.send(build_outgoing(number)) for number in range(1, 5)]
        await channel.close()

    assert {result.outcome for result in results} == {SendOutcome.DEFERRED}


@asynccontextmanager
async def speaking(answers: dict[bytes, str]) -> AsyncIterator[RunningServer]:
    """A server that says this to a line that begins so, and 250 to every other line."""
    talks: list[asyncio.Event] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = asyncio.Event()
        talks.append(ended)
        writer.write(b"220 mail.example\r\n")
        in_letter = False
        while line := await next_line(reader):
            in_letter = in_letter and line != b".\r\n"
            if not in_letter:
                first_match = next(
                    (a for start, a in answers.items() if line.startswith(start)), "250 x"
                )
                in_letter = line.startswith(b"DATA") and first_match.startswith("354")
                writer.write(first_match.encode() + b"\r\n")
        writer.close()
        ended.set()

    server = await asyncio.start_server(talk, "localhost", 0)
    try:
        yield RunningServer(ScriptedReplies(), server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for ended in talks:
            await asyncio.wait_for(ended.wait(), 30)


async def next_line(reader: asyncio.StreamReader) -> bytes:
    """Nothing: the client is gone, by goodbye or without."""
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


async def test_an_oauth_token_signs_in(ca_file: Path) -> None:
    heard: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = {
            b"EHLO": b"250-mail.example\r\n250 AUTH XOAUTH2\r\n",
            b"AUTH": b"235 2.7.0 accepted\r\n",
            b"DATA": b"354 go on\r\n",
            b"QUIT": b"221 bye\r\n",
        }
        writer.write(b"220 mail.example\r\n")
        while line := await reader.readline():
            heard.append(line.strip())
            if line == b".\r\n" or line[:4] in (b"MAIL", b"RCPT"):
                writer.write(b"250 2.0.0 fine\r\n")
            else:
                writer.write(answers.get(line[:4], b""))
        writer.close()

    server = await asyncio.start_server(talk, "localhost", 0, ssl=server_tls())
    running = RunningServer(ScriptedReplies(), server.sockets[0].getsockname()[1])
    channel = running.channel(
        ca_file, tls=SmtpTls.TLS, auth=SmtpAuth.XOAUTH2, secret=SecretStr("a token")
    )
    result = await send_one(channel)
    server.close()
    token = base64.b64encode(b"user=notices\x01auth=Bearer a token\x01\x01")

    assert result.outcome is SendOutcome.HANDED_OVER
    assert b"AUTH XOAUTH2 " + token in heard


async def test_an_address_beyond_ascii_goes_only_where_the_server_can_take_it(
    serve: Serve, ca_file: Path
) -> None:
    running = await serve()
    channel = running.channel(ca_file)
    result = await channel.send(build_outgoing(1, to_email="siân@customers.example"))
    await channel.close()

    assert result.outcome is SendOutcome.BOUNCED
    assert result.reply == "553 5.6.7"
    assert running.script.arrived == []
