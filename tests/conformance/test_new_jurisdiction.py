"""A new regulator is one file of law and one module: nothing else names it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from breachdesk import jurisdictions as package
from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.preflight import run_preflight
from breachdesk.casework.breach import report
from breachdesk.casework.breach.form_facts import select_own
from breachdesk.casework.obligations import list_obligations
from breachdesk.jurisdictions import get_jurisdiction, list_jurisdictions
from breachdesk.testing import FixedNow, add_confirmed_breach, make_actor, make_user
from notifiers.testing.channels import ACCOUNT, PROFILE, STORED
from schemas.casework.report import ReportFacts
from schemas.errors import NotFound
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
key = "organisation"
section = "2. You"
question = "Who are you?"
mandatory = true
"""
MODULE = '''
"""Act 90/2018 to Persónuvernd."""

from breachdesk.gdpr.filing import Filing, answered
from breachdesk.gdpr.jurisdiction import Example, Jurisdiction
from breachdesk.gdpr.roles import Track
from schemas.casework.obligation import ObligationKind


def questions(filing: Filing):
    return answered(
        filing,
        {
            "what_happened": filing.written.what_happened,
            "aware_at": filing.when(filing.breach.aware_at),
            "organisation": filing.profile.legal_name,
        },
    )


JURISDICTION = Jurisdiction(
    id="is_personuvernd",
    title="Act 90/2018, Article 27",
    duty=ObligationKind.ICO_ART33,
    track=Track.ICO,
    provision="is_act90_art27",
    phases="is_act90_phases",
    authority="personuvernd",
    form="is_personuvernd",
    questions=questions,
    examples=(
        Example("three days", "2026-11-23T09:12:00+00:00", "2026-11-26T09:12:00+00:00"),
    ),
)
'''
NAME = "is_personuvernd"
AWARE = datetime(2026, 11, 23, 9, 12, tzinfo=UTC)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder with the law, and the module where modules of jurisdictions are looked for."""
    modules, data = tmp_path / "modules", tmp_path / "data"
    (data / "law").mkdir(parents=True)
    modules.mkdir()
    (data / "law" / "is.toml").write_text(LAW, encoding="utf-8")
    (modules / f"{NAME}.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(modules)])
    load_plugins.cache_clear()
    yield data
    load_plugins.cache_clear()
    sys.modules.pop(f"{package.__name__}.{NAME}", None)
    vars(package).pop(NAME, None)


@pytest.fixture
def premises(installed: Path) -> Iterator[Container]:
    settings = Settings(data_dir=installed, profile=PROFILE, jurisdictions=("uk_ico", NAME))
    with Container(settings, FixedNow(AWARE + timedelta(hours=4))) as opened:
        opened.store.write(lambda uow: uow.users.save(make_user("rowan", Permission.RESPONDER)))
        yield opened


def confirmed(premises: Container) -> str:
    return premises.store.write(lambda uow: add_confirmed_breach(uow, AWARE, actor="rowan")).id


def test_it_is_known_by_its_module_and_gives_the_deadlines_of_its_examples(
    premises: Container,
) -> None:
    plugin = list_jurisdictions()[NAME]

    assert premises.law.problems == ()
    for example in plugin.examples:
        due = plugin.compute_deadline(premises.law, datetime.fromisoformat(example.aware_at)).due
        assert due == datetime.fromisoformat(example.due)


def test_its_clock_runs_beside_those_of_the_united_kingdom(premises: Container) -> None:
    breach = confirmed(premises)
    duties = premises.store.read(lambda uow: list_obligations(uow, breach, premises.now()))
    reports = {duty.id: duty for duty in duties if duty.title.startswith("Report to")}

    assert len(reports) == 2
    own = next(duty for key, duty in reports.items() if NAME in key)
    assert own.title == "Report to Persónuvernd (Act 90/2018, Article 27)"
    assert own.due == AWARE + timedelta(days=3)
    assert own.source.startswith("Act 90/2018 Art. 27(2)")


def test_its_report_asks_its_forms_questions_and_ends_its_own_clock_only(
    premises: Container,
) -> None:
    breach, now = confirmed(premises), premises.now()
    actor = make_actor(Permission.RESPONDER, user_id="rowan")
    facts = ReportFacts(
        breach_id=breach, version=1, written_by="rowan", written_at=now, jurisdiction=NAME,
        what_happened="A stranger signed in.",
    )  # fmt: skip
    premises.store.write(lambda uow: report.write_report(uow, actor, facts, now))
    built = premises.store.read(
        lambda uow: report.build_report(uow, breach, NAME, premises.settings, now)
    )

    assert built.authority == "Persónuvernd"
    assert [q.question for q in built.questions] == [
        "What happened?",
        "When did you learn of it?",
        "Who are you?",
    ]
    assert built.missing == {}
    assert "Persónuvernd" in premises.renderer.report_text(built)

    premises.store.write(
        lambda uow: report.submit_report(
            uow, actor, breach, NAME, submitted_at=now, channel="its portal",
            settings=premises.settings, now=now,
        )
    )  # fmt: skip
    duties = premises.store.read(lambda uow: list_obligations(uow, breach, now))
    running = {d.id for d in duties if d.running and d.title.startswith("Report to")}

    assert running == {"ico_art33"}


def test_its_report_counts_what_we_are_controller_of(premises: Container) -> None:
    counted = select_own(None, (ACCOUNT, STORED), get_jurisdiction(NAME))

    assert counted == (ACCOUNT,)


def test_an_installation_that_does_not_report_to_it_has_no_clock_of_it(installed: Path) -> None:
    settings = Settings(data_dir=installed, profile=PROFILE)
    with Container(settings, FixedNow(AWARE)) as opened:
        breach = confirmed(opened)
        duties = opened.store.read(lambda uow: list_obligations(uow, breach, AWARE))

    assert [d.id for d in duties if d.title.startswith("Report to")] == ["ico_art33"]


def test_preflight_says_that_its_law_is_added(premises: Container) -> None:
    check = next(c for c in run_preflight(premises) if c.what == "law corrections")

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
