"""Model everything a notice's template may use: one recipient, one exposure, no other customer's
data."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from schemas.casework.affected import Exposure, Recipient
from schemas.casework.breach import Breach
from schemas.casework.decision import Decision, NotificationBasis
from schemas.casework.letter_facts import OwnFacts
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import FrozenModel
from schemas.law import LawBook
from schemas.settings import ProviderProfile


class SentenceKind(StrEnum):
    """What a letter says of a regulator; `gdpr.regulator_sentences` decides which one is true."""

    TOLD = "told"
    WILL_TELL = "will_tell"
    NOT_TOLD = "not_told"
    """Decided, with reasons."""
    TOLD_OF_OTHERS = "told_of_others"
    """The regulator has a report about another part of this incident, and none about this part."""
    WILL_TELL_OF_OTHERS = "will_tell_of_others"


class RegulatorSentence(FrozenModel):
    """What a letter says of one regulator."""

    authority: str
    """Id of the authority, whose name the law gives."""
    duty: str = ""
    """`which watches over data protection in the UK`; empty: the letter does not explain it."""
    kind: SentenceKind


class LetterContext(FrozenModel):
    """The whole context of one letter. Templates see this and no more (StrictUndefined)."""

    kind: NoticeKind
    locale: str = "en-GB"
    drill: bool = False
    reference: str
    """What the reader quotes: the breach id and a check word, e.g. `BR-0001-hartwell`."""
    profile: ProviderProfile
    breach: Breach
    facts: OwnFacts
    written_by: str = ""
    """Account of who wrote the facts: no letter names it."""
    exposure: Exposure
    recipient: Recipient
    decision: Decision
    bases: frozenset[NotificationBasis] = frozenset()
    """Why this reader is told; empty: by our contract alone."""
    customer_name: str = Field(repr=False)
    former: bool = False
    """The contract had ended when the letter was made."""
    users_told: int = 0
    """Other people of this customer who are told of the same exposure."""
    regulators: tuple[RegulatorSentence, ...] = ()
    """True at release, for this exposure; empty: no report of ours is about it."""
    version: int = 1
    """Number of the letter, as its reader counts what we sent."""
    supersedes: int | None = None
    """Number of the last letter that reached this reader; None: this is the first."""
    may_supersede: int | None = None
    """Number of a later one whose end is not known."""
    spoken_before: bool = False
    """The last that reached this reader was no mail of ours: a call, say."""
    also_told: bool = False
    """The same customer is told of its exposure in our other role, and that still holds."""
    law: LawBook = LawBook()
    """A template sees what is in force at `told_at`: `law` by id, and `contacts` to ring."""
    has_own_controllers: bool = False
    """The reader processes for controllers of its own, who must hear of it from the reader."""
    told_at: datetime
    """Fixed when the texts are frozen, so that rendering again gives the same bytes."""


class LintProblem(FrozenModel):
    """Something in a letter that stops approval (block) or wants a look (warn)."""

    severity: str
    """block | warn"""
    where: str
    """subject | text | html | attachment:<name>, and the block's name."""
    problem: str
    remedy: str
    quote: str | None = Field(default=None, repr=False)
    """The words themselves, for the screen alone: they may name somebody."""
    customers: tuple[str, ...] = ()
    """Ids of the readers with texts that contain it; empty: it is not in one reader's text."""
