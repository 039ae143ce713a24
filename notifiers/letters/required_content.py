"""Check that a letter has everything required before approval: UK GDPR Arts. 33(3) and 34(2), and
who we are. An empty answer stops the release; nothing is invented to fill it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from notifiers.letters.exposure_words import is_dated
from schemas.casework.decision import NotificationBasis
from schemas.casework.letter import LetterContext
from schemas.casework.letter_facts import ReaderStanding, describe_readers
from schemas.profile_fields import list_missing_fields

Block = tuple[str, str, object]
"""Its name, what to fill in, and the answer so far."""
EVERYBODY = ("nature", "say what happened, in plain words")


def find_missing(context: LetterContext) -> dict[str, str]:
    """Return {block: what to fill in} in the letter's order, empty if the letter is complete. A
    block with a group's words names the group."""
    blank = {
        block: what for block, what, value in _generate_blocks(context) if not _is_filled(value)
    }
    return blank | list_missing_fields(context.profile)


def _generate_blocks(context: LetterContext) -> Iterator[Block]:
    yield *EVERYBODY, context.facts.what_happened
    yield from _generate_common_blocks(context)
    yield "recipient", "name the person this letter is for", context.recipient.name


def _generate_common_blocks(context: LetterContext) -> Iterator[Block]:
    whose = describe_readers(context.facts.own)
    if not context.facts.written:
        yield f"words for {whose}", "nobody has written what they are told", None
        return
    for name in context.kind.spec.required_blocks:
        for block, what, value in BLOCKS[name](context):
            yield f"{block}, {whose}", what, value


def _require_own_field(
    field: str, block: str, what: str
) -> Callable[[LetterContext], Iterator[Block]]:
    """Return a maker of the block whose answer is one field of the words for these readers."""

    def blocks(context: LetterContext) -> Iterator[Block]:
        yield block, what, getattr(context.facts.own, field)

    return blocks


def _generate_sub_processors(context: LetterContext) -> Iterator[Block]:
    own = context.facts.own
    answer = own.sub_processors or ("none" if own.no_sub_processors else None)
    yield "sub-processors", "name the sub-processors involved, or say that there are none", answer


def _generate_subscriber_blocks(context: LetterContext) -> Iterator[Block]:
    """Yield blocks that Regulation 611/2013 Annex II requires of a subscriber's letter beyond Art.
    34(2)."""
    if NotificationBasis.PECR_5A3 not in context.bases:
        return
    dated = "dated" if is_dated(context) else None
    yield "when it happened", "the breach has no time: say from when to when", dated
    kinds = "named" if context.exposure.categories else None
    yield "kinds of data", "the affected list names no kind of data", kinds


def _generate_evidence(context: LetterContext) -> Iterator[Block]:
    """Yield what a person must say because no record tells it of these readers."""
    own = context.facts.own
    possible = own.standing is ReaderStanding.POSSIBLE
    if not context.exposure.doubts and (possible or not context.exposure.acts):
        what = (
            "no record says why: say why these readers cannot be ruled out"
            if possible
            else "no record tells of these readers: say what happened to them"
        )
        yield "what happened", what, own.what_happened


BLOCKS: Mapping[str, Callable[[LetterContext], Iterator[Block]]] = {
    "consequences": _require_own_field(
        "consequences", "consequences", "say what this could mean for these readers"
    ),
    "measures": _require_own_field("measures", "measures", "say what we have done, with dates"),
    "steps": _require_own_field(
        "steps", "steps", "say what these readers should do: three to five steps"
    ),
    "nature": _require_own_field(
        "nature", "kind of breach", "confidentiality, integrity, availability; the cause"
    ),
    "people_and_records": _require_own_field(
        "people_and_records", "people and records", "what we know, and how to count the rest"
    ),
    "sub_processors": _generate_sub_processors,
    "subscriber": _generate_subscriber_blocks,
    "evidence": _generate_evidence,
    "correction": _require_own_field(
        "what_happened", "what happened", "say why these readers are not affected after all"
    ),
    "correction_steps": _require_own_field(
        "steps", "steps", "say what these readers should do now, or need not do any more"
    ),
}
"""By the names that a kind's `required_blocks` lists. UK GDPR Art. 34(2) with 33(3)(b) to (d)."""


def _is_filled(value: object) -> bool:
    if isinstance(value, tuple):
        return any(_is_filled(item) for item in value)
    return bool(str(value or "").strip())
