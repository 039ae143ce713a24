"""Exposures of an affected list in groups, so that a page loads the rows of the one that is
opened."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.casework.affected import Certainty, Exposure
from schemas.customer import DataRole
from schemas.paging import PAGE_ROWS

FEW = 60
"""Rows that a list shows at once; a longer one shows its groups."""
ALIKE = 3
"""Exposures of one reason that make a group of their own."""
REASONS = 12
"""Groups of one reason in each certainty and role, the largest; the rest are shown together."""
Key = tuple[Certainty, DataRole, str | None]
"""Certainty, role and reason; no reason: each has its own."""


@dataclass(frozen=True)
class ExposureGroup:
    """Exposures alike in certainty, role and, where one is given, reason."""

    id: str
    certainty: Certainty
    role: DataRole
    reason: str | None
    exposures: Sequence[Exposure]


@dataclass(frozen=True)
class OpenedGroup:
    """Which group is open, and which page of it; or what is looked for."""

    group: str = ""
    page: int = 1
    words: str = ""

    @classmethod
    def parse(cls, text: str, words: str = "") -> OpenedGroup:
        """`1f0c…:2` → the second page of that group."""
        group, _, page = text.partition(":")
        number = int(page) if page.isascii() and page.isdecimal() and len(page) < 7 else 1
        return cls(group, max(number, 1), words)


@dataclass(frozen=True)
class GroupListing:
    """One part of the list as the page shows it: its rows, or its groups with one open."""

    total: int
    rows: Sequence[Exposure]
    groups: Sequence[ExposureGroup] = ()
    open: str = ""
    page: int = 1
    pages: int = 1


def list_groups(exposures: Sequence[Exposure]) -> Sequence[ExposureGroup]:
    """In the order of their first exposures."""
    counts = Counter((e.certainty, e.role, e.reason) for e in exposures)
    largest: dict[tuple[Certainty, DataRole], set[str]] = defaultdict(set)
    for (certainty, role, reason), count in counts.most_common():
        own = largest[certainty, role]
        if count >= ALIKE and len(own) < REASONS:
            own.add(reason)
    groups: dict[Key, list[Exposure]] = defaultdict(list)
    for e in exposures:
        shared = e.reason in largest[e.certainty, e.role]
        groups[e.certainty, e.role, e.reason if shared else None].append(e)
    return [ExposureGroup(_compute_group_id(key), *key, rows) for key, rows in groups.items()]


def build_group_ids(exposures: Sequence[Exposure]) -> Mapping[tuple[str, DataRole], str]:
    """Of each exposure, by customer and role, its group."""
    return {(e.customer_id, e.role): g.id for g in list_groups(exposures) for e in g.exposures}


def build_listing(exposures: Sequence[Exposure], opened: OpenedGroup) -> GroupListing:
    """All rows of a short list; of a long one its groups, and a page of the open one."""
    if len(exposures) <= FEW:
        return GroupListing(len(exposures), exposures)
    groups = list_groups(exposures)
    group = next((g for g in groups if g.id == opened.group), None)
    if group is None:
        return GroupListing(len(exposures), (), groups)
    pages = -(-len(group.exposures) // PAGE_ROWS)
    page = min(opened.page, pages)
    rows = group.exposures[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return GroupListing(len(exposures), rows, groups, group.id, page, pages)


def select_matching(
    exposures: Iterable[Exposure], is_wanted_customer: Callable[[str], bool]
) -> tuple[Sequence[Exposure], bool]:
    """Exposures of the customers that are looked for, at most PAGE_ROWS, and whether there are
    more."""
    matching = [e for e in exposures if is_wanted_customer(e.customer_id)]
    return matching[:PAGE_ROWS], len(matching) > PAGE_ROWS


def _compute_group_id(key: Key) -> str:
    certainty, role, reason = key
    reason_text = "each its own" if reason is None else f"one: {reason}"
    return hashlib.sha256(f"{certainty}\n{role}\n{reason_text}".encode()).hexdigest()[:12]
