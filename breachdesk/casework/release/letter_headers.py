"""Build the head of each message as it will leave, for the approver and for the seal."""

from __future__ import annotations

from breachdesk.casework.digests import compute_bound_hash, compute_digest, compute_sender_hash
from breachdesk.casework.release.letters import LetterSet
from schemas.casework.notice import LetterHead, RenderedText
from schemas.settings import SenderSettings
from schemas.text_signs import mark_hidden_in_line


def build_head(
    letter: RenderedText, to_name: str, to_email: str, sender: SenderSettings
) -> LetterHead:
    """Build the head with names as they are shown and addresses as they are stored."""
    return LetterHead(
        from_name=mark_hidden_in_line(sender.from_name),
        from_email=sender.from_email,
        envelope_sender=sender.envelope_from or sender.from_email,
        to_name=mark_hidden_in_line(to_name),
        to_email=to_email,
        subject=letter.subject,
    )


def build_heads(ready: LetterSet, sender: SenderSettings) -> list[LetterHead]:
    """Build one head for each rendered letter, in their order."""
    return [
        build_head(letter, recipient.name, recipient.email, sender)
        for letter, recipient in zip(ready.rendered, ready.recipients, strict=True)
    ]


def compute_bound_hashes(ready: LetterSet, sender: SenderSettings) -> list[str]:
    """Compute the hash of each rendered letter with its head, in their order."""
    return [
        compute_bound_hash(letter, head, context.customer_name)
        for letter, head, context in zip(
            ready.rendered, build_heads(ready, sender), ready.contexts, strict=True
        )
    ]


def compute_texts_hash(ready: LetterSet, sender: SenderSettings, facts_version: int) -> str:
    """Hash, in a fixed order, the recipient and bound hash of each letter, each script, and the
    version of the facts: another version may give the same words."""
    key = compute_sender_hash(sender), facts_version
    known = ready.hashes.get(key)
    if known is None:
        known = ready.hashes[key] = _hash_texts(ready, sender, facts_version)
    return known


def _hash_texts(ready: LetterSet, sender: SenderSettings, facts_version: int) -> str:
    bound = zip(ready.rendered, compute_bound_hashes(ready, sender), strict=True)
    each = [(text, hash_) for text, hash_ in bound]
    each += [(script, script.hash) for script in ready.scripts]
    rows = [[t.customer_id, t.person_id, t.kind.value, t.channel.value, h] for t, h in each]
    return compute_digest([facts_version, sorted(rows)])
