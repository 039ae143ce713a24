"""Select whose words a reader is told: its own customer's, else those of its role and standing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from breachdesk.gdpr.roles import CORRECTED_BY, get_role
from schemas.casework.affected import Certainty, Exposure
from schemas.casework.letter_facts import ExposureWords, NoticeFacts, OwnFacts, ReaderStanding
from schemas.casework.list_outline import ListOutline
from schemas.customer import DataRole
from schemas.errors import BadInput, NotAllowed


@dataclass(frozen=True, slots=True)
class WordsGroup:
    """Exposures of one role and standing that share the words of their group."""

    role: DataRole
    standing: ReaderStanding
    customers: tuple[str, ...]
    differences: tuple[str, ...]
    """What their evidence does not have in common: one text can hardly be true of all."""


def determine_standing(exposure: Exposure) -> ReaderStanding:
    """Determine the standing. Raises NotAllowed for an excluded exposure, of which nobody is
    notified."""
    if exposure.certainty is Certainty.EXCLUDED:
        raise NotAllowed(
            "the exposure is excluded", place=exposure.customer_id, remedy="Tell nobody of it."
        )
    return (
        ReaderStanding.POSSIBLE
        if exposure.certainty is Certainty.POSSIBLE
        else ReaderStanding.REACHED
    )


def select_facts(
    facts: NoticeFacts, exposure: Exposure, standing: ReaderStanding | None = None
) -> OwnFacts:
    """Select what this exposure's readers are told. `standing` applies to a letter that corrects an
    earlier one."""
    own_standing = standing or determine_standing(exposure)
    own = next(
        (
            words
            for customer in (exposure.customer_id, None)
            for words in facts.words
            if _get_key(words) == (exposure.role, own_standing, customer)
        ),
        None,
    )
    return OwnFacts(
        version=facts.version,
        what_happened=facts.what_happened,
        next_update=facts.next_update,
        own=own or ExposureWords(role=exposure.role, standing=own_standing),
        written=own is not None,
    )


def check_words(words: Sequence[ExposureWords]) -> None:
    """Raise BadInput where two texts address the same readers."""
    counted = Counter(_get_key(each) for each in words)
    for (role, standing, customer), count in counted.items():
        if count > 1:
            raise BadInput(
                f"{count} texts for {customer or 'every'} {role}, {standing}",
                place="letters' facts",
                remedy="Keep one of them.",
            )


def list_exposure_readers(outline: ListOutline) -> tuple[tuple[Exposure, ReaderStanding], ...]:
    """List each exposure with its readers' standing; a correction is about one that is excluded."""
    listed = (*outline.exposures, *outline.corrected)
    exposures = {(e.customer_id, e.role): e for e in listed}
    readers: dict[tuple[str, DataRole], tuple[Exposure, ReaderStanding]] = {}
    for recipient in outline.recipients:
        key = recipient.customer_id, get_role(recipient.kind)
        corrects = recipient.kind in CORRECTED_BY
        standing = ReaderStanding.CORRECTED if corrects else determine_standing(exposures[key])
        readers[key] = exposures[key], standing
    return tuple(readers[key] for key in sorted(readers))


def build_groups(
    facts: NoticeFacts | None, readers: Iterable[tuple[Exposure, ReaderStanding]]
) -> tuple[WordsGroup, ...]:
    """Build every group whose words somebody reads, in the order of roles and standings."""
    own = {_get_key(words) for words in facts.words} if facts else set()
    members: dict[tuple[DataRole, ReaderStanding], list[Exposure]] = defaultdict(list)
    for exposure, standing in readers:
        if (exposure.role, standing, exposure.customer_id) not in own:
            members[exposure.role, standing].append(exposure)
    return tuple(
        WordsGroup(
            role,
            standing,
            tuple(e.customer_id for e in members[role, standing]),
            tuple(list_differences(members[role, standing])),
        )
        for role in DataRole
        for standing in ReaderStanding
        if members[role, standing]
    )


def list_differences(exposures: Sequence[Exposure]) -> Iterable[str]:
    """List differences in plain words; empty: their evidence is alike."""
    if len({_list_acts(e) for e in exposures}) > 1:
        yield "their records show different acts"
    if len({_list_kinds(e) for e in exposures}) > 1:
        yield "different systems of theirs are touched"
    if len({str(e.effects) for e in exposures}) > 1:
        yield "different kinds of data are involved, or different things happened to them"
    if len({tuple(sorted(d.kind for d in e.doubts)) for e in exposures}) > 1:
        yield "they cannot be ruled out for different reasons"


def _list_acts(exposure: Exposure) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(act.action, act.outcome) for act in exposure.acts}))


def _list_kinds(exposure: Exposure) -> tuple[str, ...]:
    return tuple(sorted({asset.partition(":")[0] for asset in exposure.assets}))


def _get_key(words: ExposureWords) -> tuple[DataRole, ReaderStanding, str | None]:
    return words.role, words.standing, words.customer_id
