"""Write mail to a folder instead of a mail server: for drills, dry runs, and mail that another
program picks up."""

from __future__ import annotations

import hashlib
import mailbox
import os
from pathlib import Path

from notifiers.delivery.message import add_brackets, build_message
from schemas import private_files
from schemas.casework.notice import OutgoingMessage, SendOutcome, SendResult
from schemas.errors import BadInput, ConfigurationError
from schemas.settings import SenderSettings

LOG = "handed-over.log"
"""One line a message: its Message-ID and its file."""


class MaildirChannel:
    """notifiers.ports.MailChannel. The same Message-ID is filed once, however often it is sent."""

    def __init__(self, folder: Path) -> None:
        mailbox.Maildir(folder, create=True).close()
        self._folder = folder
        self._complete_log()

    async def send(self, outgoing: OutgoingMessage) -> SendResult:
        """Write the message to disk, which counts as sent; a full disk is `deferred`."""
        try:
            message = build_message(outgoing)
        except BadInput:
            return SendResult(outcome=SendOutcome.UNSENDABLE)
        try:
            self._write_message(outgoing.message_id, message)
        except OSError:
            return SendResult(outcome=SendOutcome.DEFERRED, reply="452 4.3.1")
        return SendResult(outcome=SendOutcome.HANDED_OVER, reply="250 2.0.0")

    async def close(self) -> None: ...

    def has_message(self, message_id: str) -> bool:
        """Whether the message is on disk, which resolves an `unknown` attempt."""
        return _compute_file_name(message_id) in {_get_stem(p) for p in self._list_files()}

    def _write_message(self, message_id: str, message: bytes) -> None:
        if self.has_message(message_id):
            return
        name = _compute_file_name(message_id)
        draft = self._folder / "tmp" / name
        with private_files.open_to_write(draft) as file:
            file.write(message)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self._folder / "new" / name)
        _sync_folder(self._folder / "new")
        self._append_log(f"{add_brackets(message_id)} {name}\n")

    def _list_files(self) -> list[Path]:
        return [*(self._folder / "new").iterdir(), *(self._folder / "cur").iterdir()]

    def _complete_log(self) -> None:
        """Add log lines that a crash prevented; the files are authoritative."""
        log = self._folder / LOG
        listed = set(log.read_text("utf-8").split()) if log.exists() else set()
        for file in sorted(self._list_files()):
            if _get_stem(file) not in listed:
                parsed = mailbox.MaildirMessage(file.read_bytes())
                self._append_log(f"{parsed['Message-ID']} {_get_stem(file)}\n")

    def _append_log(self, line: str) -> None:
        with private_files.open_to_append(self._folder / LOG) as log:
            log.write(line.encode())
            log.flush()
            os.fsync(log.fileno())


def _compute_file_name(message_id: str) -> str:
    return hashlib.sha256(add_brackets(message_id).encode()).hexdigest()[:32]


def _get_stem(file: Path) -> str:
    """Return the file's name without the flags that a mail reader appends."""
    return file.name.partition(":")[0]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _MaildirFactory:
    id = "maildir"

    def open(self, sender: SenderSettings) -> MaildirChannel:
        """Raises ConfigurationError without a folder, or when it cannot be made."""
        place = f"senders, {sender.id}: maildir"
        if sender.maildir is None:
            raise ConfigurationError("no folder is named", place=place, remedy="Name one.")
        try:
            private_files.make_folder(sender.maildir.parent)
            return MaildirChannel(sender.maildir)
        except OSError as wrong:
            remedy = "Name a folder that this process may write to."
            raise ConfigurationError(
                "the folder cannot be used", place=place, remedy=remedy
            ) from wrong


CHANNEL = _MaildirFactory()
