"""Check that a letter has everything required before approval: UK GDPR Arts. 33(3) and 34(2), and
who we are. An empty answer stops the release; nothing is invented to fill it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from notifiers.letters.exposure_words import is_dated
from schemas.casework.decision import NotificationBasis
from schemas.casework.letter import LetterContext
from schemas.casework.letter_facts import ReaderStanding, describe_readers
from schemas.customer import DataRole

PROFILE = {
    "legal_name": "our legal name",
    "company_number": "our company number",
    "registered_address": "our registered address",
    "contact_name": "a named person for questions",
    "contact_phone": "the telephone number of that person",
    "contact_hours": "the hours in which the telephone is answered",
    "complaints": "how to complain to us",
}
EVERYBODY = ("nature", "say what happened, in plain words")
OWN: Mapping[str, tuple[str, str]] = {
    "consequences": ("consequences", "say what this could mean for these readers"),
    "measures": ("measures", "say what we have done, with dates"),
    "steps": ("steps", "say what these readers should do: three to five steps"),
}
"""UK GDPR Art. 34(2) with 33(3)(b) to (d); our contact is in PROFILE."""
PACK: Mapping[str, tuple[str, str]] = {
    "nature": ("kind of breach", "confidentiality, integrity, availability; the cause"),
    "people_and_records": ("people and records", "what we know, and how to count the rest"),
}
CORRECTED = ("what happened", "say why these readers are not affected after all")


def find_missing(context: LetterContext) -> dict[str, str]:
    """Return {block: what to fill in} in the letter's order, empty if the letter is complete. A
    block with a group's words names the group."""
    return {
        block: what for block, what, value in _generate_blocks(context) if not _is_filled(value)
    }


def _generate_blocks(context: LetterContext) -> Iterator[tuple[str, str, object]]:
    yield *EVERYBODY, context.facts.what_happened
    yield from _generate_common_blocks(context)
    yield "recipient", "name the person this letter is for", context.recipient.name
    for field, what in PROFILE.items():
        yield f"contact: {field}", f"the profile lacks {what}", getattr(context.profile, field)


def _generate_common_blocks(context: LetterContext) -> Iterator[tuple[str, str, object]]:
    own = context.facts.own
    whose = describe_readers(own)
    if not context.facts.written:
        yield f"words for {whose}", "nobody has written what they are told", None
        return
    if own.standing is ReaderStanding.CORRECTED:
        yield f"{CORRECTED[0]}, {whose}", CORRECTED[1], own.what_happened
        what = "say what these readers should do now, or need not do any more"
        yield f"steps, {whose}", what, own.steps
        return
    required = dict(OWN) if context.exposure.role is DataRole.CONTROLLER else {**OWN, **PACK}
    for field, (block, what) in required.items():
        yield f"{block}, {whose}", what, getattr(own, field)
    if context.exposure.role is DataRole.PROCESSOR:
        answer = own.sub_processors or ("none" if own.no_sub_processors else None)
        what = "name the sub-processors involved, or say that there are none"
        yield f"sub-processors, {whose}", what, answer
    if NotificationBasis.PECR_5A3 in context.bases:
        yield from _generate_subscriber_blocks(context, whose)
    possible = own.standing is ReaderStanding.POSSIBLE
    if not context.exposure.doubts and (possible or not context.exposure.acts):
        what = (
            "no record says why: say why these readers cannot be ruled out"
            if possible
            else "no record tells of these readers: say what happened to them"
        )
        yield f"what happened, {whose}", what, own.what_happened


def _generate_subscriber_blocks(
    context: LetterContext, whose: str
) -> Iterator[tuple[str, str, object]]:
    """Yield blocks that Regulation 611/2013 Annex II requires of a subscriber's letter beyond Art.
    34(2)."""
    dated = "dated" if is_dated(context) else None
    yield f"when it happened, {whose}", "the breach has no time: say from when to when", dated
    kinds = "named" if context.exposure.categories else None
    yield f"kinds of data, {whose}", "the affected list names no kind of data", kinds


def _is_filled(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_is_filled(item) for item in value)
    return bool(str(value or "").strip())
