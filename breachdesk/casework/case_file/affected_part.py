"""Who was affected, and who was not and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from breachdesk.casework.case_file.reading import Reading, nothing, part, table
from breachdesk.casework.groups import group_line
from schemas.affected import Certainty, Exposure, Manifest
from schemas.affected_group import AffectedGroup
from schemas.case_file import FilePart, FileSection
from schemas.customer import DataCategory
from schemas.list_outline import gravest


def affected(r: Reading) -> FileSection:
    """Of the newest list in full, of earlier ones the numbers."""
    parts: list[FilePart] = []
    if r.case.erased:
        parts.append(nothing("The lists were erased with the personal data of this case."))
    elif not r.manifests:
        parts.append(nothing("No list of affected customers is frozen."))
    parts += [_numbers(r, manifest) for manifest in r.manifests]
    if r.manifests:
        parts += _exposures(r, r.manifests[-1])
    parts += [_group(r, group) for group in r.groups]
    return FileSection(title="Who was affected, and who was not", parts=tuple(parts))


def _numbers(r: Reading, m: Manifest) -> FilePart:
    counts = gravest(m)
    people = Counter(recipient.channel.value for recipient in m.recipients)
    last = m is r.manifests[-1]
    return part(
        f"List, version {m.version}" + ("" if last else " (replaced)"),
        facts=(
            ("Frozen", f"by {m.frozen_by}, {r.when(m.frozen_at)}"),
            ("Customers", ", ".join(f"{n:,} {word.value}" for word, n in counts.items())),
            (
                "To be told",
                f"{people['email']:,} people by e-mail, {people['telephone']:,} by telephone",
            ),
            ("Fingerprint", m.hash),
        ),
    )


def _exposures(r: Reading, m: Manifest) -> Iterator[FilePart]:
    reached = [_row(r, e) for e in m.exposures if e.certainty is not Certainty.EXCLUDED]
    columns = ("Customer", "Our role", "Certainty", "Data", "Why")
    yield _listed("Reached, or maybe reached", columns, reached)
    out: dict[tuple[str, str], list[str]] = {}
    for e in m.exposures:
        if e.certainty is Certainty.EXCLUDED:
            out.setdefault((e.role.value, _why(r, e)), []).append(r.customer(e.customer_id))
    rows = [(why, role, f"{len(who):,}: {'; '.join(who)}") for (role, why), who in out.items()]
    yield _listed("Not affected, and why", ("Why", "Our role", "Customers"), rows)


def _listed(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> FilePart:
    if not rows:
        return part(heading, paragraphs=("Nobody.",))
    return part(heading, table=table(columns, rows))


def _why(r: Reading, e: Exposure) -> str:
    return r.shown(e.reason) + (f" (decided by {e.decided_by})" if e.decided_by else "")


def _row(r: Reading, e: Exposure) -> tuple[str, ...]:
    data = [category.value for category in dict.fromkeys((*e.effects, *_categories(e)))]
    return (
        r.customer(e.customer_id),
        e.role.value,
        e.certainty.value,
        ", ".join(data) or "none named",
        _why(r, e),
    )


def _categories(e: Exposure) -> tuple[DataCategory, ...]:
    """Of lists frozen before effects were there."""
    return tuple(getattr(e, "categories", ()))


def _group(r: Reading, group: AffectedGroup) -> FilePart:
    facts = [
        ("Recorded", f"by {group.recorded_by}, {r.when(group.recorded_at)}"),
        ("Certainty", f"{group.certainty.value}. {r.shown(group.reason)}"),
        ("Data", ", ".join(category.value for category in group.data_categories)),
        (
            "What happened to it",
            ", ".join(f"{e.value} ({s.value})" for e, s in group.effects.items()) or "not known",
        ),
    ]
    if group.not_told:
        by = f"{group.not_told.decided_by}, {r.when(group.not_told.decided_at)}"
        facts.append(("Not told", f"{r.shown(group.not_told.reason)} ({by})"))
    return part(f"People who are no customers. {group_line(group)}", facts=tuple(facts))
