"""What a jurisdiction is: which provision sets its limit, who receives its report, and its form.

A jurisdiction is one file in `breachdesk/jurisdictions`; the file name is its id and it exports
JURISDICTION. It names entries of the law (`breachdesk/law/*.toml`) by their ids: the hours, the
authority and the form stand there, each with its days, its source and its review date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from breachdesk.gdpr.deadlines import Deadline, deadline_of
from breachdesk.gdpr.filing import Filing
from breachdesk.gdpr.roles import Track
from schemas.errors import Misconfigured
from schemas.law import Authority, LawBook, LawForm, Provision
from schemas.obligation import ObligationKind
from schemas.report import Question


@dataclass(frozen=True, slots=True)
class Example:
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
    track: Track
    """Which exposures its report counts."""
    provision: str
    """Id of the provision that sets the limit."""
    phases: str
    """Id of the provision under which what is not yet known may follow."""
    authority: str
    """Id of the authority that receives the report."""
    form: str
    """Id of the form."""
    questions: Callable[[Filing], tuple[Question, ...]]
    """The form's questions in its order, answered from what is known."""
    examples: Sequence[Example] = ()

    def law_at(self, law: LawBook, moment: datetime) -> Provision:
        """The version in force on the day of awareness. Raises NotFound."""
        return law.provision(self.provision, moment)

    def authority_at(self, law: LawBook, moment: datetime) -> Authority:
        """Raises NotFound."""
        return law.authority(self.authority, moment)

    def form_at(self, law: LawBook, moment: datetime) -> LawForm:
        """Raises NotFound."""
        return law.form(self.form, moment)

    def deadline(self, law: LawBook, aware_at: datetime) -> Deadline:
        """By the law in force at awareness. Raises NotFound, and Misconfigured for a provision
        that gives no figure."""
        provision = self.law_at(law, aware_at)
        deadline = deadline_of(provision, aware_at)
        if deadline is None:
            raise Misconfigured(
                "it gives no hours, days or months",
                place=f"law, {provision.id}",
                remedy="Add the period with its source; see docs/reference/law.md.",
            )
        return deadline


def missing(questions: Sequence[Question]) -> dict[str, str]:
    """Mandatory questions that have no answer, or one that is not yet known: {key: which, and
    which of the two}."""
    return {
        q.key: f"{q.question.rstrip('?')}: {'not yet known' if q.unknown else 'not answered'}"
        for q in questions
        if q.mandatory and (q.unknown or not q.answer)
    }
