"""Whose words a reader is told: its own customer's, else those of its role and standing, and no
others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from breachdesk.gdpr.roles import CORRECTED_BY, role_of
from schemas.affected import Certainty, Exposure
from schemas.customer import Role
from schemas.errors import BadInput, NotAllowed
from schemas.letter_facts import ExposureWords, NoticeFacts, OwnFacts, Standing
from schemas.list_outline import ListOutline


@dataclass(frozen=True, slots=True)
class Group:
    """Exposures of one role and standing that share the words of their group."""

    role: Role
    standing: Standing
    customers: tuple[str, ...]
    differences: tuple[str, ...]
    """What their evidence does not have in common: one text can hardly be true of all."""


def standing_of(exposure: Exposure) -> Standing:
    """Raises NotAllowed for an excluded one: nobody is told of it."""
    if exposure.certainty is Certainty.EXCLUDED:
        raise NotAllowed(
            "the exposure is excluded", place=exposure.customer_id, remedy="Tell nobody of it."
        )
    return Standing.POSSIBLE if exposure.certainty is Certainty.POSSIBLE else Standing.REACHED


def own_facts(facts: NoticeFacts, exposure: Exposure, standing: Standing | None = None) -> OwnFacts:
    """What this exposure's readers are told. `standing`: of a letter that corrects an earlier one."""
    stands = standing or standing_of(exposure)
    own = next(
        (
            words
            for customer in (exposure.customer_id, None)
            for words in facts.words
            if _key(words) == (exposure.role, stands, customer)
        ),
        None,
    )
    return OwnFacts(
        version=facts.version,
        what_happened=facts.what_happened,
        next_update=facts.next_update,
        own=own or ExposureWords(role=exposure.role, standing=stands),
        written=own is not None,
    )


def check_words(words: Sequence[ExposureWords]) -> None:
    """Raises BadInput where two words answer for the same readers."""
    counted = Counter(_key(each) for each in words)
    for (role, standing, customer), count in counted.items():
        if count > 1:
            raise BadInput(
                f"{count} texts for {customer or 'every'} {role}, {standing}",
                place="letters' facts",
                remedy="Keep one of them.",
            )


def readers_of(outline: ListOutline) -> tuple[tuple[Exposure, Standing], ...]:
    """Each exposure that somebody on the list is told of, and as what: a correction is about one
    that is excluded."""
    listed = (*outline.exposures, *outline.corrected)
    exposures = {(e.customer_id, e.role): e for e in listed}
    told: dict[tuple[str, Role], tuple[Exposure, Standing]] = {}
    for recipient in outline.recipients:
        key = recipient.customer_id, role_of(recipient.kind)
        corrects = recipient.kind in CORRECTED_BY
        standing = Standing.CORRECTED if corrects else standing_of(exposures[key])
        told[key] = exposures[key], standing
    return tuple(told[key] for key in sorted(told))


def groups(
    facts: NoticeFacts | None, readers: Iterable[tuple[Exposure, Standing]]
) -> tuple[Group, ...]:
    """Every group whose words somebody reads, in the order of roles and standings."""
    own = {_key(words) for words in facts.words} if facts else set()
    members: dict[tuple[Role, Standing], list[Exposure]] = defaultdict(list)
    for exposure, standing in readers:
        if (exposure.role, standing, exposure.customer_id) not in own:
            members[exposure.role, standing].append(exposure)
    return tuple(
        Group(
            role,
            standing,
            tuple(e.customer_id for e in members[role, standing]),
            tuple(differences(members[role, standing])),
        )
        for role in Role
        for standing in Standing
        if members[role, standing]
    )


def differences(exposures: Sequence[Exposure]) -> Iterable[str]:
    """In plain words; empty: their evidence is alike."""
    if len({_acts(e) for e in exposures}) > 1:
        yield "their records show different acts"
    if len({_kinds(e) for e in exposures}) > 1:
        yield "different systems of theirs are touched"
    if len({str(e.effects) for e in exposures}) > 1:
        yield "different kinds of data are involved, or different things happened to them"
    if len({tuple(sorted(d.kind for d in e.doubts)) for e in exposures}) > 1:
        yield "they cannot be ruled out for different reasons"


def _acts(exposure: Exposure) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(act.action, act.outcome) for act in exposure.acts}))


def _kinds(exposure: Exposure) -> tuple[str, ...]:
    return tuple(sorted({asset.partition(":")[0] for asset in exposure.assets}))


def _key(words: ExposureWords) -> tuple[Role, Standing, str | None]:
    return words.role, words.standing, words.customer_id
