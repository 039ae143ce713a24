"""Send mail through a smarthost: STARTTLS or TLS with a verified certificate, password or XOAUTH2.

Each connection carries one sequence of commands and is kept between messages; a message has one
RCPT (RFC 5321). The result after each stage follows `MailChannel.send`: a loss before DATA is
`deferred`, from DATA on it is `unknown`."""

from __future__ import annotations

import ipaddress
import ssl

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)

from notifiers.delivery.message import build_message, get_envelope_sender, is_international
from notifiers.delivery.smtp_replies import NO_CONNECTION, classify_reply, reduce_reply
from schemas.addresses import REMEDY as ADDRESS_REMEDY
from schemas.addresses import is_address
from schemas.casework.notice import OutgoingMessage, SendOutcome, SendResult
from schemas.errors import BadInput, ConfigurationError
from schemas.settings import SenderSettings, SmtpAuth, SmtpTls

LOST = (SMTPServerDisconnected, SMTPTimeoutError, OSError)
CLOSING = 421
COMPLETED = 250


class SmtpChannel:
    """notifiers.ports.MailChannel over aiosmtplib."""

    def __init__(self, sender: SenderSettings, context: ssl.SSLContext) -> None:
        self._sender = sender
        self._context = context
        self._client: SMTP | None = None

    async def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Try once; see notifiers.ports.MailChannel."""
        try:
            message = build_message(outgoing)
        except BadInput:
            return SendResult(outcome=SendOutcome.UNSENDABLE)
        try:
            client = await self._get_connection()
        except (SMTPException, OSError, ValueError) as lost:
            await self._drop_connection()
            return SendResult(
                outcome=SendOutcome.DEFERRED, reply=_describe_connection_failure(lost)
            )
        refused = await self._send_envelope(client, outgoing)
        return refused or await self._send_data(client, message)

    async def close(self) -> None:
        """Send QUIT, if connected; a server that has gone is no error."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            try:
                await client.quit()
            except (SMTPException, OSError):
                client.close()

    async def _get_connection(self) -> SMTP:
        """Return the open connection if it still answers, else a new one, signed in."""
        if self._client is not None and self._client.is_connected:
            try:
                await self._client.rset()
            except (SMTPException, OSError):
                await self._drop_connection()
            else:
                return self._client
        self._client = self._create_client()
        await self._client.connect()
        await self._sign_in(self._client)
        return self._client

    def _create_client(self) -> SMTP:
        sender = self._sender
        return SMTP(
            hostname=sender.host,
            port=sender.port,
            timeout=sender.timeout_seconds,
            use_tls=sender.tls is SmtpTls.TLS,
            start_tls=sender.tls is SmtpTls.STARTTLS,
            tls_context=None if sender.tls is SmtpTls.NONE else self._context,
        )

    async def _sign_in(self, client: SMTP) -> None:
        sender = self._sender
        secret = sender.secret.get_secret_value()
        if sender.auth is SmtpAuth.PASSWORD:
            await client.login(sender.username, secret)
        elif sender.auth is SmtpAuth.XOAUTH2:
            await client.auth_xoauth2(sender.username, secret)

    async def _send_envelope(self, client: SMTP, outgoing: OutgoingMessage) -> SendResult | None:
        """Send MAIL and RCPT. Returns None if both were accepted."""
        tls = _describe_tls(client)
        sender, recipient = get_envelope_sender(outgoing), outgoing.to_email
        international = is_international(outgoing)
        if international and not client.supports_extension("smtputf8"):
            return SendResult(outcome=SendOutcome.BOUNCED, reply="553 5.6.7", tls=tls)
        options = ["SMTPUTF8"] if international else []
        encoding = "utf-8" if international else "ascii"
        try:
            await client.mail(sender, options=options, encoding=encoding)
            await client.rcpt(recipient, encoding=encoding)
        except SMTPResponseException as refusal:
            return await self._build_refusal(refusal, tls, unclear=SendOutcome.DEFERRED)
        except (SMTPException, ValueError, *LOST) as lost:
            await self._drop_connection()
            return SendResult(
                outcome=SendOutcome.DEFERRED, reply=_describe_connection_failure(lost)
            )
        return None

    async def _send_data(self, client: SMTP, message: bytes) -> SendResult:
        tls = _describe_tls(client)
        try:
            reply = await client.data(message)
        except SMTPResponseException as refusal:
            if refusal.code == COMPLETED:
                return await self._handle_unexpected_reply(refusal, tls)
            return await self._build_refusal(refusal, tls, unclear=SendOutcome.UNKNOWN)
        except (SMTPException, *LOST):
            await self._drop_connection()
            return SendResult(outcome=SendOutcome.UNKNOWN, tls=tls)
        reply_code = reduce_reply(reply.code, reply.message)
        return SendResult(outcome=SendOutcome.HANDED_OVER, reply=reply_code, tls=tls)

    async def _build_refusal(
        self, refusal: SMTPResponseException, tls: str, *, unclear: SendOutcome
    ) -> SendResult:
        """Convert a refusal to a result by the reply's code; `unclear` applies if the code is not
        clear at this stage."""
        outcome = classify_reply(refusal.code)
        is_clear = outcome in (SendOutcome.DEFERRED, SendOutcome.BOUNCED)
        if refusal.code == CLOSING or not is_clear:
            await self._drop_connection()
        if not is_clear:
            outcome = unclear
        return SendResult(
            outcome=outcome, reply=reduce_reply(refusal.code, refusal.message), tls=tls
        )

    async def _handle_unexpected_reply(self, answer: SMTPResponseException, tls: str) -> SendResult:
        """Handle 250 where 354 is due, before a byte of the letter has left: the server takes no
        letters, or it answers an earlier command. Nothing was handed over."""
        await self._drop_connection()
        reply = f"answers out of step: {reduce_reply(answer.code, answer.message)}"
        return SendResult(outcome=SendOutcome.DEFERRED, reply=reply, tls=tls)

    async def _drop_connection(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = None


def _describe_connection_failure(problem: Exception) -> str:
    """Return the reply code, or one plain word for what failed."""
    if isinstance(problem, SMTPResponseException):
        return f"{NO_CONNECTION}: {reduce_reply(problem.code, problem.message)}"
    cause = problem.__cause__ or problem
    if isinstance(cause, ssl.SSLError) or isinstance(problem.__context__, ssl.SSLError):
        return f"{NO_CONNECTION}: certificate or TLS refused"
    if isinstance(problem, SMTPNotSupported) or "STARTTLS" in str(problem):
        return f"{NO_CONNECTION}: server lacks STARTTLS or the way to sign in"
    return f"{NO_CONNECTION}: {'timeout' if isinstance(problem, TimeoutError) else 'lost'}"


def _describe_tls(client: SMTP) -> str:
    cipher = client.get_transport_info("cipher") if client.is_connected else None
    return f"{cipher[1]} {cipher[0]}" if cipher else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _SmtpFactory:
    id = "smtp"

    def open(self, sender: SenderSettings) -> SmtpChannel:
        """Open the channel. Raises ConfigurationError naming the setting."""
        for setting, problem, remedy in _find_problems(sender):
            raise ConfigurationError(
                problem, place=f"senders, {sender.id}: {setting}", remedy=remedy
            )
        try:
            context = ssl.create_default_context(cafile=sender.ca_file)
        except (OSError, ssl.SSLError) as wrong:
            raise ConfigurationError(
                "the certificate file cannot be read",
                place=f"senders, {sender.id}: ca_file",
                remedy="Name a PEM file of the authority that signed the server's certificate.",
            ) from wrong
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return SmtpChannel(sender, context)


def _find_problems(sender: SenderSettings) -> list[tuple[str, str, str]]:
    """List (setting, problem, remedy), the most urgent first."""
    signs_in = sender.auth is not SmtpAuth.NONE
    open_wire = sender.tls is SmtpTls.NONE and not _is_loopback(sender.host)
    checks = [
        (not sender.host, "host", "no server is named", "Name your smarthost."),
        (
            not is_address(sender.from_email),
            "from_email",
            "no usable sender address",
            f"Give the address in From. {ADDRESS_REMEDY}",
        ),
        (
            bool(sender.envelope_from) and not is_address(sender.envelope_from),
            "envelope_from",
            "no usable address for bounces",
            f"Leave it out, or give one address. {ADDRESS_REMEDY}",
        ),
        (open_wire, "tls", "mail would cross a network unprotected", "Use starttls or tls."),
        (signs_in and not sender.username, "username", "no user name", "Give it, or auth = none."),
        (
            signs_in and not sender.secret.get_secret_value(),
            "secret",
            "no password or token",
            "Give it in the environment or the settings file.",
        ),
    ]
    return [(setting, problem, remedy) for wrong, setting, problem, remedy in checks if wrong]


CHANNEL = _SmtpFactory()
