"""Compare the store with what its audit chain says.

Two checks share one reading of the chain: the digest of every watched row (stores.sql.row_digests), and
the acts' claims in words that a person can check (stores.audit.audit_claims). The first detects every
changed column; the second also covers entries of programs that recorded no digests."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from breachdesk.stores.audit.audit_claims import AuditClaims
from breachdesk.stores.sql import row_digests
from breachdesk.stores.sql.case_cipher import CaseCipher
from schemas.audit import GONE, AuditDiscrepancy, AuditEntry, AuditReport, ChainHead
from schemas.audit_actions import AuditAction


class AuditCheck:
    """Reads the chain once, entry by entry, then the store."""

    def __init__(self, connection: Connection, cipher: CaseCipher) -> None:
        self._connection = connection
        self._claims = AuditClaims(connection, cipher)
        self._digests: dict[str, tuple[str, int]] = {}
        self._recording_since: int | None = None
        self._repeated_recordings: list[int] = []
        self._overwritten: list[AuditDiscrepancy] = []

    def add_entry(self, entry: AuditEntry) -> None:
        """Process the next entry of the chain."""
        self._claims.add_entry(entry)
        if entry.act == AuditAction.STORE_CONTENTS_RECORDED:
            if self._recording_since is not None:
                self._repeated_recordings.append(entry.seq)
        elif entry.rows and self._recording_since is None:
            self._recording_since = entry.seq
        self._overwritten += self._compare_replaced(entry)
        for name, digest in entry.rows.items():
            self._digests[name] = (digest, entry.seq)

    def build_report(self, head: ChainHead) -> AuditReport:
        """Return every discrepancy, in the order of the tables."""
        if head.seq == 0:
            return AuditReport(head=head, discrepancies=tuple(self._compare_empty_chain()))
        is_recording = bool(self._digests) or row_digests.is_recording(self._connection)
        discrepancies = [
            *self._compare_recordings(),
            *self._overwritten,
            *self._claims.iterate_discrepancies(),
        ]
        if not is_recording:
            unrecorded = row_digests.count_watched(self._connection)
            return AuditReport(head=head, discrepancies=tuple(discrepancies), unrecorded=unrecorded)
        return AuditReport(head=head, discrepancies=(*discrepancies, *self._compare_rows()))

    def _compare_replaced(self, entry: AuditEntry) -> Iterator[AuditDiscrepancy]:
        """Yield rows that were changed or inserted outside the program before the program overwrote
        them."""
        for name, digest in entry.replaced.items():
            known = self._digests.get(name)
            if known is None or known[0] == GONE:
                yield AuditDiscrepancy(
                    where=name,
                    what=f"no act wrote this row before entry {entry.seq} wrote over it",
                    chain="nothing of it",
                    store="it was there",
                )
            elif known[0] != digest:
                yield AuditDiscrepancy(
                    where=name,
                    what=f"entry {entry.seq} wrote over other contents than entry {known[1]} left",
                    chain=f"digest {known[0][:12]}",
                    store=f"digest {digest[:12]}",
                )

    def _compare_empty_chain(self) -> Iterator[AuditDiscrepancy]:
        rows = row_digests.count_watched(self._connection)
        if rows:
            yield AuditDiscrepancy(
                where="the chain",
                what="it is empty, although there are rows that only recorded acts can have made",
                chain="nothing was ever done",
                store=f"there are {rows:,} rows of accounts, customers, cases and mail",
            )

    def _compare_recordings(self) -> Iterator[AuditDiscrepancy]:
        for seq in self._repeated_recordings:
            yield AuditDiscrepancy(
                where=f"audit entry {seq}",
                what="the contents of rows were recorded again, which happens only once",
                chain=f"they are recorded since entry {self._recording_since}",
                store="the mark that says so was taken out",
            )

    def _compare_rows(self) -> Iterator[AuditDiscrepancy]:
        unmatched = {name: known for name, known in self._digests.items() if known[0] != GONE}
        for name, digest in row_digests.iterate_digests(self._connection):
            known = unmatched.pop(name, None)
            if known is None:
                yield AuditDiscrepancy(
                    where=name,
                    what="no act wrote this row",
                    chain="nothing of it",
                    store="it is there",
                )
            elif known[0] != digest:
                yield AuditDiscrepancy(
                    where=name,
                    what=f"its contents are not what entry {known[1]} left",
                    chain=f"digest {known[0][:12]}",
                    store=f"digest {digest[:12]}",
                )
        for name, (digest, seq) in unmatched.items():
            yield AuditDiscrepancy(
                where=name,
                what="the row is missing",
                chain=f"entry {seq} wrote it, digest {digest[:12]}",
                store="nothing of it",
            )
