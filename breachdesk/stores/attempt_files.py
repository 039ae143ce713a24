"""Read and write the two files next to the store that record the last attempt to send.

The kernel alone sets a file's change time (`st_ctime`): a file that cp, tar or rsync restores gets
a new one. Renaming the folder, a restart, and a re-created container keep it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from schemas.casework.attempt import AnnouncedAttempt, AttemptMarkers, BegunAttempt, HostIdentity
from schemas.customer import FrozenModel
from schemas.errors import RetryableError

ANNOUNCED = "dispatch.announced"
BEGUN = "dispatch.begun"
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")
Doc = TypeVar("Doc", bound=FrozenModel)


class AttemptFiles:
    """breachdesk.casework.delivery.attempt_comparison.AttemptRecords in one folder. `number`: of
    several dispatchers that share the folder over a shared store."""

    def __init__(self, folder: Path, number: int = 0, *, host: HostIdentity | None = None) -> None:
        self._folder = folder
        suffix = f".{number}" if number else ""
        self._announced = folder / (ANNOUNCED + suffix)
        self._begun = folder / (BEGUN + suffix)
        self.host = host or identify_host()

    def read(self) -> AttemptMarkers:
        """Read both files; a missing or unreadable one raises nothing."""
        try:
            announced, announced_changed = _read_document(self._announced, AnnouncedAttempt)
            begun, begun_changed = _read_document(self._begun, BegunAttempt)
        except (OSError, ValidationError):
            return AttemptMarkers(unreadable=True)
        return AttemptMarkers(
            announced=announced,
            announced_changed=announced_changed,
            begun=begun,
            begun_changed=begun_changed,
        )

    def announce(self, announced: AnnouncedAttempt) -> int:
        """Write the file durably and return its change time. Raises RetryableError; the former file
        is then unchanged."""
        return _replace_file(self._announced, announced)

    def record_begin(self, begun: BegunAttempt) -> int:
        """Write the file durably and return its change time. Raises RetryableError; the former file
        is then unchanged."""
        return _replace_file(self._begun, begun)


def identify_host(root: Path = Path("/")) -> HostIdentity:
    """Return the host's identity, as far as the system reveals it. A container's own machine-id
    lasts as long as the container; one that is mounted into it belongs to the host."""
    return HostIdentity(
        board=_compute_digest(_read_first_line(root / "sys/class/dmi/id/product_uuid")),
        system=_compute_digest(_read_machine_id(root)),
        boot=_read_first_line(root / "proc/sys/kernel/random/boot_id"),
    )


def _read_machine_id(root: Path) -> str:
    file = root / "etc/machine-id"
    in_container = any((root / mark.lstrip("/")).exists() for mark in CONTAINER_MARKS)
    return (
        "" if in_container and not _is_mounted(root, "/etc/machine-id") else _read_first_line(file)
    )


def _is_mounted(root: Path, file: str) -> bool:
    """Whether the file is a mount point (fifth field of proc_pid_mountinfo(5)). `Path.is_mount`
    supports folders only, and two mounts may have the same device number."""
    try:
        mounts = (root / "proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return False
    return any(line.split()[4:5] == [file] for line in mounts.splitlines())


def _compute_digest(identifier: str) -> str:
    """Hash the id: a machine-id must not be disclosed (machine-id(5))."""
    return (
        hashlib.sha256(f"breachdesk:{identifier}".encode()).hexdigest()[:16] if identifier else ""
    )


def _read_first_line(file: Path) -> str:
    try:
        return file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _read_document(file: Path, kind: type[Doc]) -> tuple[Doc | None, int]:
    """Return the document and the change time of the same open file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, 0
    with os.fdopen(descriptor, "rb") as opened:
        return kind.model_validate_json(opened.read()), os.fstat(opened.fileno()).st_ctime_ns


def _replace_file(file: Path, document: FrozenModel) -> int:
    draft = file.with_name(file.name + ".new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(document.model_dump_json().encode() + b"\n")
            opened.flush()
            os.fsync(opened.fileno())
            draft.replace(file)
            # Only now: renaming is a change too.
            changed = os.fstat(opened.fileno()).st_ctime_ns
        _sync_folder(file.parent)
    except OSError as error:
        raise RetryableError(
            f"the record of attempts cannot be written ({error.strerror})",
            place=file.name,
            remedy="Check the disk and who may write the data folder.",
        ) from error
    return changed


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
