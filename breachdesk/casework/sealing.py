"""Hashes that identify a document: SHA-256 over the canonical JSON of everything else in it."""

from __future__ import annotations

import hashlib
from typing import Any

from schemas.affected import MANIFEST_FORM, Manifest
from schemas.approval import Approval
from schemas.audit import canonical
from schemas.customer import Frozen
from schemas.decision import Decision
from schemas.errors import Conflict, NotFound
from schemas.notice import LetterHead, Rendered
from schemas.report import RegulatorReport
from schemas.settings import SenderSettings


def digest(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(value)).hexdigest()


def document_hash(document: Manifest | Decision | RegulatorReport) -> str:
    """Over every field but `hash`, as it reads after being stored and opened again."""
    stored = type(document).model_validate_json(document.model_dump_json())
    return digest(stored.model_dump(mode="json", exclude={"hash"}))


def has_hash(document: Manifest | Decision, sealed: str) -> bool:
    """Is this hash the document's own? One that was stored before a field existed is asked without
    that field."""
    if document_hash(document) == sealed:
        return True
    return digest(document.model_dump(mode="json", exclude={"hash"}, exclude_unset=True)) == sealed


def sender_hash(sender: SenderSettings) -> str:
    """Over every setting of the sender but its secret, which may be renewed."""
    return digest(sender.model_dump(mode="json", exclude={"secret"}))


def bound_hash(letter: Rendered, head: LetterHead, customer_name: str) -> str:
    """Over everything that leaves in one message but its Date and Message-ID, and over whose it
    is."""
    return digest([letter.hash, head.model_dump(mode="json"), customer_name])


def seal_hash(manifest: str, texts: str, decision: str, sender: str) -> str:
    """Over the four: one changed byte of any of them gives another."""
    return digest([manifest, texts, decision, sender])


def approval_seal(approval: Approval) -> str:
    """The seal that the approval's own four parts give."""
    return seal_hash(
        approval.manifest_hash, approval.texts_hash, approval.decision_hash, approval.sender_hash
    )


def next_version(found: Frozen | None) -> int:
    """One more than the newest document's version; 1 for the first."""
    return int(getattr(found, "version", 0)) + 1


def intact(manifest: Manifest | None, place: str) -> Manifest:
    """The manifest, if there is one and its hash is its own. Raises NotFound, Conflict."""
    if manifest is None:
        raise NotFound("no affected list is frozen", place=place, remedy="Freeze it first.")
    if manifest.form < MANIFEST_FORM:
        raise Conflict(
            "an earlier release froze the list: it does not say what happened to each customer",
            place=place,
            remedy="Freeze it again.",
        )
    if not has_hash(manifest, manifest.hash):
        raise Conflict("the frozen list is not what was sealed", place=place, remedy="Freeze anew.")
    return manifest
