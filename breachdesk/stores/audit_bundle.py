"""The audit chain as one file that can be verified where no store is.

JSON lines: a header, the entries in order, and a last line that names the head. Sealed values stay
behind: the file holds their commitments only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from breachdesk.ports import UnitOfWork
from breachdesk.stores.audit_links import REMEDY, Chain
from schemas.errors import BadInput, Corrupt

HEADER = b'{"format": "breachdesk-audit-1"}\n'


def export_bundle(uow: UnitOfWork, path: Path) -> int:
    """Write the whole chain to a file that only its owner may read; returns the number of entries.
    Verified on the way: raises Corrupt rather than export a broken chain."""
    chain = Chain()
    part = path.with_name(path.name + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(HEADER)
        for entry in uow.audit.entries():
            chain.follow(entry)
            file.write(entry.model_dump_json().encode() + b"\n")
        file.write(_end(chain))
    part.replace(path)
    return chain.seq


def verify_bundle(path: Path) -> int:
    """Number of entries. Raises Corrupt naming the first broken link, BadInput when the file is no
    bundle. Every byte counts: a line must be exactly what an export writes."""
    lines = _lines(path)
    if next(lines, None) != HEADER:
        raise BadInput(
            "it is no audit bundle",
            place=str(path),
            remedy="Make one with `breachdesk audit export`.",
        )
    chain = Chain()
    for line in lines:
        if line.startswith(b'{"end"'):
            if line != _end(chain) or next(lines, None) is not None:
                raise Corrupt(
                    "the end does not fit the entries before it",
                    place=f"audit entry {chain.seq + 1}",
                    remedy=REMEDY,
                )
            return chain.seq
        chain.follow_text(line.removesuffix(b"\n"))
    raise Corrupt("the end is missing", place=f"audit entry {chain.seq + 1}", remedy=REMEDY)


def _end(chain: Chain) -> bytes:
    return json.dumps({"end": {"seq": chain.seq, "hash": chain.hash}}).encode() + b"\n"


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise BadInput(
            "it cannot be read", place=str(path), remedy="Check the name and the permissions."
        ) from error
