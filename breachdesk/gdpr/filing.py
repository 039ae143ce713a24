"""Everything a regulator's form is answered from, gathered once, and how it is put in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.affected import Exposure
from schemas.breach import Breach
from schemas.case import Case
from schemas.decision import Decision
from schemas.report import Precision, Quantity, Question, ReportFacts, Submission
from schemas.settings import ProviderProfile
from schemas.times import in_utc


@dataclass(frozen=True, slots=True)
class Filing:
    """What we know of a breach when a report is made."""

    breach: Breach
    case: Case
    profile: ProviderProfile
    facts: ReportFacts | None
    """None: nobody has written them yet."""
    decision: Decision | None
    exposures: Sequence[Exposure]
    """Of those we report for: reached ones only."""
    due: datetime
    now: datetime
    submissions: Sequence[Submission] = ()
    notices: str = ""
    """How many letters ended how, in words; counts only."""
    notice_text: str = ""
    """What the letters say, without anybody's name."""
    limit: str = "the limit"
    """`72 hours`: how long the law gives, in words."""

    @property
    def written(self) -> ReportFacts:
        """The person's facts, or blank ones."""
        return self.facts or ReportFacts(
            breach_id=self.breach.id, version=0, written_by="", written_at=self.now
        )

    @property
    def first(self) -> Submission | None:
        """The earliest submission, if any."""
        return min(self.submissions, key=lambda s: s.submitted_at, default=None)

    @property
    def late(self) -> bool:
        """The first report is, or would now be, later than the limit."""
        at = self.first.submitted_at if self.first else self.now
        return in_utc(at) > in_utc(self.due)

    def when(self, moment: datetime | None) -> str:
        """`22 November 2026 at 9:12am GMT`, or empty."""
        if moment is None:
            return ""
        local = moment.astimezone(ZoneInfo(self.profile.zone))
        clock = f"{local:%I:%M}".lstrip("0") + f"{local:%p}".lower()
        return f"{local.day} {local:%B %Y} at {clock} {local:%Z}"


@dataclass(frozen=True, slots=True)
class Asker:
    """Makes the questions of one section of one form."""

    section: str

    def ask(
        self, key: str, question: str, answer: str, *, must: bool = False, article: str = ""
    ) -> Question:
        """One question with its answer; `must`: the law or the form demands one."""
        return Question(
            key=key,
            section=self.section,
            question=question,
            answer=answer.strip(),
            mandatory=must,
            article=article,
        )


def quantity(number: Quantity) -> str:
    """`about 64 (approximate)`, `64 (exact)`, `not yet known`."""
    if number.value is None or number.precision is Precision.UNKNOWN:
        return "not yet known" if number.value is None else f"up to {number.value:,} (uncertain)"
    if number.precision is Precision.APPROXIMATE:
        return f"about {number.value:,} (approximate)"
    return f"{number.value:,} (exact)"


def yes_or_no(answer: bool | None) -> str:
    """`don't know` for None, as the forms have it."""
    if answer is None:
        return "don't know"
    return "yes" if answer else "no"


def list_of(items: Iterable[str]) -> str:
    """One a line."""
    return "\n".join(f"- {item}" for item in items if item)
