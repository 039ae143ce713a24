"""Write heads of the audit chain to a file outside the store, one a line.

Lines are only appended. Each carries the SHA-256 of the line before it and itself, so that a line
that was changed, removed or inserted is detected. A cut at the end is not visible in the file: the
store's mark `audit-anchored` names the newest line."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from contextlib import suppress
from datetime import datetime
from io import FileIO
from pathlib import Path

from schemas.audit import GENESIS, ChainAnchor, ChainHead
from schemas.errors import ConfigurationError, CorruptData, NotFound

PLACE = "audit.anchor_file"


class AnchorFile:
    """The file that `audit.anchor_file` names. Several processes may add to it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, head: ChainHead, at: datetime, why: str) -> None:
        """Note the head; durable on return. Raises ConfigurationError when it cannot be written:
        the folder must exist, so that a mount that is away is not mistaken for an empty one."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise _build_unusable_error(error) from error
        with FileIO(descriptor, "rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = file.read()
            # A line whose end is missing was never noted: a crash, or a full disk, cut it off.
            whole = content.rfind(b"\n") + 1
            before = _read_last_link(content[:whole])
            fields = {"seq": head.seq, "hash": head.hash, "at": at.isoformat(), "why": why}
            line = json.dumps({**fields, "link": _compute_link(before, fields)}) + "\n"
            try:
                if whole < len(content):
                    file.truncate(whole)
                _write_whole(file, line.encode())
            except OSError as error:
                with suppress(OSError):
                    file.truncate(whole)
                raise _build_unusable_error(error) from error

    def read(self) -> list[ChainAnchor]:
        """Return all anchors, oldest first. Raises NotFound if there is no file, CorruptData naming
        the first line that was altered."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            raise NotFound(
                "the anchor file is missing", place=PLACE, remedy="Mount its folder, or look why."
            ) from None
        except OSError as error:
            raise _build_unusable_error(error) from error
        anchors: list[ChainAnchor] = []
        link = GENESIS
        for number, line in enumerate(content.split(b"\n")[:-1], 1):
            anchor, link = _parse_anchor(line, link, number)
            anchors.append(anchor)
        if not content.endswith(b"\n") and content:
            raise _build_corrupt_error(len(anchors) + 1)
        return anchors


def _write_whole(file: FileIO, line: bytes) -> None:
    """Append the line durably. A disk that is nearly full accepts part of a line without an
    error."""
    if file.write(line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file.fileno())


def _parse_anchor(line: bytes, before: str, number: int) -> tuple[ChainAnchor, str]:
    try:
        fields = json.loads(line)
        link = fields.pop("link")
        anchor = ChainAnchor(
            seq=fields["seq"],
            hash=fields["hash"],
            at=datetime.fromisoformat(fields["at"]),
            source=f"the anchor of {fields['at']}",
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _build_corrupt_error(number) from None
    if link != _compute_link(before, fields):
        raise _build_corrupt_error(number)
    return anchor, link


def _read_last_link(content: bytes) -> str:
    """Return the link of the last line. A garbled last line does not stop anchoring: the next line
    does not match it, and `read` reports it."""
    lines = content.split(b"\n")
    last = lines[-2] if len(lines) > 1 else b""
    try:
        return str(json.loads(last)["link"]) if last else GENESIS
    except (ValueError, KeyError, TypeError):
        return GENESIS


def _compute_link(before: str, fields: dict[str, object]) -> str:
    text = json.dumps(fields, sort_keys=True)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def _build_corrupt_error(number: int) -> CorruptData:
    return CorruptData(
        f"line {number} of the anchor file is not as it was added",
        place=PLACE,
        remedy="Keep the file as it is and compare it with its own backup.",
    )


def _build_unusable_error(error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the anchor file cannot be used ({error.strerror})",
        place=PLACE,
        remedy="Mount its folder and let this user write there, or name another file.",
    )
