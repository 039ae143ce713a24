"""Compare the chain with heads that were recorded outside the store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from schemas.audit import GENESIS, AuditDiscrepancy, AuditEntry, ChainAnchor
from schemas.errors import BadInput

_TYPED = re.compile(r"([0-9]{1,18}):([0-9a-fA-F]{64})")


def parse_anchor(text: str) -> ChainAnchor:
    """Parse `SEQ:HASH`, as `audit head` prints it. Raises BadInput."""
    match = _TYPED.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            "this is no head of a chain",
            place="--head",
            remedy="Write the entry's number, a colon and all 64 characters of its hash.",
        )
    return ChainAnchor(seq=int(match[1]), hash=match[2].lower(), source="the head you typed")


def iterate_broken_anchors(
    anchors: Sequence[ChainAnchor], entries: Iterable[AuditEntry]
) -> Iterator[AuditDiscrepancy]:
    """Yield anchors that do not match the chain, oldest entry first."""
    anchors_by_seq: dict[int, list[ChainAnchor]] = {}
    for anchor in anchors:
        anchors_by_seq.setdefault(anchor.seq, []).append(anchor)
    yield from _compare_anchors(anchors_by_seq.pop(0, []), GENESIS)
    seq = 0
    for entry in entries:
        seq = entry.seq
        yield from _compare_anchors(anchors_by_seq.pop(seq, []), entry.hash)
    for later in sorted(anchors_by_seq):
        for anchor in anchors_by_seq[later]:
            yield AuditDiscrepancy(
                where=f"audit entry {later}",
                what="the chain is older than its anchor: it was emptied, cut, or put back",
                chain=f"it ends at entry {seq}",
                store=f"hash {anchor.hash[:12]}",
                source=anchor.source,
            )


def _compare_anchors(anchors: Iterable[ChainAnchor], link: str) -> Iterator[AuditDiscrepancy]:
    for anchor in anchors:
        if anchor.hash != link:
            yield AuditDiscrepancy(
                where=f"audit entry {anchor.seq}",
                what="it differs from the anchored entry: the chain was rewritten",
                chain=f"hash {link[:12]}",
                store=f"hash {anchor.hash[:12]}",
                source=anchor.source,
            )
