"""What a jurisdiction is: which provision sets its limit, who receives its report, and its form.

A jurisdiction is one file in `breachdesk/jurisdictions`; the file name is its id and it exports
JURISDICTION. It names entries of the law (`breachdesk/law/*.toml`) by their ids: the hours, the
authority and the form stand there, each with its days, its source and its review date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.gdpr.deadlines import LegalDeadline, compute_deadline
from breachdesk.gdpr.filing import ReportFiling
from breachdesk.gdpr.roles import NotificationTrack
from schemas.casework.obligation import ObligationKind
from schemas.casework.report import ReportQuestion
from schemas.errors import ConfigurationError
from schemas.law import LawAuthority, LawBook, LawForm, Provision


@dataclass(frozen=True, slots=True)
class DeadlineExample:
    """Awareness and the deadline that must come of it (ISO, with zone)."""

    title: str
    aware_at: str
    due: str


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """One regulator's rules and form."""

    id: str
    title: str
    duty: ObligationKind
    """The clock that a submission here stops."""
    track: NotificationTrack
    """Which exposures its report counts."""
    provision: str
    """Id of the provision that sets the limit."""
    phases: str
    """Id of the provision under which what is not yet known may follow."""
    authority: str
    """Id of the authority that receives the report."""
    form: str
    """Id of the form."""
    questions: Callable[[ReportFiling], tuple[ReportQuestion, ...]]
    """The form's questions in its order, answered from what is known."""
    examples: Sequence[DeadlineExample] = ()

    def get_law(self, law: LawBook, moment: datetime) -> Provision:
        """The version in force on the day of awareness. Raises NotFound."""
        return law.get_provision(self.provision, moment)

    def get_authority(self, law: LawBook, moment: datetime) -> LawAuthority:
        """Raises NotFound."""
        return law.get_authority(self.authority, moment)

    def get_form(self, law: LawBook, moment: datetime) -> LawForm:
        """Raises NotFound."""
        return law.get_form(self.form, moment)

    def compute_deadline(self, law: LawBook, aware_at: datetime) -> LegalDeadline:
        """By the law in force at awareness. Raises NotFound, and Misconfigured for a provision
        that gives no figure."""
        provision = self.get_law(law, aware_at)
        deadline = compute_deadline(provision, aware_at)
        if deadline is None:
            raise ConfigurationError(
                "it gives no hours, days or months",
                place=f"law, {provision.id}",
                remedy="Add the period with its source; see docs/reference/law.md.",
            )
        return deadline


def find_missing(questions: Sequence[ReportQuestion]) -> dict[str, str]:
    """Mandatory questions that have no answer, or one that is not yet known: {key: which, and
    which of the two}."""
    return {
        q.key: f"{q.question.rstrip('?')}: {'not yet known' if q.unknown else 'not answered'}"
        for q in questions
        if q.mandatory and (q.unknown or not q.answer)
    }
