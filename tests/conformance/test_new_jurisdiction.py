"""A new regulator is one file of law and one module: nothing else names it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from case_pages import case_pages
from release_scenario import ReleaseScenario
from waiting_letters import SENDER, renderer

from breachdesk import jurisdictions as package
from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.preflight import run_preflight
from breachdesk.casework.breach import register, report
from breachdesk.casework.breach.form_facts import select_own
from breachdesk.casework.breach.yearly_figures import compute_year
from breachdesk.casework.case_file.build import build_case_file
from breachdesk.casework.decision import decide
from breachdesk.casework.digests import has_hash
from breachdesk.casework.obligations import list_obligations
from breachdesk.casework.release import notice_facts
from breachdesk.gdpr import roles
from breachdesk.gdpr.regulators import list_scopes
from breachdesk.jurisdictions import get_jurisdiction, list_jurisdictions
from breachdesk.ports import UnitOfWork
from breachdesk.testing import FixedNow, add_confirmed_breach, make_actor, make_user
from notifiers.testing.channels import ACCOUNT, NO, PROFILE, STORED, YES, decision_with
from schemas.casework.affected import Manifest
from schemas.casework.decision import NOT_ASKED, Decision, DecisionAnswer
from schemas.casework.obligation import Obligation
from schemas.casework.report import ReportFacts
from schemas.errors import BadInput, ConfigurationError, IncompleteDocument, NotFound
from schemas.pipeline.plugin import load_plugins
from schemas.settings import Settings
from schemas.user import Permission

LAW = """
zone = "Atlantic/Reykjavik"

[[provisions]]
id = "is_act90_art27"
title = "Report the breach to the authority"
article = "Act 90/2018 Art. 27(2)"
valid_from = 2018-07-15
days = 3
source = "https://law.example/is/90"
reviewed_on = 2026-11-30

[[provisions]]
id = "is_act90_phases"
title = "What is not yet known follows"
article = "Act 90/2018 Art. 27(4)"
valid_from = 2018-07-15
source = "https://law.example/is/90"
reviewed_on = 2026-11-30

[[authorities]]
id = "personuvernd"
title = "Persónuvernd"
telephone = "510 9600"
valid_from = 2018-07-15
source = "https://authority.example/is"
reviewed_on = 2026-11-30

[[forms]]
id = "is_personuvernd"
title = "Report of a security breach"
authority = "personuvernd"
valid_from = 2018-07-15
source = "https://authority.example/is/form"
reviewed_on = 2026-11-30

[[forms.questions]]
key = "what_happened"
section = "1. The breach"
question = "What happened?"
mandatory = true

[[forms.questions]]
key = "aware_at"
section = "1. The breach"
question = "When did you learn of it?"

[[forms.questions]]
key = "delay_reasons"
section = "1. The breach"
question = "Why is the report late?"

[[forms.questions]]
key = "organisation"
section = "2. You"
question = "Who are you?"
mandatory = true
"""
MODULE = '''
"""Act 90/2018 to Persónuvernd."""

from breachdesk.gdpr.filing import FormAnswer, ReportFiling, answer_form
from breachdesk.gdpr.jurisdiction import (
    DeadlineExample,
    Jurisdiction,
    RegulatorWords,
    ReportExample,
)
from schemas.customer import DataRole


def build_questions(filing: ReportFiling):
    return answer_form(
        filing,
        {
            "what_happened": filing.written.what_happened,
            "aware_at": filing.format_moment(filing.breach.aware_at),
            "delay_reasons": FormAnswer(filing.written.delay_reasons, must=filing.late),
            "organisation": filing.profile.legal_name,
        },
    )


JURISDICTION = Jurisdiction(
    id="is_personuvernd",
    title="Act 90/2018, Article 27",
    clock="is_art27",
    covers=lambda exposure: COVERED,
    provision="is_act90_art27",
    phases="is_act90_phases",
    authority="personuvernd",
    form="is_personuvernd",
    questions=build_questions,
    words=RegulatorWords(
        regulator="Persónuvernd",
        rule="Art. 27",
        report="the report to Persónuvernd",
        step="Persónuvernd, first report",
        decided="Persónuvernd",
        body="Persónuvernd, under Act 90/2018",
        title="Report to Persónuvernd",
        question="Report to Persónuvernd under Art. 27?",
        hint="Unless a risk is unlikely, within {period}{except_for}.",
        record="Report to Persónuvernd (Art. 27)",
        scope="live in Iceland",
        duty="which watches over data protection in Iceland",
        form="The form is in Icelandic.",
    ),
    RELATION
    presumed=True,
    examples=(
        DeadlineExample("three days", "2026-11-23T09:12:00+00:00", "2026-11-26T09:12:00+00:00"),
    ),
    report_example=ReportExample(lacking=frozenset({"what_happened"})),
)
'''
BESIDE = MODULE.replace("COVERED", "exposure.role is DataRole.CONTROLLER").replace(
    "RELATION\n", "\n"
)
REPLACES = MODULE.replace("COVERED", 'exposure.customer_id == "fabrikam"').replace(
    "RELATION", 'replaces=frozenset({"uk_ico", "uk_pecr"}), whatever_the_risk=True,'
)
"""It takes the place of the reports in the United Kingdom for one customer's data."""
NAME = "is_personuvernd"
RESPONDER = make_actor(Permission.RESPONDER, user_id="rowan")
WHY = {"high_risk_unreported": "The people are told all the same, under our own promise."}
AWARE = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)


@pytest.fixture
def module(request: pytest.FixtureRequest) -> str:
    """Text of the regulator's module."""
    return str(getattr(request, "param", BESIDE))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> Iterator[Path]:
    """A data folder with the law, and the module where modules of jurisdictions are looked for."""
    modules, data = tmp_path / "modules", tmp_path / "data"
    (data / "law").mkdir(parents=True)
    modules.mkdir()
    (data / "law" / "is.toml").write_text(LAW, encoding="utf-8")
    (modules / f"{NAME}.py").write_text(module, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(modules)])
    load_plugins.cache_clear()
    yield data
    load_plugins.cache_clear()
    sys.modules.pop(f"{package.__name__}.{NAME}", None)
    vars(package).pop(NAME, None)


@pytest.fixture
def container(installed: Path) -> Iterator[Container]:
    settings = Settings(data_dir=installed, profile=PROFILE, jurisdictions=("uk_ico", NAME))
    with Container(settings, FixedNow(AWARE + timedelta(hours=4))) as opened:
        opened.store.write(lambda uow: uow.users.save(make_user("rowan", Permission.RESPONDER)))
        yield opened


def confirmed(container: Container) -> str:
    return container.store.write(lambda uow: add_confirmed_breach(uow, AWARE, actor="rowan")).id


def test_it_is_known_by_its_module_and_gives_the_deadlines_of_its_examples(
    container: Container,
) -> None:
    plugin = list_jurisdictions()[NAME]

    assert container.law.problems == ()
    for example in plugin.examples:
        due = plugin.compute_deadline(container.law, datetime.fromisoformat(example.aware_at)).due
        assert due == datetime.fromisoformat(example.due)


def test_its_clock_runs_with_those_of_the_united_kingdom(container: Container) -> None:
    breach = confirmed(container)
    duties = container.store.read(lambda uow: list_obligations(uow, breach, container.now()))
    reports = {duty.id: duty for duty in duties if duty.title.startswith("Report to")}

    assert len(reports) == 2
    own = reports["is_art27"]
    assert own.title == "Report to Persónuvernd (Act 90/2018, Article 27)"
    assert own.due == AWARE + timedelta(days=3)
    assert own.source.startswith("Act 90/2018 Art. 27(2)")


def test_its_report_asks_its_forms_questions_and_ends_its_own_clock_only(
    container: Container,
) -> None:
    breach, now = confirmed(container), container.now()
    actor = make_actor(Permission.RESPONDER, user_id="rowan")
    facts = ReportFacts(
        breach_id=breach, version=1, written_by="rowan", written_at=now, jurisdiction=NAME,
        what_happened="A stranger signed in.",
    )  # fmt: skip
    container.store.write(lambda uow: report.write_report(uow, actor, facts, now))
    built = container.store.read(
        lambda uow: report.build_report(uow, breach, NAME, container.settings, now)
    )

    assert built.authority == "Persónuvernd"
    assert [q.question for q in built.questions] == [
        "What happened?",
        "When did you learn of it?",
        "Why is the report late?",
        "Who are you?",
    ]
    assert built.missing == {}
    assert "Persónuvernd" in container.renderer.render_report_text(built)

    container.store.write(
        lambda uow: report.submit_report(
            uow, actor, breach, NAME, submitted_at=now, channel="its portal",
            settings=container.settings, now=now,
        )
    )  # fmt: skip
    duties = container.store.read(lambda uow: list_obligations(uow, breach, now))
    running = {d.id for d in duties if d.running and d.title.startswith("Report to")}

    assert running == {"ico_art33"}


def test_its_report_counts_what_we_are_controller_of(container: Container) -> None:
    counted = select_own(None, (ACCOUNT, STORED), get_jurisdiction(NAME))

    assert counted == (ACCOUNT,)


def test_an_installation_that_does_not_report_to_it_has_no_clock_of_it(installed: Path) -> None:
    settings = Settings(data_dir=installed, profile=PROFILE)
    with Container(settings, FixedNow(AWARE)) as opened:
        breach = confirmed(opened)
        duties = opened.store.read(lambda uow: list_obligations(uow, breach, AWARE))

    assert [d.id for d in duties if d.title.startswith("Report to")] == ["ico_art33"]


@pytest.fixture
def scenario(container: Container) -> ReleaseScenario:
    """A breach of two customers, whose list is frozen."""
    scenario = ReleaseScenario(
        container.store,
        FixedNow(AWARE - timedelta(days=60)),
        container.settings.model_copy(update={"senders": (SENDER,)}),
    )
    scenario.begin()
    scenario.freeze()
    return scenario


def decide_with(scenario: ReleaseScenario, **answers: DecisionAnswer) -> Decision:
    decision = decision_with(breach_id=scenario.breach.id, **answers)
    scenario.now.advance(minutes=1)
    return scenario.store.write(
        lambda uow: decide.record_decision(uow, RESPONDER, decision, scenario.now())
    )


def list_reports(scenario: ReleaseScenario) -> dict[str, Obligation]:
    """Reports to regulators that run, by kind."""
    every = scenario.store.read(
        lambda uow: list_obligations(uow, scenario.breach.id, scenario.now())
    )
    return {duty.kind: duty for duty in every if duty.jurisdiction and duty.running}


def read_letter(scenario: ReleaseScenario, customer: str) -> str:
    letters = scenario.store.read(
        lambda uow: notice_facts.render_letters(
            uow, scenario.breach.id, scenario.settings, renderer()
        )
    )
    text = next(mail.text for mail in letters.rendered if mail.customer_id == customer)
    return " ".join(text.split())


def submit_report(scenario: ReleaseScenario, **more: Any) -> None:
    """File the report to the invented regulator."""
    facts = ReportFacts(
        breach_id=scenario.breach.id, version=1, written_by="rowan", written_at=scenario.now(),
        jurisdiction=NAME, what_happened="A stranger signed in.",
    )  # fmt: skip

    def work(uow: UnitOfWork) -> None:
        report.write_report(uow, RESPONDER, facts, scenario.now())
        report.submit_report(
            uow, RESPONDER, scenario.breach.id, NAME, submitted_at=scenario.now(), channel="its portal",
            settings=scenario.settings, now=scenario.now(), **more,
        )  # fmt: skip

    scenario.store.write(work)


def test_a_decision_without_its_answer_is_refused(scenario: ReleaseScenario) -> None:
    with pytest.raises(IncompleteDocument, match="Report to Persónuvernd: is not answered"):
        decide_with(scenario)


def test_a_decision_not_to_report_ends_its_own_clock_only(scenario: ReleaseScenario) -> None:
    decide_with(scenario, **{NAME: NO}, departures=WHY)

    assert set(list_reports(scenario)) == {"ico_art33"}


def test_a_breach_is_decided_reported_late_and_recorded_with_the_home_regulator(
    scenario: ReleaseScenario,
) -> None:
    decision = decide_with(scenario, **{NAME: YES})
    scenario.write()
    before = read_letter(scenario, "contoso")
    scenario.now.advance(days=5)
    with pytest.raises(IncompleteDocument, match="reasons go with it"):
        submit_report(scenario)
    submit_report(scenario, delay_reasons="The portal was closed.")
    now = scenario.now()
    entry = scenario.store.read(lambda uow: register.list_entries(uow, now))[0]
    figures = scenario.store.read(lambda uow: compute_year(uow, 2026, "Europe/London", now))
    case_file = scenario.store.read(
        lambda uow: build_case_file(uow, RESPONDER, scenario.breach.case_id, scenario.settings, now)
    )

    assert has_hash(decision, decision.hash)
    assert "We are going to tell Persónuvernd, which watches over data protection in Ic" in before
    assert "We are going to tell the Information Commissioner’s Office (ICO)" in before
    assert "We have told Persónuvernd" in read_letter(scenario, "contoso")
    assert set(list_reports(scenario)) == {"ico_art33"}
    assert [s.late for s in entry.submissions] == [True]
    assert "Report to Persónuvernd" in {d.question for d in entry.decisions}
    assert (figures.reports.late, figures.reports.overdue) == (1, 1)
    assert "Report to Persónuvernd (Art. 27)" in case_file.model_dump_json()


async def test_its_question_and_its_report_are_on_the_screens(
    scenario: ReleaseScenario, tmp_path: Path
) -> None:
    accounts = {"rowan": (Permission.RESPONDER,)}
    with case_pages(scenario, tmp_path, accounts) as pages:
        async with pages.signed_in("rowan") as visitor:
            question = await visitor.read(f"{visitor.case}/decision")
            decide_with(scenario, **{NAME: YES})
            sealed = await visitor.read(f"{visitor.case}/decision")
            shown = await visitor.read(f"{visitor.case}/report?form={NAME}")
            grounds = await visitor.read(f"{visitor.case}/decision/grounds")

    assert "Report to Persónuvernd under Art. 27?" in question
    assert "Unless a risk is unlikely, within 3 days." in question
    assert "Persónuvernd’s and the ICO’s clocks keep running" in question
    assert "Report to Persónuvernd under Art. 27? Yes" in sealed
    assert "The form is in Icelandic." in shown
    assert "Persónuvernd’s reference" in shown
    assert "ICO and Persónuvernd, two reports" in shown
    assert "Persónuvernd, under Act 90/2018" in grounds


@pytest.mark.parametrize("module", [REPLACES], indirect=True)
def test_a_report_that_replaces_another_takes_its_own_part_of_the_breach(
    scenario: ReleaseScenario,
) -> None:
    with pytest.raises(BadInput, match=r"falls under Art\. 27"):
        decide_with(scenario, **{NAME: NO})
    decide_with(scenario, **{NAME: YES}, uk_ico=NO, departures=WHY)
    scenario.write()
    exposures = scenario.store.read(
        lambda uow: list_scopes(
            uow.breaches.find_latest(Decision, scenario.breach.id),
            roles.select_reached(
                getattr(uow.breaches.find_latest(Manifest, scenario.breach.id), "exposures", ())
            ),
        )
    )

    assert {s.jurisdiction.id: {e.customer_id for e in s.exposures} for s in exposures} == {
        "uk_ico": {"contoso"},
        NAME: {"fabrikam"},
    }
    assert set(list_reports(scenario)) == {"is_art27"}
    assert "We have not told the Information Commissioner" in read_letter(scenario, "contoso")
    other = read_letter(scenario, "fabrikam")
    assert "We are going to tell Persónuvernd" in other
    assert "told the Information Commissioner" not in other

    submit_report(scenario)

    assert list_reports(scenario) == {}


@pytest.mark.parametrize("module", [REPLACES], indirect=True)
def test_the_replaced_report_is_refused_where_everything_falls_under_the_other(
    scenario: ReleaseScenario,
) -> None:
    scenario.customers = ("fabrikam",)
    scenario.freeze()
    decide_with(scenario, **{NAME: YES}, uk_ico=NOT_ASKED, tell_people=NO)

    built = scenario.store.read(
        lambda uow: report.build_report(
            uow, scenario.breach.id, "uk_ico", scenario.settings, scenario.now()
        )
    )

    assert "falls under Art. 27: its report replaces this one" in built.missing["form"]


def test_every_regulator_of_the_settings_has_a_clock_and_an_unknown_one_is_refused(
    installed: Path,
) -> None:
    settings = Settings(data_dir=installed, profile=PROFILE, jurisdictions=(NAME, "xx_none"))
    with (
        Container(settings, FixedNow(AWARE)) as opened,
        pytest.raises(ConfigurationError) as refused,
    ):
        opened.law.get_provisions_at(AWARE)

    assert "xx_none" in str(refused.value)


def test_preflight_says_that_its_law_is_added(container: Container) -> None:
    check = next(c for c in run_preflight(container) if c.what == "law corrections")

    assert check.passed
    assert check.finding.startswith("added: is_act90_art27")


def test_no_other_file_names_it() -> None:
    root = Path(__file__).resolve().parents[2]
    named = [
        path
        for folder in ("breachdesk", "notifiers", "schemas", "templates")
        for path in (root / folder).rglob("*.*")
        if path.suffix in {".py", ".html", ".j2", ".toml"} and NAME in path.read_text("utf-8")
    ]

    assert named == []
    with pytest.raises(NotFound):
        get_jurisdiction(NAME)
