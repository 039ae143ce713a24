"""Everything a notice's template may use: one recipient, one exposure, nobody else's."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.affected import Exposure, NoticeKind, Recipient
from schemas.breach import Breach
from schemas.customer import Frozen
from schemas.decision import Decision
from schemas.letter_facts import NoticeFacts
from schemas.settings import ProviderProfile


class LetterContext(Frozen):
    """The whole context of one letter. Templates see this and no more (StrictUndefined)."""

    kind: NoticeKind
    locale: str = "en-GB"
    drill: bool = False
    reference: str
    """What the reader quotes: the breach id and a check word, e.g. `BR-0001-hartwell`."""
    profile: ProviderProfile
    breach: Breach
    facts: NoticeFacts
    exposure: Exposure
    recipient: Recipient
    decision: Decision
    customer_name: str = Field(repr=False)
    ico_told: bool = False
    """True at release: a recorded submission exists."""
    version: int = 1
    """Number of the letter, as its reader counts what we sent."""
    supersedes: int | None = None
    """Number of the last letter that reached this reader; None: this is the first."""
    may_supersede: int | None = None
    """Number of a later one whose end is not known."""
    told_at: datetime
    """Fixed when the texts are frozen, so that rendering again gives the same bytes."""


class LintProblem(Frozen):
    """Something in a letter that stops approval (block) or wants a look (warn)."""

    severity: str
    """block | warn"""
    where: str
    """subject | text | html | attachment:<name>, and the block's name."""
    problem: str
    remedy: str
