"""What the letters are made of: what is true for everybody, and the words of each group of readers
or of one customer, beside what the evidence says by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.casework import readers_words
from breachdesk.casework.certainty import WORDS as ACT_NAMES
from breachdesk.casework.own_facts import Group, groups, readers_of
from breachdesk.casework.readers_words import PartKey, find_words
from breachdesk.console.case_file import CaseFile, read_case
from breachdesk.console.desk import Desk, Posted, Signed
from breachdesk.console.forms import Form
from breachdesk.console.way import way
from breachdesk.ports import UnitOfWork
from schemas.affected import Exposure
from schemas.case import Concern, Containment
from schemas.customer import Role
from schemas.errors import BreachDeskError, NotFound
from schemas.letter_facts import READERS, ExposureWords, NoticeFacts, Standing

router = APIRouter()
TEXTS = ("what_happened", "not_involved", "not_involved_evidence")
PACK_TEXTS = (
    "nature",
    "encryption",
    "people_and_records",
    "deleted_but_in_backups",
    "log_extracts",
    "sub_processors",
)
LISTS = ("consequences", "measures", "steps")


@dataclass(frozen=True)
class Readers:
    """One line of the list of readers: a group, or a customer with words of its own."""

    key: PartKey
    customers: tuple[str, ...]
    written: bool
    differences: tuple[str, ...] = ()

    @property
    def customer(self) -> str:
        """The one customer; empty for a group."""
        return self.key[2] or ""

    @property
    def label(self) -> str:
        role, standing, _ = self.key
        return READERS[role, standing]

    @property
    def query(self) -> str:
        """Where its words are written."""
        role, standing, customer = self.key
        return f"role={role}&standing={standing}" + (f"&customer={customer}" if customer else "")


@router.get("/cases/{case_id}/facts")
def show(case_id: str, desk: Signed) -> Response:
    """What is true for everybody, and who reads what beside it."""
    return _show(desk, case_id, None)


@router.post("/cases/{case_id}/facts")
def write(case_id: str, desk: Signed, form: Posted) -> Response:
    """Files what is true for everybody."""
    return desk.attempt(
        lambda uow: _write(uow, desk, case_id, form),
        then=f"/cases/{case_id}/facts",
        done="facts",
        again=lambda problem: _show(desk, case_id, form, problem),
    )


@router.get("/cases/{case_id}/facts/words")
def show_words(
    case_id: str, desk: Signed, role: str = "", standing: str = "", customer: str = ""
) -> Response:
    """The words of one group, or of one customer, and what its evidence says."""
    return _show_words(desk, case_id, _key(role, standing, customer), None)


@router.post("/cases/{case_id}/facts/words")
def write_words(case_id: str, desk: Signed, form: Posted) -> Response:
    """Files them, or takes a customer's own words away."""
    key = _key(form.text("role"), form.text("standing"), form.text("customer"))
    return desk.attempt(
        lambda uow: _write_words(uow, desk, case_id, key, form),
        then=f"/cases/{case_id}/facts",
        done="facts",
        again=lambda problem: _show_words(desk, case_id, key, form, problem),
    )


def _key(role: str, standing: str, customer: str) -> PartKey:
    try:
        return Role(role), Standing(standing), customer or None
    except ValueError:
        raise NotFound(
            "no such readers", place="letters' facts", remedy="Choose them from the list."
        ) from None


def _write(uow: UnitOfWork, desk: Desk, case_id: str, form: Form) -> NoticeFacts:
    breach = read_case(uow, case_id, desk.now).known_breach()
    return readers_words.write_common(
        uow,
        desk.actor,
        breach.id,
        form.text("what_happened"),
        form.when("next_update", "We write again by"),
        seen=form.whole("seen", "version") or 0,
        now=desk.now,
    )


def _write_words(
    uow: UnitOfWork, desk: Desk, case_id: str, key: PartKey, form: Form
) -> NoticeFacts:
    breach = read_case(uow, case_id, desk.now).known_breach()
    if form.text("remove"):
        return readers_words.remove_words(uow, desk.actor, breach.id, key, desk.now)
    return readers_words.write_words(
        uow,
        desk.actor,
        breach.id,
        words_of(key, form),
        seen=form.whole("seen", "version") or 0,
        now=desk.now,
    )


def words_of(key: PartKey, form: Form) -> ExposureWords:
    """What was typed, in one role's fields only."""
    role, standing, customer = key
    texts = TEXTS + (PACK_TEXTS if role is Role.PROCESSOR else ())
    return ExposureWords(
        role=role,
        standing=standing,
        customer_id=customer,
        contained=form.ticked("contained"),
        no_sub_processors=form.ticked("no_sub_processors"),
        **{name: form.text(name) or None for name in texts},
        **{name: form.lines(name) for name in LISTS},
    )


def _show(
    desk: Desk,
    case_id: str,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    file.known_breach()
    return desk.page(
        "facts.html",
        file=file,
        case=file.case,
        way=way(file),
        readers=readers(file),
        choices=_choices(file),
        typed=_before(desk, file) if typed is None else typed,
        problem=problem,
    )


def readers(file: CaseFile) -> tuple[Readers, ...]:
    """Every group that somebody belongs to, then every customer with words of its own."""
    found = [_of_group(file.facts, group) for group in groups(file.facts, _told(file))]
    own = [words for words in (file.facts.words if file.facts else ()) if words.customer_id]
    return (*found, *(_of_customer(words) for words in own))


def _of_group(facts: NoticeFacts | None, group: Group) -> Readers:
    key = (group.role, group.standing, None)
    return Readers(key, group.customers, find_words(facts, key) is not None, group.differences)


def _of_customer(words: ExposureWords) -> Readers:
    customer = words.customer_id or ""
    return Readers((words.role, words.standing, customer), (customer,), written=True)


def _told(file: CaseFile) -> tuple[tuple[Exposure, Standing], ...]:
    return readers_of(file.manifest) if file.manifest else ()


def _choices(file: CaseFile) -> list[tuple[str, str]]:
    """Customers for whom words of their own may be begun: (query, name and readers)."""
    own = {line.key for line in readers(file) if line.key[2]}
    lines = [
        Readers((exposure.role, standing, exposure.customer_id), (), written=False)
        for exposure, standing in _told(file)
    ]
    return [
        (line.query, f"{file.names.get(line.customer, line.customer)}, {line.label}")
        for line in lines
        if line.key not in own
    ]


def _before(desk: Desk, file: CaseFile) -> dict[str, str]:
    old = file.facts
    if old is None:
        return {"seen": "0"}
    return {
        "seen": str(old.version),
        "what_happened": old.what_happened,
        "next_update": desk.hall.pages.times.typed(old.next_update),
    }


def _show_words(
    desk: Desk,
    case_id: str,
    key: PartKey,
    typed: Mapping[str, str] | None,
    problem: BreachDeskError | None = None,
) -> Response:
    file = desk.look(lambda uow: read_case(uow, case_id, desk.now))
    file.known_breach()
    role, standing, customer = key
    mine = [
        exposure
        for exposure, told_as in _told(file)
        if (exposure.role, told_as) == (role, standing) and customer in (None, exposure.customer_id)
    ]
    if not mine:
        raise NotFound(
            "nobody is told as one of these readers",
            place=case_id,
            remedy="Choose the readers from the list.",
        )
    return desk.page(
        "facts_words.html",
        file=file,
        case=file.case,
        way=way(file),
        key=key,
        label=READERS[role, standing],
        pack=role is Role.PROCESSOR,
        act_names=ACT_NAMES,
        exposures=mine,
        own=find_words(file.facts, key) is not None,
        typed=_words_before(desk, file, key, mine) if typed is None else typed,
        problem=problem,
    )


def steps_for(
    steps: Iterable[Containment], key: PartKey, customers: Collection[str]
) -> list[Containment]:
    """Steps that are done and concern each of these readers. Whoever only cannot be ruled out, or
    was told wrongly, is offered none: they tell what happened elsewhere."""
    role, standing, _ = key
    ours = Concern.OUR_DATA if role is Role.CONTROLLER else Concern.CUSTOMERS_DATA
    return [
        step
        for step in steps
        if standing is Standing.REACHED
        and step.done_at
        and step.concerns in (Concern.EVERYTHING, ours)
        and (not step.customers or set(customers) <= set(step.customers))
    ]


def _words_before(
    desk: Desk, file: CaseFile, key: PartKey, exposures: Sequence[Exposure]
) -> dict[str, str]:
    """The newest words; without any, a customer begins from its group's, readers who were reached
    from the containment steps that concern all of them."""
    role, standing, customer = key
    group = find_words(file.facts, (role, standing, None))
    old = find_words(file.facts, key) or (group if customer else None)
    seen = {"seen": str(file.facts.version if file.facts else 0)}
    if old is None:
        done = [
            f"On {desk.hall.pages.times.full(step.done_at)}: {step.text}"
            for step in steps_for(file.case.containment, key, [e.customer_id for e in exposures])
            if step.done_at
        ]
        return seen | {"measures": "\n".join(done)}
    shown = {name: getattr(old, name) or "" for name in (*TEXTS, *PACK_TEXTS)}
    shown |= {name: "\n".join(getattr(old, name)) for name in LISTS}
    ticks = {
        name: "yes" if getattr(old, name) else "" for name in ("contained", "no_sub_processors")
    }
    return seen | shown | ticks
