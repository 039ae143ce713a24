"""What an exposure's records show of its data: seen, copied, altered, lost, unavailable; each as
happened or possible. Why: docs/adr/0002-certainty.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from breachdesk.casework.acts import forwards
from breachdesk.casework.evidence import Sighting
from schemas.affected import Effect, Surety
from schemas.customer import DataCategory

Effects = dict[DataCategory, dict[Effect, Surety]]

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
class Shows:
    """An act that shows an effect on one kind of place."""

    actions: tuple[str, ...]
    """Parts of `event.action`, case-folded."""
    place: DataCategory
    effects: tuple[Effect, ...]


SHOWS = (
    Shows(
        ("filedownloaded", "filesyncdownloadedfull", "download"),
        DataCategory.FILES,
        (Effect.COPIED, Effect.SEEN),
    ),
    Shows(("fileaccessed", "filepreviewed", "fileopened"), DataCategory.FILES, (Effect.SEEN,)),
    Shows(("filecopied",), DataCategory.FILES, (Effect.COPIED,)),
    Shows(
        ("filemodified", "fileuploaded", "fileoverwritten", "filerestored"),
        DataCategory.FILES,
        (Effect.ALTERED,),
    ),
    Shows(("filedeleted", "file-deleted", "filerecycled"), DataCategory.FILES, (Effect.LOST,)),
    Shows(("mailitemsaccessed", "messageread", "mail-read"), DataCategory.MAIL, (Effect.SEEN,)),
    Shows(("harddelete", "mail-deleted"), DataCategory.MAIL, (Effect.LOST,)),
    Shows(("restore", "backup-read"), DataCategory.BACKUP, (Effect.SEEN,)),
    Shows(
        ("backup-delete", "backupdelete", "snapshot-delete"), DataCategory.BACKUP, (Effect.LOST,)
    ),
    Shows(("defac", "page-changed"), DataCategory.WEBSITE, (Effect.ALTERED,)),
)
RECOVERABLE = ("recycle", "softdelete", "movetodeleteditems")
"""Deletions that keep a copy for a time: loss is possible, and no more."""


def effects_of(sightings: Iterable[Sighting]) -> Effects:
    """Of all these records. Access without an act that says more: it may have been seen."""
    shown: Effects = {}
    for sighting in sightings:
        if sighting.outcome == "failure":
            continue
        for category in (DataCategory(name) for name in sighting.categories):
            for effect, surety in _of_one(sighting, category).items():
                known = shown.setdefault(category, {})
                if known.get(effect) is not Surety.HAPPENED:
                    known[effect] = surety
    return in_order(shown)


def unknown(categories: Iterable[DataCategory]) -> Effects:
    """Involved; what happened to it is not known."""
    return in_order({category: {} for category in categories})


def may_have_been_seen(categories: Iterable[DataCategory]) -> Effects:
    """Somebody could reach it."""
    return in_order({category: {Effect.SEEN: Surety.POSSIBLE} for category in categories})


def only_possible(effects: Mapping[DataCategory, Mapping[Effect, Surety]]) -> Effects:
    """The same effects of an exposure that cannot be ruled out, and no more."""
    return {c: dict.fromkeys(known, Surety.POSSIBLE) for c, known in effects.items()}


def in_order(effects: Mapping[DataCategory, Mapping[Effect, Surety]]) -> Effects:
    """Categories and effects as their types list them, so that the same is always said alike."""
    return {
        category: {e: effects[category][e] for e in Effect if e in effects[category]}
        for category in DataCategory
        if category in effects
    }


def opens_record(sighting: Sighting) -> bool:
    """A page of our own system that shows one customer's record (`service:host?parameter=value`):
    answering it with success shows what it holds."""
    return sighting.asset.startswith(RECORD_PAGES) and "?" in sighting.asset


def _of_one(sighting: Sighting, category: DataCategory) -> dict[Effect, Surety]:
    if opens_record(sighting):
        return {Effect.SEEN: _surety(sighting)}
    if encrypts(sighting):
        return _locked(sighting, category)
    shown = [each for each in SHOWS if any(word in sighting.action for word in each.actions)]
    if not shown and forwards(sighting) and category in (DataCategory.MAIL, *_contents(category)):
        return {Effect.SEEN: Surety.POSSIBLE, Effect.COPIED: Surety.POSSIBLE}
    effects: dict[Effect, Surety] = {} if shown else {Effect.SEEN: Surety.POSSIBLE}
    for each in shown:
        effects |= _at(each, sighting, category)
    return effects or {Effect.SEEN: Surety.POSSIBLE}


def _at(shows: Shows, sighting: Sighting, category: DataCategory) -> dict[Effect, Surety]:
    """Sure of the place itself; of what lies there, possible."""
    if category is shows.place:
        surety = _surety(sighting)
        if Effect.LOST in shows.effects and any(w in sighting.action for w in RECOVERABLE):
            surety = Surety.POSSIBLE
        return dict.fromkeys(shows.effects, surety)
    return dict.fromkeys(shows.effects, Surety.POSSIBLE) if category not in STORES else {}


def _contents(category: DataCategory) -> Sequence[DataCategory]:
    return () if category in STORES else (category,)


def encrypts(sighting: Sighting) -> bool:
    """An act on files that a ransom rule raised, or a file got a name that an encrypting program
    gives. Other acts of the same alert, a sign-in say, lock nothing."""
    named = sighting.event.summary
    names = [name for name in (str(named.get(field, "")) for field in FILE_NAMES) if name]
    on_files = bool(names) or any(word in sighting.action for word in ("file", "rename"))
    if on_files and any("ransom" in rule.casefold() for rule in sighting.rules):
        return True
    return bool(ENCRYPTS.search(sighting.action)) or any(LOCKED_NAME.search(name) for name in names)


def _locked(sighting: Sighting, category: DataCategory) -> dict[Effect, Surety]:
    """Whoever can encrypt a file can read it. Which place was locked is sure of the files, or of
    the only place there; mail beside them is not locked by a file's new name."""
    places = STORES.intersection(DataCategory(name) for name in sighting.categories)
    if category in places and category is not DataCategory.FILES and DataCategory.FILES in places:
        return {Effect.SEEN: Surety.POSSIBLE}
    sure = category is DataCategory.FILES or places == {category}
    surety = _surety(sighting) if sure else Surety.POSSIBLE
    return {Effect.SEEN: Surety.POSSIBLE, Effect.UNAVAILABLE: surety}


def _surety(sighting: Sighting) -> Surety:
    return Surety.HAPPENED if sighting.outcome == "success" else Surety.POSSIBLE
