"""What a letter must hold before anybody may approve it: UK GDPR Arts. 33(3) and 34(2), and who
we are. An empty answer stops the release; nothing is ever made up to fill it."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.affected import NoticeKind
from schemas.letter import LetterContext

PROFILE = {
    "legal_name": "our legal name",
    "company_number": "our company number",
    "registered_address": "our registered address",
    "contact_name": "a named person for questions",
    "contact_phone": "the telephone number of that person",
    "contact_hours": "the hours in which the telephone is answered",
    "complaints": "how to complain to us",
}
FACTS = {
    "what_happened": ("nature", "say what happened, in plain words"),
    "consequences": ("consequences", "say what this could mean for the reader"),
    "measures": ("measures", "say what we have done, with dates"),
}
READER_STEPS = ("steps", "say what the reader should do: three to five steps")
PACK_FACTS = {
    "nature": ("nature of the breach", "confidentiality, integrity, availability; the cause"),
    "people_and_records": ("people and records", "what we know, and how to count the rest"),
    "controller_steps": ("controller steps", "say what the controller should do"),
}


def missing(context: LetterContext) -> dict[str, str]:
    """{block: what to fill in}, in the letter's order; empty: the letter is whole."""
    return {block: what for block, what, value in _blocks(context) if not _filled(value)}


def _blocks(context: LetterContext) -> Iterator[tuple[str, str, object]]:
    yield from _facts(context)
    yield "recipient", "name the person this letter is for", context.recipient.name
    for field, what in PROFILE.items():
        yield f"contact: {field}", f"the profile lacks {what}", getattr(context.profile, field)


def _facts(context: LetterContext) -> Iterator[tuple[str, str, object]]:
    facts = context.facts
    for field, (block, what) in FACTS.items():
        yield block, what, getattr(facts, field)
    if context.kind is NoticeKind.ACCOUNT_HOLDER:
        yield *READER_STEPS, facts.steps
    else:
        for field, (block, what) in PACK_FACTS.items():
            yield block, what, getattr(facts, field)


def _filled(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_filled(item) for item in value)
    return bool(str(value).strip())
