"""The chain compared with heads that were noted outside the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from schemas.audit import GENESIS, Anchor, AuditEntry, Discrepancy
from schemas.errors import BadInput

_TYPED = re.compile(r"([0-9]{1,18}):([0-9a-fA-F]{64})")


def typed_anchor(text: str) -> Anchor:
    """`SEQ:HASH`, as `audit head` prints it. Raises BadInput."""
    match = _TYPED.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            "this is no head of a chain",
            place="--head",
            remedy="Write the entry's number, a colon and all 64 characters of its hash.",
        )
    return Anchor(seq=int(match[1]), hash=match[2].lower(), source="the head you typed")


def broken_anchors(
    anchors: Sequence[Anchor], entries: Iterable[AuditEntry]
) -> Iterator[Discrepancy]:
    """Anchors that the chain does not bear out, oldest entry first."""
    wanted: dict[int, list[Anchor]] = {}
    for anchor in anchors:
        wanted.setdefault(anchor.seq, []).append(anchor)
    yield from _wrong(wanted.pop(0, []), GENESIS)
    seq = 0
    for entry in entries:
        seq = entry.seq
        yield from _wrong(wanted.pop(seq, []), entry.hash)
    for later in sorted(wanted):
        for anchor in wanted[later]:
            yield Discrepancy(
                where=f"audit entry {later}",
                what="the chain is older than its anchor: it was emptied, cut, or put back",
                chain=f"it ends at entry {seq}",
                store=f"hash {anchor.hash[:12]}",
                source=anchor.source,
            )


def _wrong(anchors: Iterable[Anchor], link: str) -> Iterator[Discrepancy]:
    for anchor in anchors:
        if anchor.hash != link:
            yield Discrepancy(
                where=f"audit entry {anchor.seq}",
                what="it is another entry than was anchored: the chain was written anew",
                chain=f"hash {link[:12]}",
                store=f"hash {anchor.hash[:12]}",
                source=anchor.source,
            )
