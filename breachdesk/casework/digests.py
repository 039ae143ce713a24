"""Compute hashes that identify a document: SHA-256 over the canonical JSON of everything else in
it."""

from __future__ import annotations

import hashlib
from typing import Any

from schemas.audit import encode_canonical
from schemas.casework.affected import MANIFEST_FORM, Manifest
from schemas.casework.approval import Approval
from schemas.casework.decision import Decision, to_earlier_form
from schemas.casework.notice import LetterHead, RenderedText
from schemas.casework.report import RegulatorReport
from schemas.customer import FrozenModel
from schemas.errors import EditConflict, NotFound
from schemas.settings import SenderSettings


def compute_digest(value: Any) -> str:
    """Compute the hex SHA-256 of the canonical JSON."""
    return hashlib.sha256(encode_canonical(value)).hexdigest()


def compute_document_hash(document: Manifest | Decision | RegulatorReport) -> str:
    """Hash every field but `hash`, as it reads after being stored and opened again."""
    stored = type(document).model_validate_json(document.model_dump_json())
    return compute_digest(stored.model_dump(mode="json", exclude={"hash"}))


def has_hash(document: Manifest | Decision, sealed: str) -> bool:
    """Whether the hash is the document's own. A document that was sealed before a field existed is
    compared without that field, and a decision in the form that it had when it was sealed."""
    if compute_document_hash(document) == sealed:
        return True
    forms = [
        document.model_dump(mode="json", exclude={"hash"}, exclude_unset=unset)
        for unset in (True, False)
    ]
    if isinstance(document, Decision):
        forms += [form for f in forms if (form := to_earlier_form(f)) is not None]
    return any(compute_digest(form) == sealed for form in forms)


def compute_sender_hash(sender: SenderSettings) -> str:
    """Hash every setting of the sender but its secret, which may be renewed."""
    return compute_digest(sender.model_dump(mode="json", exclude={"secret"}))


def compute_bound_hash(letter: RenderedText, head: LetterHead, customer_name: str) -> str:
    """Hash everything that leaves in one message but its Date and Message-ID, and its customer."""
    return compute_digest([letter.hash, head.model_dump(mode="json"), customer_name])


def compute_seal_hash(manifest: str, texts: str, decision: str, sender: str) -> str:
    """Hash the four parts: one changed byte of any of them changes the hash."""
    return compute_digest([manifest, texts, decision, sender])


def compute_approval_seal(approval: Approval) -> str:
    """Compute the seal from the approval's own four parts."""
    return compute_seal_hash(
        approval.manifest_hash, approval.texts_hash, approval.decision_hash, approval.sender_hash
    )


def compute_next_version(document: FrozenModel | None) -> int:
    """Return the newest document's version plus one; 1 for the first."""
    return int(getattr(document, "version", 0)) + 1


def require_intact(manifest: Manifest | None, place: str) -> Manifest:
    """Return the manifest after checking its hash. Raises NotFound, EditConflict."""
    if manifest is None:
        raise NotFound("no affected list is frozen", place=place, remedy="Freeze it first.")
    if manifest.form < MANIFEST_FORM:
        raise EditConflict(
            "an earlier release froze the list: it does not say what happened to each customer",
            place=place,
            remedy="Freeze it again.",
        )
    if not has_hash(manifest, manifest.hash):
        raise EditConflict(
            "the frozen list differs from what was sealed",
            place=place,
            remedy="Freeze the list again.",
        )
    return manifest
