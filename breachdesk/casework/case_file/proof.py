"""Every recorded act, and whether the audit chain holds."""

from __future__ import annotations

from collections.abc import Sequence

from breachdesk.casework.case_file.reading import Reading, part, table
from schemas.case_file import FileSection
from schemas.errors import Corrupt

CHAIN = (
    "The chain links each recorded act to the one before by a hash. Whoever noted the entry and hash "
    "above can show later that nothing before it was changed (breachdesk audit verify --head)."
)


def acts(r: Reading) -> FileSection:
    """The audit's entries about this case and its breach."""
    subjects = [r.case.id, *([r.breach.id] if r.breach else []), *(a.id for a in r.alerts)]
    entries = sorted(r.uow.audit.about(subjects), key=lambda entry: entry.seq)
    rows = [(str(e.seq), r.when(e.at), e.actor, e.act, e.subject) for e in entries]
    columns = ("Entry", "When", "Who", "Act", "About")
    return FileSection(
        title="Every recorded act",
        parts=(
            part(paragraphs=("Of the audit chain; `system:` and `operator:` are no accounts.",)),
            part(table=table(columns, rows)),
        ),
    )


def chain_end(r: Reading) -> FileSection:
    """Where the chain ends; nothing is verified."""
    return _trusted(r, ())


def integrity(r: Reading) -> FileSection:
    """Where the chain ends, and what its verification says now."""
    try:
        report = r.uow.audit.examine()
        found = [str(discrepancy) for discrepancy in report.discrepancies]
        said = "It holds: every link, and the store agrees with what it says."
        if found:
            said = f"{len(found):,} differences: {'; '.join(found[:20])}"
    except Corrupt as broken:
        said = f"It is broken: {broken}"
    return _trusted(r, (("Verified when this was made", said),))


def _trusted(r: Reading, verified: Sequence[tuple[str, str]]) -> FileSection:
    head = r.uow.audit.head()
    facts = (("Audit chain ends at", f"entry {head.seq:,}"), ("Its hash", head.hash), *verified)
    return FileSection(
        title="Can this file be trusted?", parts=(part(facts=facts, paragraphs=(CHAIN,)),)
    )
