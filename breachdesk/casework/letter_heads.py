"""The head of each message as it will leave: what the approver sees, and what the seal covers."""

from __future__ import annotations

from breachdesk.casework.letters import Letters
from breachdesk.casework.sealing import bound_hash, digest, sender_hash
from schemas.notice import LetterHead, Rendered
from schemas.settings import SenderSettings
from schemas.signs import shown_in_line


def letter_head(
    letter: Rendered, to_name: str, to_email: str, sender: SenderSettings
) -> LetterHead:
    """Names as they are shown; addresses as they are stored."""
    return LetterHead(
        from_name=shown_in_line(sender.from_name),
        from_email=sender.from_email,
        envelope_sender=sender.envelope_from or sender.from_email,
        to_name=shown_in_line(to_name),
        to_email=to_email,
        subject=letter.subject,
    )


def heads(ready: Letters, sender: SenderSettings) -> list[LetterHead]:
    """One for each rendered letter, in their order."""
    return [
        letter_head(letter, recipient.name, recipient.email, sender)
        for letter, recipient in zip(ready.rendered, ready.recipients, strict=True)
    ]


def bound_hashes(ready: Letters, sender: SenderSettings) -> list[str]:
    """Of each rendered letter with its head, in their order."""
    return [
        bound_hash(letter, head, context.customer_name)
        for letter, head, context in zip(
            ready.rendered, heads(ready, sender), ready.contexts, strict=True
        )
    ]


def texts_hash(ready: Letters, sender: SenderSettings, facts_version: int) -> str:
    """Over whom each letter is for and its bound hash, and each script, in a fixed order, and the
    version of the facts: another version may give the same words."""
    key = sender_hash(sender), facts_version
    known = ready.hashes.get(key)
    if known is None:
        known = ready.hashes[key] = _texts_hash(ready, sender, facts_version)
    return known


def _texts_hash(ready: Letters, sender: SenderSettings, facts_version: int) -> str:
    bound = zip(ready.rendered, bound_hashes(ready, sender), strict=True)
    each = [(text, hash_) for text, hash_ in bound]
    each += [(script, script.hash) for script in ready.scripts]
    rows = [[t.customer_id, t.person_id, t.kind.value, t.channel.value, h] for t, h in each]
    return digest([facts_version, sorted(rows)])
