"""Compare what acts claim about approvals, mails, documents, accounts and keys with the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from breachdesk.casework.digests import compute_digest
from breachdesk.stores.sql.case_cipher import CaseCipher
from breachdesk.stores.sql.document_cache import build_outline_purpose, build_purpose
from breachdesk.stores.tables.case_tables import (
    breaches,
    case_keys,
    documents,
    notices,
    sealed_values,
    users,
)
from schemas.audit import AuditDiscrepancy, AuditEntry
from schemas.audit_actions import AuditAction, AuditTopic, find_action
from schemas.casework.affected import Manifest
from schemas.casework.list_outline import ListOutline
from schemas.casework.notice import DeliveryStatus
from schemas.casework.notice_actions import STATUS_AFTER_ACTION
from schemas.casework.notice_states import NOT_SENT
from schemas.errors import CorruptData

RELEASES = (AuditAction.BREACH_RELEASE_APPROVED, AuditAction.BREACH_RELEASE_GLASS_BROKEN)
DOCUMENTS = {
    AuditAction.BREACH_AFFECTED_FROZEN: "Manifest",
    AuditAction.BREACH_DECISION_WRITTEN: "Decision",
    AuditAction.BREACH_FACTS_WRITTEN: "NoticeFacts",
    AuditAction.BREACH_REPORT_WRITTEN: "ReportFacts",
}
REQUEUED = DeliveryStatus.QUEUED.value
NONE = "nothing of it"


class AuditClaims:
    """The newest claim of the chain about each thing."""

    def __init__(self, connection: Connection, cipher: CaseCipher) -> None:
        self._connection = connection
        self._cipher = cipher
        self._releases: dict[tuple[str, int], tuple[str, str, int]] = {}
        self._mails: dict[int, tuple[str | None, int | None, int]] = {}
        self._accounts: dict[str, dict[str, Any]] = {}
        self._erased_cases: dict[str, int] = {}
        self._destroyed_values: dict[str, int] = {}
        self._unreadable_entries: list[int] = []
        self._documents: dict[tuple[str, str, int], tuple[str, int]] = {}

    def add_entry(self, entry: AuditEntry) -> None:
        """Take in the next entry. Facts that an older release did not write are not compared. The
        facts alone say what an action of another release is about."""
        try:
            self._record_claim(entry)
        except (KeyError, TypeError, ValueError):
            self._unreadable_entries.append(entry.seq)

    def _record_claim(self, entry: AuditEntry) -> None:
        facts, action = entry.facts, find_action(entry.act)
        topic = None if action is None else action.topic
        if action in RELEASES:
            seal = (str(facts["hash"]), entry.actor, entry.seq)
            self._releases[entry.subject, int(facts["version"])] = seal
        elif action in DOCUMENTS and "hash" in facts:
            address = (DOCUMENTS[action], entry.subject, int(facts["version"]))
            self._documents[address] = (str(facts["hash"]), entry.seq)
        elif action in (AuditAction.CASE_PERSONAL_DATA_ERASED, AuditAction.AUDIT_VALUES_ERASED):
            self._record_erasure(entry)
        elif topic in (AuditTopic.NOTICE, None) and "notice" in facts:
            self._record_mail(entry, action)
        elif topic is AuditTopic.ACCOUNT or (
            topic is None and _find_permissions(facts) is not None
        ):
            known: dict[str, Any] = {n: facts[n] for n in ("disabled",) if n in facts}
            if (permissions := _find_permissions(facts)) is not None:
                known["permissions"] = permissions
            if known:
                self._accounts.setdefault(entry.subject, {}).update(known | {"seq": entry.seq})

    def _record_erasure(self, entry: AuditEntry) -> None:
        if entry.act == AuditAction.AUDIT_VALUES_ERASED:
            self._destroyed_values |= dict.fromkeys(entry.facts["tokens"], entry.seq)
            return
        self._erased_cases[entry.subject] = entry.seq
        for kind, breach, number in entry.facts.get("documents", ()):
            self._documents.pop((kind, breach, number), None)

    def iterate_discrepancies(self) -> Iterator[AuditDiscrepancy]:
        """Yield every claim that the store contradicts, and every row that no claim covers."""
        for seq in self._unreadable_entries:
            what = "its facts are not what such an act writes"
            yield _build_discrepancy(
                f"audit entry {seq}", what, "something else", "nothing to compare"
            )
        yield from self._compare_releases()
        yield from self._compare_documents()
        yield from self._compare_mails()
        yield from self._compare_accounts()
        yield from self._compare_keys()
        yield from self._compare_values()

    def _record_mail(self, entry: AuditEntry, action: AuditAction | None) -> None:
        attempts = entry.facts.get("attempts")
        status = entry.facts.get("status") or (action and STATUS_AFTER_ACTION.get(action))
        self._mails[int(entry.facts["notice"])] = (status, attempts, entry.seq)

    def _compare_releases(self) -> Iterator[AuditDiscrepancy]:
        claimed = dict(self._releases)
        query = select(documents).where(documents.c.kind == "Approval").order_by(documents.c.id)
        for row in self._connection.execute(query):
            where = f"approval {row.number} of {row.breach_id}"
            doc = _parse_document(row.doc)
            claim = claimed.pop((row.breach_id, row.number), None)
            stored = f"{doc.get('approved_by')}, seal {str(doc.get('hash'))[:12]}"
            if claim is None:
                yield _build_discrepancy(where, "nobody's act released it", NONE, stored)
            elif claim[:2] != (doc.get("hash"), doc.get("approved_by")):
                claim_text = f"{claim[1]}, seal {claim[0][:12]} (entry {claim[2]})"
                yield _build_discrepancy(where, "it is another release", claim_text, stored)
        for (breach, version), (seal, actor, seq) in claimed.items():
            claim_text = f"{actor}, seal {seal[:12]} (entry {seq})"
            yield _build_discrepancy(
                f"approval {version} of {breach}", "it is missing", claim_text, NONE
            )

    def _compare_documents(self) -> Iterator[AuditDiscrepancy]:
        claimed = dict(self._documents)
        query = (
            select(documents, breaches.c.case_id)
            .join(breaches, breaches.c.id == documents.c.breach_id)
            .where(documents.c.kind.in_(DOCUMENTS.values()))
            .order_by(documents.c.id)
        )
        for row in self._connection.execute(query):
            claim = claimed.pop((row.kind, row.breach_id, row.number), None)
            stored = self._compute_stored_hash(row)
            if not self._is_outlined(row):
                where = f"outline of {row.kind} {row.number} of {row.breach_id}"
                yield _build_discrepancy(
                    where,
                    "it does not say what its list says",
                    "what the list says",
                    "something else",
                )
            if claim is not None and stored is not None and claim[0] != stored:
                claim_text = f"hash {claim[0][:12]} (entry {claim[1]})"
                where = f"{row.kind} {row.number} of {row.breach_id}"
                yield _build_discrepancy(where, "it was changed", claim_text, f"hash {stored[:12]}")
        for (kind, breach, number), (known, seq) in claimed.items():
            claim_text = f"hash {known[:12]} (entry {seq})"
            yield _build_discrepancy(
                f"{kind} {number} of {breach}", "it is missing", claim_text, NONE
            )

    def _compute_stored_hash(self, row: Any) -> str | None:
        """Return the stored hash, or None if its case's key was erased."""
        if row.sealed is None:
            return _compute_hash(row.kind, row.doc)
        try:
            text = self._cipher.open(row.case_id, row.sealed, build_purpose(row._asdict()))
        except CorruptData:
            return "none: it cannot be opened"
        return None if text is None else _compute_hash(row.kind, text)

    def _is_outlined(self, row: Any) -> bool:
        """Whether the list agrees with its outline, if it has one."""
        if row.outline is None or not self._cipher.is_open(row.case_id):
            return True
        address = row._asdict()
        try:
            outline = self._cipher.open(row.case_id, row.outline, build_outline_purpose(address))
            text = self._cipher.open(row.case_id, row.sealed, build_purpose(address))
            manifest = Manifest.model_validate_json(text or b"")
            return ListOutline.model_validate_json(outline or b"") == ListOutline.from_manifest(
                manifest
            )
        except (CorruptData, ValueError):
            return False

    def _compare_mails(self) -> Iterator[AuditDiscrepancy]:
        claimed = dict(self._mails)
        seals = {claim[0] for claim in self._releases.values()}
        for row in self._connection.execute(select(notices).order_by(notices.c.id)):
            where = f"notice {row.id}"
            doc = _parse_document(row.doc)
            if doc.get("approval_hash") not in seals:
                yield _build_discrepancy(where, "no release covers it", NONE, row.status)
            status, attempts, seq = claimed.pop(row.id, (None, None, 0))
            if status is not None and not _may_follow(status, row.status):
                yield _build_discrepancy(where, "its state", f"{status} (entry {seq})", row.status)
            if attempts is not None and attempts != doc.get("attempts"):
                claim_text = f"{attempts} (entry {seq})"
                yield _build_discrepancy(
                    where, "its attempts", claim_text, str(doc.get("attempts"))
                )
        for number, (status, _, seq) in claimed.items():
            claim_text = f"{status or 'an act on it'} (entry {seq})"
            yield _build_discrepancy(f"notice {number}", "it is missing", claim_text, NONE)

    def _compare_accounts(self) -> Iterator[AuditDiscrepancy]:
        stored = {
            row.id: _parse_document(row.doc) for row in self._connection.execute(select(users))
        }
        for account, claim in self._accounts.items():
            where, entry = f"account {account}", f"(entry {claim['seq']})"
            doc = stored.get(account)
            if doc is None:
                yield _build_discrepancy(where, "it is missing", f"it was saved {entry}", NONE)
                continue
            holds = sorted(_find_permissions(doc) or ())
            claimed_permissions = sorted(claim.get("permissions", holds))
            if claimed_permissions != holds:
                permissions = f"{', '.join(claimed_permissions) or 'none'} {entry}"
                yield _build_discrepancy(
                    where, "its permissions", permissions, ", ".join(holds) or "none"
                )
            disabled = bool(doc.get("disabled"))
            if claim.get("disabled", disabled) != disabled:
                yield _build_discrepancy(
                    where, "is it disabled?", f"{claim['disabled']} {entry}", str(disabled)
                )

    def _compare_keys(self) -> Iterator[AuditDiscrepancy]:
        query = select(case_keys.c.case_id).where(case_keys.c.key.is_(None))
        gone = set(self._connection.execute(query).scalars())
        for case_id in sorted(gone - self._erased_cases.keys()):
            what = "its key is gone, and nobody's act erased it"
            yield _build_discrepancy(f"key of {case_id}", what, "never erased", "no key")
        for case_id in sorted(self._erased_cases.keys() - gone):
            claim_text = f"erased (entry {self._erased_cases[case_id]})"
            yield _build_discrepancy(f"key of {case_id}", "it is there again", claim_text, "a key")

    def _compare_values(self) -> Iterator[AuditDiscrepancy]:
        query = select(sealed_values.c.token).where(sealed_values.c.ciphertext == b"")
        gone = set(self._connection.execute(query).scalars())
        for token in sorted(gone - self._destroyed_values.keys()):
            what = "it was emptied, and nobody's act erased it"
            yield _build_discrepancy(
                f"sealed value {token[:12]}", what, "never erased", "no content"
            )
        for token in sorted(self._destroyed_values.keys() - gone):
            claim_text = f"erased (entry {self._destroyed_values[token]})"
            yield _build_discrepancy(
                f"sealed value {token[:12]}", "it is there again", claim_text, "a content"
            )


def _may_follow(claimed: str, stored: str) -> bool:
    """Whether a row with the claimed status may now have the stored one. A later release resets
    rows that were not sent."""
    return stored == claimed or (stored == REQUEUED and claimed in {s.value for s in NOT_SENT})


def _compute_hash(kind: str, text: str | bytes | None) -> str:
    doc = dict(_parse_document(text))
    if kind in ("Manifest", "Decision"):
        doc.pop("hash", None)
    return compute_digest(doc)


def _find_permissions(values: Mapping[str, Any]) -> list[str] | None:
    """Find an account's permissions, which earlier versions call `duties`."""
    permissions: list[str] | None = values.get("permissions", values.get("duties"))
    return permissions


def _parse_document(text: str | bytes | None) -> Mapping[str, Any]:
    """Parse the document; an unreadable one gives nothing here, because its digest reports it."""
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _build_discrepancy(where: str, what: str, chain: str, store: str) -> AuditDiscrepancy:
    return AuditDiscrepancy(where=where, what=what, chain=chain, store=store)
