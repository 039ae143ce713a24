"""Compute what an exposure's records show of its data: seen, copied, altered, lost, unavailable;
each as happened or possible. Why: docs/adr/0002-certainty.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from breachdesk.casework.affected.evidence import AssetSighting
from breachdesk.casework.affected.recorded_acts import is_forwarding_rule
from schemas.casework.affected import BreachEffect, EffectCertainty
from schemas.customer import DataCategory

Effects = dict[DataCategory, dict[BreachEffect, EffectCertainty]]

STORES = frozenset(
    {
        DataCategory.MAIL, DataCategory.FILES, DataCategory.WEBSITE, DataCategory.BACKUP,
        DataCategory.TRAFFIC,
    }
)  # fmt: skip
"""Kinds of place. All other categories say what lies in them, which no record of an act names."""

RECORD_PAGES = "service:"
ENCRYPTS = re.compile(r"(?<!un)encrypt")
FILE_NAMES = ("file.name", "file.path")
LOCKED_NAME = re.compile(
    r"\.(?:locked|lock|encrypted|enc|crypt|crypto|crypted|cry|lockbit|ryk|clop|akira|phobos|zepto)$",
    re.IGNORECASE,
)
"""Endings that encrypting programs give to files."""


@dataclass(frozen=True, slots=True)
class EffectRule:
    """An act that shows an effect on one kind of place."""

    actions: tuple[str, ...]
    """Parts of `event.action`, case-folded."""
    place: DataCategory
    effects: tuple[BreachEffect, ...]


SHOWS = (
    EffectRule(
        ("filedownloaded", "filesyncdownloadedfull", "download"),
        DataCategory.FILES,
        (BreachEffect.COPIED, BreachEffect.SEEN),
    ),
    EffectRule(
        ("fileaccessed", "filepreviewed", "fileopened"), DataCategory.FILES, (BreachEffect.SEEN,)
    ),
    EffectRule(("filecopied",), DataCategory.FILES, (BreachEffect.COPIED,)),
    EffectRule(
        ("filemodified", "fileuploaded", "fileoverwritten", "filerestored"),
        DataCategory.FILES,
        (BreachEffect.ALTERED,),
    ),
    EffectRule(
        ("filedeleted", "file-deleted", "filerecycled"), DataCategory.FILES, (BreachEffect.LOST,)
    ),
    EffectRule(
        ("mailitemsaccessed", "messageread", "mail-read"), DataCategory.MAIL, (BreachEffect.SEEN,)
    ),
    EffectRule(("harddelete", "mail-deleted"), DataCategory.MAIL, (BreachEffect.LOST,)),
    EffectRule(("restore", "backup-read"), DataCategory.BACKUP, (BreachEffect.SEEN,)),
    EffectRule(
        ("backup-delete", "backupdelete", "snapshot-delete"),
        DataCategory.BACKUP,
        (BreachEffect.LOST,),
    ),
    EffectRule(("defac", "page-changed"), DataCategory.WEBSITE, (BreachEffect.ALTERED,)),
)
RECOVERABLE = ("recycle", "softdelete", "movetodeleteditems")
"""Deletions that keep a copy for a time: loss is possible, and no more."""


def compute_effects(sightings: Iterable[AssetSighting]) -> Effects:
    """Compute the effects of all these records. Access without a more specific act: the data may
    have been seen."""
    shown: Effects = {}
    for sighting in sightings:
        if sighting.outcome == "failure":
            continue
        for category in (DataCategory(name) for name in sighting.categories):
            for effect, surety in _compute_category_effects(sighting, category).items():
                known = shown.setdefault(category, {})
                if known.get(effect) is not EffectCertainty.HAPPENED:
                    known[effect] = surety
    return sort_effects(shown)


def mark_unknown(categories: Iterable[DataCategory]) -> Effects:
    """Mark the categories as involved, with an unknown effect."""
    return sort_effects({category: {} for category in categories})


def mark_possibly_seen(categories: Iterable[DataCategory]) -> Effects:
    """Mark that somebody could have seen the categories."""
    return sort_effects(
        {category: {BreachEffect.SEEN: EffectCertainty.POSSIBLE} for category in categories}
    )


def mark_possible(
    effects: Mapping[DataCategory, Mapping[BreachEffect, EffectCertainty]],
) -> Effects:
    """Return the same effects as possible only, for an exposure that cannot be ruled out."""
    return {c: dict.fromkeys(known, EffectCertainty.POSSIBLE) for c, known in effects.items()}


def sort_effects(effects: Mapping[DataCategory, Mapping[BreachEffect, EffectCertainty]]) -> Effects:
    """Sort categories and effects in the order of their types, so that equal effects read alike."""
    return {
        category: {e: effects[category][e] for e in BreachEffect if e in effects[category]}
        for category in DataCategory
        if category in effects
    }


def is_record_view(sighting: AssetSighting) -> bool:
    """Whether the event is a successful page of our own system that shows one customer's record
    (`service:host?parameter=value`)."""
    return sighting.asset.startswith(RECORD_PAGES) and "?" in sighting.asset


def _compute_category_effects(
    sighting: AssetSighting, category: DataCategory
) -> dict[BreachEffect, EffectCertainty]:
    if is_record_view(sighting):
        return {BreachEffect.SEEN: _determine_surety(sighting)}
    if is_encryption(sighting):
        return _compute_encryption_effects(sighting, category)
    shown = [each for each in SHOWS if any(word in sighting.action for word in each.actions)]
    if (
        not shown
        and is_forwarding_rule(sighting)
        and category in (DataCategory.MAIL, *_list_contents(category))
    ):
        return {
            BreachEffect.SEEN: EffectCertainty.POSSIBLE,
            BreachEffect.COPIED: EffectCertainty.POSSIBLE,
        }
    effects: dict[BreachEffect, EffectCertainty] = (
        {} if shown else {BreachEffect.SEEN: EffectCertainty.POSSIBLE}
    )
    for each in shown:
        effects |= _apply_rule(each, sighting, category)
    return effects or {BreachEffect.SEEN: EffectCertainty.POSSIBLE}


def _apply_rule(
    shows: EffectRule, sighting: AssetSighting, category: DataCategory
) -> dict[BreachEffect, EffectCertainty]:
    """Apply the rule: certain for the place itself, possible for what is stored there."""
    if category is shows.place:
        surety = _determine_surety(sighting)
        if BreachEffect.LOST in shows.effects and any(w in sighting.action for w in RECOVERABLE):
            surety = EffectCertainty.POSSIBLE
        return dict.fromkeys(shows.effects, surety)
    return dict.fromkeys(shows.effects, EffectCertainty.POSSIBLE) if category not in STORES else {}


def _list_contents(category: DataCategory) -> Sequence[DataCategory]:
    return () if category in STORES else (category,)


def is_encryption(sighting: AssetSighting) -> bool:
    """Whether the event is an act on files that a ransom rule raised, or a new file name of an
    encrypting program. Other acts of the same alert, such as a sign-in, encrypt nothing."""
    named = sighting.event.summary
    names = [name for name in (str(named.get(field, "")) for field in FILE_NAMES) if name]
    on_files = bool(names) or any(word in sighting.action for word in ("file", "rename"))
    if on_files and any("ransom" in rule.casefold() for rule in sighting.rules):
        return True
    return bool(ENCRYPTS.search(sighting.action)) or any(LOCKED_NAME.search(name) for name in names)


def _compute_encryption_effects(
    sighting: AssetSighting, category: DataCategory
) -> dict[BreachEffect, EffectCertainty]:
    """Compute the effects of encryption: it implies that the file could be read. It is certain for
    the files, or for the only place there; a file's new name does not lock mail in the same
    place."""
    places = STORES.intersection(DataCategory(name) for name in sighting.categories)
    if category in places and category is not DataCategory.FILES and DataCategory.FILES in places:
        return {BreachEffect.SEEN: EffectCertainty.POSSIBLE}
    sure = category is DataCategory.FILES or places == {category}
    surety = _determine_surety(sighting) if sure else EffectCertainty.POSSIBLE
    return {BreachEffect.SEEN: EffectCertainty.POSSIBLE, BreachEffect.UNAVAILABLE: surety}


def _determine_surety(sighting: AssetSighting) -> EffectCertainty:
    return EffectCertainty.HAPPENED if sighting.outcome == "success" else EffectCertainty.POSSIBLE
