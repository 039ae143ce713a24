"""Append to, read and verify the audit chain in the store. A transaction locks the chain's head
last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.engine import Connection

from breachdesk.stores.audit.audit_chain import AuditChain, parse_entry
from breachdesk.stores.audit.audit_check import AuditCheck
from breachdesk.stores.sql.case_cipher import ERASED, NO_CASE, CaseCipher, format_customer_key
from breachdesk.stores.sql.keyset import KeysetPager, SortKey
from breachdesk.stores.sql.row_digests import RowDigests
from breachdesk.stores.tables.case_tables import audit, audit_head
from schemas.audit import GENESIS, AuditEntry, AuditReport, ChainHead
from schemas.audit_actions import AuditAction
from schemas.errors import BadInput, CorruptData
from schemas.paging import Page, PageRequest

CHAIN = "main"
PAGE = 2_000
SUBJECTS = 500
"""Of one query: databases limit how many values a statement may name."""
ROWS_AN_ENTRY = 1_000
STORE = "system:store"
NEWEST = KeysetPager(SortKey(audit.c.seq, descending=True))


class SqlAuditBook:
    """breachdesk.ports.AuditBook. Entries wait in memory until `finish`."""

    def __init__(self, connection: Connection, cipher: CaseCipher, row_digests: RowDigests) -> None:
        self._connection = connection
        self._cipher = cipher
        self._row_digests = row_digests
        self._pending_entries: list[dict[str, Any]] = []
        self.erased = False
        """A key was destroyed: the log's copy of its page should go too."""

    def record(
        self,
        *,
        at: datetime,
        actor: str,
        action: AuditAction,
        subject: str,
        facts: Mapping[str, Any] | None = None,
        personal: Mapping[str, str] | None = None,
        case_id: str | None = None,
        customer_id: str | None = None,
    ) -> None:
        """Queue an entry for `finish`. Raises BadInput if a personal value has the name of a
        fact."""
        stated = dict(facts or {})
        owner = case_id or (NO_CASE if customer_id is None else format_customer_key(customer_id))
        for name, value in (personal or {}).items():
            if name in stated:
                raise BadInput(
                    "a fact and a personal value have one name", place=f"{action}, {name}"
                )
            stated[name] = self._cipher.seal_value(owner, value)
        if case_id is not None:
            stated.setdefault("case", case_id)
        self._pending_entries.append(
            {
                "at": at.astimezone(UTC),
                "actor": actor,
                "act": action,
                "subject": subject,
                "facts": stated,
            }
        )

    def list_entries(self, *, subject: str | None = None, limit: int = 0) -> Sequence[AuditEntry]:
        """List entries, oldest first; `limit` restricts the list to the newest ones."""
        self._link_waiting()
        query = select(audit.c.doc).order_by(audit.c.seq.desc())
        if subject is not None:
            query = query.where(audit.c.subject == subject)
        if limit:
            query = query.limit(limit)
        docs = self._connection.execute(query).scalars().all()
        return [parse_entry(doc) for doc in reversed(docs)]

    def list_page(self, request: PageRequest) -> Page[AuditEntry]:
        """Return entries, newest first; the total is the head's number."""
        self._link_waiting()
        query = select(audit.c.doc)
        return NEWEST.read_page(
            self._connection, query, request, lambda row: parse_entry(row.doc), self._read_head()[0]
        )

    def list_about(self, subjects: Iterable[str]) -> Sequence[AuditEntry]:
        """List every entry about one of these subjects, oldest first."""
        self._link_waiting()
        rows: list[tuple[int, str]] = []
        names = sorted(set(subjects))
        for begin in range(0, len(names), SUBJECTS):
            some = names[begin : begin + SUBJECTS]
            query = select(audit.c.seq, audit.c.doc).where(audit.c.subject.in_(some))
            rows += [(row.seq, row.doc) for row in self._connection.execute(query)]
        return [parse_entry(doc) for _, doc in sorted(rows)]

    def list_actions(self, subject: str, fact: str, value: int) -> Sequence[str]:
        """List actions on the subject whose fact has that value, oldest first."""
        self._link_waiting()
        fact_text = f'"{fact}":{value}'
        query = (
            select(audit.c.doc)
            .where(audit.c.subject == subject, audit.c.doc.contains(fact_text, autoescape=True))
            .order_by(audit.c.seq)
        )
        entries = map(parse_entry, self._connection.execute(query).scalars())
        return [entry.act for entry in entries if entry.facts.get(fact) == value]

    def decrypt_personal(self, entry: AuditEntry) -> Mapping[str, str]:
        """Decrypt the sealed values of an entry."""
        return {
            name: self._cipher.open_value(fact)
            for name, fact in entry.facts.items()
            if isinstance(fact, dict) and "sealed" in fact
        }

    def erase(
        self,
        case_id: str,
        *,
        at: datetime,
        actor: str,
        reason: str,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Destroy the case's key, so that its sealed values can never be read again."""
        self._cipher.erase(case_id, at)
        self.erased = True
        self.record(
            at=at, actor=actor, action=AuditAction.CASE_PERSONAL_DATA_ERASED, subject=case_id,
            facts={"reason": reason, **(facts or {})},
        )  # fmt: skip

    def list_erasable(
        self, actions: Collection[AuditAction], before: datetime
    ) -> Sequence[AuditEntry]:
        """List entries older than `before` with one of these actions and sealed values that are
        not erased."""
        quoted = (f'"act":"{action}"' for action in actions)
        matches = or_(*(audit.c.doc.contains(text, autoescape=True) for text in quoted))
        query = select(audit.c.doc).where(matches).order_by(audit.c.seq)
        docs = self._connection.execute(query).scalars()
        entries = [parse_entry(doc) for doc in docs]
        old = [e for e in entries if e.act in actions and e.at < before]
        return [e for e in old if any(v != ERASED for v in self.decrypt_personal(e).values())]

    def erase_values(
        self, entries: Sequence[AuditEntry], *, at: datetime, actor: str, subject: str, reason: str
    ) -> int:
        """Destroy the sealed values of these entries alone."""
        tokens = [
            fact["sealed"]
            for entry in entries
            for fact in entry.facts.values()
            if isinstance(fact, dict)
            and "sealed" in fact
            and self._cipher.open_value(fact) != ERASED
        ]
        if tokens:
            self._cipher.destroy_values(tokens)
            self.erased = True
            facts = {"reason": reason, "count": len(tokens), "tokens": tokens}
            self.record(
                at=at,
                actor=actor,
                action=AuditAction.AUDIT_VALUES_ERASED,
                subject=subject,
                facts=facts,
            )
        return len(tokens)

    def verify(self) -> int:
        """Return the number of entries. Raises CorruptData naming the first broken link."""
        self._link_waiting()
        return sum(1 for _ in self._iterate_verified())

    def examine(self) -> AuditReport:
        """Check every link, and compare the store's rows with the chain. Raises CorruptData like
        `verify`."""
        self._link_waiting()
        check = AuditCheck(self._connection, self._cipher)
        for entry in self._iterate_verified():
            check.add_entry(entry)
        return check.build_report(ChainHead(seq=self._read_head()[0], hash=self._read_head()[1]))

    def get_head(self) -> ChainHead:
        """Return the end of the stored chain, without the entries of this transaction."""
        seq, link = self._read_head()
        return ChainHead(seq=seq, hash=link)

    def list_since(self, seq: int) -> Sequence[AuditEntry]:
        """List entries after that number, oldest first, as they are stored."""
        query = select(audit.c.doc).where(audit.c.seq > seq).order_by(audit.c.seq)
        docs = self._connection.execute(query).scalars()
        return [parse_entry(doc) for doc in docs]

    def follow(self) -> Iterator[AuditEntry]:
        """Yield all entries, oldest first, reading a page at a time. Raises CorruptData at the
        first broken link."""
        self._link_waiting()
        return self._iterate_linked()

    def _iterate_verified(self) -> Iterator[AuditEntry]:
        """Yield linked entries after checking their sealed values against the commitments."""
        for entry in self._iterate_linked():
            self.decrypt_personal(entry)
            yield entry

    def _iterate_linked(self) -> Iterator[AuditEntry]:
        chain = AuditChain()
        for seq, subject, stored_hash, doc in self._iterate_rows():
            # SQLite takes bytes and numbers in a column of texts, too.
            entry = chain.follow_text(doc.encode() if isinstance(doc, str) else b"")
            if (seq, subject, stored_hash) != (entry.seq, entry.subject, entry.hash):
                raise CorruptData("the entry's columns were altered", place=f"audit entry {seq}")
            yield entry
        chain.check_end(*self._read_head())

    def list_waiting(self) -> Sequence[tuple[AuditAction, str, str]]:
        """List (action, subject, former id or "") of each entry that `finish` will write."""
        return [
            (each["act"], str(each["subject"]), str(each["facts"].get("former", "")))
            for each in self._pending_entries
        ]

    def finish(self, now: datetime) -> None:
        """Write what waits. Watched rows that were written without an act get an entry of their
        own, so that the chain knows every row."""
        if self._row_digests.has_unrecorded and not self._pending_entries:
            self._pending_entries.append(_build_store_entry(AuditAction.STORE_ROWS_WRITTEN, now))
        self._link_waiting()

    def _link_waiting(self) -> None:
        """Lock the head, link what waits, move the head."""
        self._cipher.write_values()
        if not self._pending_entries:
            return
        seq, previous = self._read_head(lock=True)
        rows = []
        for waiting in self._add_digests():
            seq += 1
            entry = AuditEntry(seq=seq, previous=previous, hash="", **waiting)
            # Hash what will be read back: JSON turns tuples to lists and dates to text.
            entry = AuditEntry.model_validate_json(entry.model_dump_json())
            entry = entry.model_copy(update={"hash": entry.compute_hash()})
            previous = entry.hash
            rows.append(
                {
                    "seq": seq,
                    "subject": entry.subject,
                    "hash": entry.hash,
                    "doc": entry.model_dump_json(),
                }
            )
        self._pending_entries.clear()
        self._connection.execute(insert(audit), rows)
        self._move_head(seq, previous)

    def _add_digests(self) -> list[dict[str, Any]]:
        """Add the digests of the written rows to the last pending entry; if they are many, to
        entries of their own."""
        older, digests, replaced = self._row_digests.take()
        at = self._pending_entries[-1]["at"]
        recorded = [
            _build_store_entry(AuditAction.STORE_CONTENTS_RECORDED, at, {"rows": len(part)})
            | {"rows": part}
            for part in _split_rows(older)
        ]
        first, *more = _split_rows(digests) or [{}]
        last = self._pending_entries[-1] | _build_row_facts(first, replaced)
        rest = [
            _build_store_entry(AuditAction.STORE_ROWS_WRITTEN, at)
            | _build_row_facts(part, replaced)
            for part in more
        ]
        return [*recorded, *self._pending_entries[:-1], last, *rest]

    def _read_head(self, *, lock: bool = False) -> tuple[int, str]:
        query = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.chain == CHAIN)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        return (0, GENESIS) if row is None else (row.seq, row.hash)

    def _move_head(self, seq: int, link: str) -> None:
        moved = self._connection.execute(
            update(audit_head).where(audit_head.c.chain == CHAIN).values(seq=seq, hash=link)
        )
        if not moved.rowcount:
            self._connection.execute(insert(audit_head).values(chain=CHAIN, seq=seq, hash=link))

    def _iterate_rows(self) -> Iterator[tuple[int, str, str, str]]:
        columns = (audit.c.seq, audit.c.subject, audit.c.hash, audit.c.doc)
        query = select(*columns).order_by(audit.c.seq).limit(PAGE)
        page = self._connection.execute(query).all()
        while page:
            for row in page:
                yield row.seq, row.subject, row.hash, row.doc
            page = self._connection.execute(query.where(audit.c.seq > page[-1].seq)).all()


def _build_store_entry(
    action: AuditAction, at: datetime, facts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "at": at.astimezone(UTC),
        "actor": STORE,
        "act": action,
        "subject": "store",
        "facts": dict(facts or {}),
    }


def _build_row_facts(digests: Mapping[str, str], replaced: Mapping[str, str]) -> dict[str, Any]:
    """Build the fact `rows`, and the fact about what the same rows held before."""
    return {
        "rows": dict(digests),
        "replaced": {name: replaced[name] for name in digests if name in replaced},
    }


def _split_rows(rows: Mapping[str, str]) -> list[dict[str, str]]:
    names = sorted(rows)
    return [
        {name: rows[name] for name in names[begin : begin + ROWS_AN_ENTRY]}
        for begin in range(0, len(names), ROWS_AN_ENTRY)
    ]
