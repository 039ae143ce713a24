"""Protocols of steps 5–10: a store with one transaction for each act, and a renderer.

`Store.write` runs a function in ONE serialised write transaction: either everything the function
did is durable when it returns, with its audit entries, or nothing is. The function may be run only
once and must not send, print or wait. `Store.read` runs one on a consistent read-only snapshot."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from breachdesk.account_ports import SecondFactorBook, SignInBook, UserBook
from breachdesk.alert_port import AlertBook
from breachdesk.audit_port import AuditBook
from breachdesk.case_ports import BreachBook, CaseBook, NoticeBook
from breachdesk.customer_port import CustomerBook
from breachdesk.import_port import ImportBook, ProposalBook, ReplayBook
from breachdesk.record_port import RecordBook
from breachdesk.source_port import SourceBook
from breachdesk.watch_port import CoverageBook, WatchBook
from schemas.casework.affected import Manifest
from schemas.casework.case_file import PrintedCase
from schemas.casework.letter import LetterContext, LintProblem
from schemas.casework.notice import RenderedText
from schemas.casework.notice_kind import NoticeKind
from schemas.casework.report import RegulatorReport, Submission
from schemas.customer import FrozenModel
from schemas.law import LawBook
from schemas.settings import ProviderProfile

T = TypeVar("T")
Doc = TypeVar("Doc", bound=FrozenModel)
Now = Callable[[], datetime]
"""Aware UTC. Only bootstrap makes one."""


class LeaseBook(Protocol):
    """Who does what only one may do. Where many machines share the store, time is the database's
    own and `now` is not looked at."""

    def take(self, name: str, holder: str, seconds: float, now: datetime) -> int | None:
        """Take or renew the lease for `seconds`. Returns the fencing token, which rises with each
        new holder; None while another holds it."""
        ...

    def find_holder(self, name: str, now: datetime) -> str | None:
        """Return the holder, if it has renewed in time."""
        ...

    def drop(self, name: str, holder: str) -> None:
        """Let go of it, if this holder has it; the next one need not wait."""
        ...

    def list_names(self, prefix: str) -> Sequence[str]:
        """List names with this prefix that were not dropped, in order; some may have expired."""
        ...


class MarkBook(Protocol):
    """What a process remembers across restarts: short texts by name."""

    def get(self, name: str) -> str | None: ...  # None: never set

    def set(self, name: str, value: str) -> None: ...
    def list_names(self, prefix: str) -> Sequence[str]: ...  # that begin so, in order


class UnitOfWork(Protocol):
    """The repositories of one transaction."""

    @property
    def alerts(self) -> AlertBook: ...
    @property
    def cases(self) -> CaseBook: ...
    @property
    def breaches(self) -> BreachBook: ...
    @property
    def records(self) -> RecordBook: ...
    @property
    def notices(self) -> NoticeBook: ...
    @property
    def customers(self) -> CustomerBook: ...
    @property
    def imports(self) -> ImportBook: ...
    @property
    def proposals(self) -> ProposalBook: ...
    @property
    def replays(self) -> ReplayBook: ...
    @property
    def audit(self) -> AuditBook: ...
    @property
    def sources(self) -> SourceBook: ...
    @property
    def watch(self) -> WatchBook: ...
    @property
    def coverage(self) -> CoverageBook: ...
    @property
    def users(self) -> UserBook: ...
    @property
    def second_factors(self) -> SecondFactorBook: ...
    @property
    def sign_ins(self) -> SignInBook: ...
    @property
    def leases(self) -> LeaseBook: ...
    @property
    def marks(self) -> MarkBook: ...
    @property
    def law(self) -> LawBook:
        """The law that this installation applies: shipped, with the operator's corrections."""
        ...

    def get_cached(self, kind: str, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` computes from this snapshot and cache it for later ones: a few values
        of a kind, none after an erasure. `key` names the version of everything that the value is
        computed from; the value is never changed. A write transaction always computes it: what it
        sees may be rolled back, and the same version would then mean something else."""
        ...


class Store(Protocol):
    """The store: acts one after another, many readers."""

    @property
    def law(self) -> LawBook:
        """Law that every `UnitOfWork.law` returns."""
        ...

    def write(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run in one write transaction. Whatever `work` raises rolls it back and is raised."""
        ...

    def read(self, work: Callable[[UnitOfWork], T]) -> T:
        """Run on a read-only snapshot; never waits for the writer."""
        ...

    def get_server_identity(self) -> str:
        """Return the identity of the server that holds the store (another one after a failover);
        empty without a server."""
        ...

    def close(self) -> None: ...


class DocumentRenderer(Protocol):
    """Words made of facts. Same context, same bytes, always."""

    def render_letter(self, context: LetterContext) -> RenderedText:
        """Render one notice. Raises BadInput naming template, line and variable."""
        ...

    def find_missing_blocks(self, context: LetterContext) -> dict[str, str]:
        """Find mandatory blocks this letter would lack: {block: what to fill in}; empty: none."""
        ...

    def lint(self, letter: RenderedText, context: LetterContext) -> Sequence[LintProblem]:
        """Find what must not be in a letter: links, marketing, indicators, over-claiming, blame.
        `casework.release.text_check` looks for the names of others."""
        ...

    def lint_script(self, script: str, context: LetterContext) -> Sequence[LintProblem]:
        """Check a telephone script as `lint` checks a letter."""
        ...

    def list_lint_targets(self) -> Sequence[str]:
        """List what `lint` and `lint_script` look for, in the plural: `links`, `IP addresses`."""
        ...

    def render_telephone_script(self, context: LetterContext) -> RenderedText:
        """Render the letter's facts as a telephone script."""
        ...

    def get_templates_version(self) -> str:
        """Return a version that changes with any template of a letter."""
        ...

    def render_report_text(self, report: RegulatorReport) -> str:
        """Render the report in the form's order, to copy from."""
        ...

    def render_report_pdf(self, report: RegulatorReport, profile: ProviderProfile) -> bytes: ...

    def render_case_file_pdf(self, printed: PrintedCase) -> bytes: ...

    def render_png(self, svg: str) -> bytes: ...


class Explainer(Protocol):
    """Describes the loaded rules."""

    def list_rules(self) -> Sequence[Any]:
        """List schemas.pipeline.rule.RuleInfo of every loaded rule, by id."""
        ...


__all__ = [
    "AlertBook",
    "AuditBook",
    "BreachBook",
    "CaseBook",
    "CoverageBook",
    "CustomerBook",
    "DocumentRenderer",
    "Explainer",
    "ImportBook",
    "LeaseBook",
    "Manifest",
    "MarkBook",
    "NoticeBook",
    "NoticeKind",
    "Now",
    "ProposalBook",
    "RecordBook",
    "ReplayBook",
    "SecondFactorBook",
    "SignInBook",
    "SourceBook",
    "Store",
    "Submission",
    "UnitOfWork",
    "UserBook",
    "WatchBook",
]  # fmt: skip
