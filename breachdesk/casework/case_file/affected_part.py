"""Sections on who was affected, and who was not and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from breachdesk.casework.affected.group_records import format_group_line
from breachdesk.casework.case_file.reading import (
    CaseSnapshot,
    build_empty_part,
    build_part,
    build_table,
)
from schemas.casework.affected import Certainty, Exposure, Manifest
from schemas.casework.affected_group import AffectedGroup
from schemas.casework.case_file import FilePart, FileSection
from schemas.casework.list_outline import count_by_certainty
from schemas.customer import DataCategory


def build_affected_section(r: CaseSnapshot) -> FileSection:
    """Build the newest list in full, and the numbers of earlier ones."""
    parts: list[FilePart] = []
    if r.case.erased:
        parts.append(build_empty_part("The lists were erased with the personal data of this case."))
    elif not r.manifests:
        parts.append(build_empty_part("No list of affected customers is frozen."))
    parts += [_build_counts_part(r, manifest) for manifest in r.manifests]
    if r.manifests:
        parts += _build_exposure_parts(r, r.manifests[-1])
    parts += [_build_group_part(r, group) for group in r.groups]
    return FileSection(title="Who was affected, and who was not", parts=tuple(parts))


def _build_counts_part(r: CaseSnapshot, m: Manifest) -> FilePart:
    counts = count_by_certainty(m)
    people = Counter(recipient.channel.value for recipient in m.recipients)
    last = m is r.manifests[-1]
    return build_part(
        f"List, version {m.version}" + ("" if last else " (replaced)"),
        facts=(
            ("Frozen", f"by {m.frozen_by}, {r.format_time(m.frozen_at)}"),
            ("Customers", ", ".join(f"{n:,} {word.value}" for word, n in counts.items())),
            (
                "To be told",
                f"{people['email']:,} people by e-mail, {people['telephone']:,} by telephone",
            ),
            ("Fingerprint", m.hash),
        ),
    )


def _build_exposure_parts(r: CaseSnapshot, m: Manifest) -> Iterator[FilePart]:
    reached = [_build_row(r, e) for e in m.exposures if e.certainty is not Certainty.EXCLUDED]
    columns = ("Customer", "Our role", "Certainty", "Data", "Why")
    yield _build_table_part("Reached, or maybe reached", columns, reached)
    out: dict[tuple[str, str], list[str]] = {}
    for e in m.exposures:
        if e.certainty is Certainty.EXCLUDED:
            out.setdefault((e.role.value, _format_reason(r, e)), []).append(
                r.format_customer(e.customer_id)
            )
    rows = [(why, role, f"{len(who):,}: {'; '.join(who)}") for (role, why), who in out.items()]
    yield _build_table_part("Not affected, and why", ("Why", "Our role", "Customers"), rows)


def _build_table_part(
    heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> FilePart:
    if not rows:
        return build_part(heading, paragraphs=("Nobody.",))
    return build_part(heading, table=build_table(columns, rows))


def _format_reason(r: CaseSnapshot, e: Exposure) -> str:
    return r.redact_text(e.reason) + (f" (decided by {e.decided_by})" if e.decided_by else "")


def _build_row(r: CaseSnapshot, e: Exposure) -> tuple[str, ...]:
    data = [category.value for category in dict.fromkeys((*e.effects, *_list_categories(e)))]
    return (
        r.format_customer(e.customer_id),
        e.role.value,
        e.certainty.value,
        ", ".join(data) or "none named",
        _format_reason(r, e),
    )


def _list_categories(e: Exposure) -> tuple[DataCategory, ...]:
    """List categories, also of lists frozen by releases without effects."""
    return tuple(getattr(e, "categories", ()))


def _build_group_part(r: CaseSnapshot, group: AffectedGroup) -> FilePart:
    facts = [
        ("Recorded", f"by {group.recorded_by}, {r.format_time(group.recorded_at)}"),
        ("Certainty", f"{group.certainty.value}. {r.redact_text(group.reason)}"),
        ("Data", ", ".join(category.value for category in group.data_categories)),
        (
            "What happened to it",
            ", ".join(f"{e.value} ({s.value})" for e, s in group.effects.items()) or "not known",
        ),
    ]
    if group.not_told:
        by = f"{group.not_told.decided_by}, {r.format_time(group.not_told.decided_at)}"
        facts.append(("Not told", f"{r.redact_text(group.not_told.reason)} ({by})"))
    return build_part(
        f"People who are no customers. {format_group_line(group)}", facts=tuple(facts)
    )
