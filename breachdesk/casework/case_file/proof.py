"""Sections on every recorded act, and whether the audit chain verifies."""

from __future__ import annotations

from collections.abc import Sequence

from breachdesk.casework.case_file.reading import CaseSnapshot, build_part, build_table
from schemas.casework.case_file import FileSection
from schemas.errors import CorruptData

CHAIN = (
    "The chain links each recorded act to the one before by a hash. Whoever noted the entry and hash "
    "above can show later that nothing before it was changed (breachdesk audit verify --head)."
)


def build_acts_section(r: CaseSnapshot) -> FileSection:
    """Build the audit's entries about this case and its breach."""
    subjects = [r.case.id, *([r.breach.id] if r.breach else []), *(a.id for a in r.alerts)]
    entries = sorted(r.uow.audit.list_about(subjects), key=lambda entry: entry.seq)
    rows = [(str(e.seq), r.format_time(e.at), e.actor, e.act, e.subject) for e in entries]
    columns = ("Entry", "When", "Who", "Act", "About")
    return FileSection(
        title="Every recorded act",
        parts=(
            build_part(
                paragraphs=("Of the audit chain; `system:` and `operator:` are no accounts.",)
            ),
            build_part(table=build_table(columns, rows)),
        ),
    )


def build_chain_end_section(r: CaseSnapshot) -> FileSection:
    """Build the head of the chain, without verifying it."""
    return _build_trust_section(r, ())


def build_integrity_section(r: CaseSnapshot) -> FileSection:
    """Build the head of the chain, and the result of verifying it now."""
    try:
        report = r.uow.audit.examine()
        discrepancies = [str(discrepancy) for discrepancy in report.discrepancies]
        statement = "It holds: every link, and the store agrees with what it says."
        if discrepancies:
            statement = f"{len(discrepancies):,} differences: {'; '.join(discrepancies[:20])}"
    except CorruptData as broken:
        statement = f"It is broken: {broken}"
    return _build_trust_section(r, (("Verified when this was made", statement),))


def _build_trust_section(r: CaseSnapshot, verified: Sequence[tuple[str, str]]) -> FileSection:
    head = r.uow.audit.get_head()
    facts = (("Audit chain ends at", f"entry {head.seq:,}"), ("Its hash", head.hash), *verified)
    return FileSection(
        title="Can this file be trusted?", parts=(build_part(facts=facts, paragraphs=(CHAIN,)),)
    )
