"""A year in figures: what counts in it, how long it took, and its picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from console_harness import open_console
from console_pages import collapse_whitespace
from store_adapters import fresh_store
from waiting_letters import renderer

from breachdesk.casework.affected import group_records
from breachdesk.casework.breach import confirm
from breachdesk.casework.breach.yearly_figures import compute_year, export_csv
from breachdesk.casework.opening import causes, near_misses
from breachdesk.casework.opening.cases import open_by_hand
from breachdesk.gdpr.causes import describe_cause
from breachdesk.gdpr.figures_picture import render_picture
from breachdesk.ports import UnitOfWork
from breachdesk.stores.ports import PipelineStore
from breachdesk.testing import FixedNow, make_actor
from schemas.casework.affected import Certainty
from schemas.casework.affected_group import (
    AffectedGroup,
    GroupKind,
    GroupNotification,
    GroupReach,
    NotificationMeans,
)
from schemas.casework.breach import Breach
from schemas.casework.case import CaseOrigin
from schemas.casework.cause import BreachCause
from schemas.casework.figures import DurationSummary, YearFigures
from schemas.casework.report import (
    NumberPrecision,
    RegulatorReport,
    ReportedQuantity,
    ReportPhase,
    Submission,
)
from schemas.customer import DataCategory
from schemas.errors import BadInput

ACTOR = make_actor(user_id="rhea")
ZONE = "Europe/London"
LAST_HOUR = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
SUMMER_EVE = datetime(2026, 7, 31, 23, 30, tzinfo=UTC)
"""1 August in London."""


@pytest.fixture
def now() -> FixedNow:
    return FixedNow(LAST_HOUR)


@pytest.fixture
def store(now: FixedNow) -> Iterator[PipelineStore]:
    with fresh_store("sqlite", now) as opened:
        yield opened


def a_breach(
    store: PipelineStore, now: FixedNow, cause: BreachCause, *, drill: bool = False
) -> Breach:
    def work(uow: UnitOfWork) -> Breach:
        case = open_by_hand(
            uow, ACTOR, title="It", origin=CaseOrigin.OWN, known="It.", now=now(), drill=drill
        )
        finding = causes.build_finding(ACTOR.id, cause, None, now())
        return confirm.confirm_breach(
            uow, ACTOR, case.id, reason="We saw it.", aware_at=now(), now=now(), cause=finding
        )

    return store.write(work)


def a_near_miss(store: PipelineStore, now: FixedNow, cause: BreachCause) -> None:
    account = near_misses.NearMissForm(
        what="It.", noticed_at=now(), cause=cause, why_no_breach="It never left."
    )
    store.write(lambda uow: near_misses.record_near_miss(uow, ACTOR, account, now()))


def year(store: PipelineStore, now: FixedNow, of: int, **more: Any) -> YearFigures:
    return store.read(lambda uow: compute_year(uow, of, ZONE, now(), **more))


def counts(figures: YearFigures) -> dict[str, tuple[int, int]]:
    every = {c.name: (c.breaches, c.near_misses) for c in (*figures.by_cause, *figures.by_month)}
    return {name: pair for name, pair in every.items() if any(pair)}


def span(figures: YearFigures, name: str) -> DurationSummary:
    return next(s for s in figures.spans if s.name == name)


def test_years_and_months_end_by_local_time(store: PipelineStore, now: FixedNow) -> None:
    a_breach(store, now, BreachCause.PHISHING)
    now.at = SUMMER_EVE
    a_breach(store, now, BreachCause.PHISHING)
    a_near_miss(store, now, BreachCause.MIS_SENT)

    assert year(store, now, 2025).breaches == 1
    assert counts(year(store, now, 2025)) == {
        describe_cause("phishing"): (1, 0),
        "December": (1, 0),
    }
    assert counts(year(store, now, 2026)) == {
        describe_cause("phishing"): (1, 0),
        describe_cause("mis_sent"): (0, 1),
        "August": (1, 1),
    }


def test_drills_are_left_out_with_a_note_or_counted_alone(
    store: PipelineStore, now: FixedNow
) -> None:
    a_breach(store, now, BreachCause.MALWARE, drill=True)
    a_breach(store, now, BreachCause.INSIDER)
    real, drills = year(store, now, 2025), year(store, now, 2025, drills=True)

    assert (real.breaches, real.left_out) == (1, 1)
    assert (drills.breaches, drills.left_out, drills.drills) == (1, 1, True)
    assert describe_cause("malware") in counts(drills)


def told_at(store: PipelineStore, now: FixedNow, breach: Breach, moment: datetime) -> None:
    """A group of seven, all told then."""

    def work(uow: UnitOfWork) -> None:
        group = AffectedGroup(
            id="", recorded_by="", recorded_at=now(), kind=GroupKind.STAFF,
            certainty=Certainty.CONFIRMED, reason="Payroll.",
            people=ReportedQuantity(value=7, precision=NumberPrecision.EXACT),
            data_categories=(DataCategory.FINANCIAL,), effects={},
            reach=GroupReach.OTHER_MEANS, reach_reason="They sit here.",
        )  # fmt: skip
        telling = GroupNotification(
            told_at=moment, recorded_by="", recorded_at=now(), means=NotificationMeans.IN_PERSON,
            people=7, text="It.", proof="Minutes.", everybody=True,
        )  # fmt: skip
        filed = group_records.add_group(uow, ACTOR, breach.case_id, group, now())
        group_records.record_group_telling(uow, ACTOR, breach.case_id, filed.id, telling, now())

    store.write(work)


def submitted(store: PipelineStore, breach: Breach, moment: datetime) -> None:
    report = RegulatorReport(
        breach_id=breach.id, jurisdiction="uk_ico", version=1, stage=ReportPhase.INITIAL,
        authority="ICO", prepared_at=moment, drill=False, questions=(),
    )  # fmt: skip
    submission = Submission(
        breach_id=breach.id, jurisdiction="uk_ico", number=1, submitted_at=moment,
        submitted_by="rhea", channel="form", report_hash="", report=report,
    )  # fmt: skip
    store.write(lambda uow: uow.breaches.add_document(submission))


def test_the_spans_have_median_and_longest_and_reports_are_on_time_or_late(
    store: PipelineStore, now: FixedNow
) -> None:
    now.at = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    first = a_breach(store, now, BreachCause.PHISHING)
    second = a_breach(store, now, BreachCause.PHISHING)
    third = a_breach(store, now, BreachCause.PHISHING)
    aware = now()
    now.advance(days=5)
    told_at(store, now, first, aware + timedelta(hours=2))
    told_at(store, now, second, aware + timedelta(hours=10))
    submitted(store, first, aware + timedelta(hours=72))
    submitted(store, second, aware + timedelta(hours=73))
    figures = year(store, now, 2026)
    notice = span(figures, "awareness to first notice")

    assert (notice.count, notice.median_minutes, notice.longest_minutes) == (2, 360, 600)
    assert notice.longest_of == second.id
    assert span(figures, "awareness to first report").longest_minutes == 73 * 60
    assert span(figures, "first alert to awareness") == DurationSummary(
        name="first alert to awareness", count=0
    )
    assert (figures.reports.on_time, figures.reports.late, figures.reports.overdue) == (1, 1, 1)
    assert (figures.people, figures.people_unknown) == (14, 1)
    assert third.id not in str(figures.spans)


def test_the_csv_says_the_same_and_no_name(store: PipelineStore, now: FixedNow) -> None:
    a_breach(store, now, BreachCause.RANSOMWARE)
    rows = list(csv.DictReader(io.StringIO(export_csv(year(store, now, 2025)))))
    values_by_key = {(row["measure"], row["of"]): row["value"] for row in rows}

    assert values_by_key["breaches", "all"] == "1"
    assert values_by_key["breaches by cause", describe_cause("ransomware")] == "1"
    assert values_by_key["breaches by month", "December"] == "1"
    assert values_by_key["awareness to first notice", "median"] == ""


def test_the_picture_is_well_formed_tells_itself_in_words_and_becomes_a_png(
    store: PipelineStore, now: FixedNow
) -> None:
    a_breach(store, now, BreachCause.PHISHING)
    svg = render_picture(year(store, now, 2025))
    root = ET.fromstring(svg)

    assert "1 breaches and 0 near misses" in str(root.get("aria-label"))
    assert describe_cause("phishing") in svg
    assert "<script" not in svg
    assert renderer().render_png(svg).startswith(b"\x89PNG")


@pytest.mark.parametrize("wrong", [0, 1999, 10_000])
def test_a_year_that_cannot_be_meant_is_refused(
    store: PipelineStore, now: FixedNow, wrong: int
) -> None:
    with pytest.raises(BadInput):
        year(store, now, wrong)


async def test_the_page_shows_picture_and_table_and_gives_the_files(tmp_path: Path) -> None:
    with open_console(tmp_path) as console:
        a_breach(console.store, console.now, BreachCause.PHISHING)  # type: ignore[arg-type]
        visitor = console.visitor()
        assert await visitor.sign_in("ana")
        page = await visitor.client.get("/figures?year=2026")
        files = [await visitor.client.get(f"/figures.{form}") for form in ("csv", "svg", "png")]
        wrong = await visitor.client.get("/figures?year=1")

    assert "one breach and no near misses" in collapse_whitespace(page.text)
    assert "<svg" in page.text
    assert "Phishing" in page.text
    assert [answer.status_code for answer in files] == [200, 200, 200]
    assert wrong.status_code == 422
