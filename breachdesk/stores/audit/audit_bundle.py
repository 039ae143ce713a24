"""Export the audit chain to a file that can be verified without a store.

The file is JSON lines: a header, the entries in order, and a last line that names the head. It
holds the commitments of sealed values, never the values."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

from breachdesk.ports import UnitOfWork
from breachdesk.stores.audit.audit_chain import REMEDY, AuditChain
from schemas.audit import AuditDiscrepancy, AuditEntry
from schemas.errors import BadInput, CorruptData

HEADER = b'{"format": "breachdesk-audit-1"}\n'


def export_bundle(uow: UnitOfWork, path: Path) -> int:
    """Write the whole chain to a file that only its owner may read; returns the number of entries.
    Verified on the way: raises CorruptData rather than export a broken chain, and BadInput when the
    file cannot be written. Nothing is left behind then, and what was there before stays."""
    part = path.with_name(path.name + ".part")
    try:
        count = _write_bundle(uow, part)
        part.replace(path)
    except OSError as error:
        raise BadInput(
            f"it cannot be written ({error.strerror})",
            place=str(path),
            remedy="Name a file in a folder where this user may write and the disk has room.",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _write_bundle(uow: UnitOfWork, path: Path) -> int:
    chain = AuditChain()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(HEADER)
        for entry in uow.audit.follow():
            chain.follow(entry)
            file.write(entry.model_dump_json().encode() + b"\n")
        file.write(_build_end_line(chain))
    return chain.seq


def verify_bundle(path: Path) -> int:
    """Return the number of entries. Raises CorruptData naming the first broken link, BadInput if
    the file is not a bundle."""
    return sum(1 for _ in iterate_entries(path))


def find_difference(path: Path, entries: Iterable[AuditEntry]) -> AuditDiscrepancy | None:
    """Return the first entry of the bundle that differs from the chain, or None if the chain begins
    with the whole bundle. Raises like `verify_bundle`."""
    for exported, entry in zip_longest(iterate_entries(path), entries):
        if exported is None:
            return None
        if entry is None or entry.hash != exported.hash:
            return AuditDiscrepancy(
                where=f"audit entry {exported.seq}",
                what="it is not the entry that was exported",
                chain="nothing: it ends before" if entry is None else _describe_entry(entry),
                store=_describe_entry(exported),
                source=f"the bundle {path.name}",
            )
    return None


def _describe_entry(entry: AuditEntry) -> str:
    return f"{entry.act} by {entry.actor} on {entry.subject}, hash {entry.hash[:12]}"


def iterate_entries(path: Path) -> Iterator[AuditEntry]:
    """Yield the entries of a bundle, each verified first; raises like `verify_bundle`. A line must
    equal byte for byte what an export writes."""
    lines = _iterate_lines(path)
    if next(lines, None) != HEADER:
        raise BadInput(
            "it is no audit bundle",
            place=str(path),
            remedy="Make one with `breachdesk audit export`.",
        )
    chain = AuditChain()
    for line in lines:
        if line.startswith(b'{"end"'):
            if line != _build_end_line(chain) or next(lines, None) is not None:
                raise CorruptData(
                    "the end does not fit the entries before it",
                    place=f"audit entry {chain.seq + 1}",
                    remedy=REMEDY,
                )
            return
        yield chain.follow_text(line.removesuffix(b"\n"))
    raise CorruptData("the end is missing", place=f"audit entry {chain.seq + 1}", remedy=REMEDY)


def _build_end_line(chain: AuditChain) -> bytes:
    return json.dumps({"end": {"seq": chain.seq, "hash": chain.hash}}).encode() + b"\n"


def _iterate_lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise BadInput(
            "it cannot be read", place=str(path), remedy="Check the name and the permissions."
        ) from error
