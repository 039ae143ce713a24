"""What Annex I of Regulation 611/2013 calls each notification under PECR."""

from __future__ import annotations

from form_examples import build_filing, build_whole_facts

from breachdesk.jurisdictions import get_jurisdiction
from schemas.casework.report import ReportPhase


def test_a_pecr_notification_names_its_phase_and_never_a_second_one() -> None:
    pecr = get_jurisdiction("uk_pecr")
    first = build_filing(pecr, build_whole_facts(pecr))
    later = build_filing(pecr, build_whole_facts(pecr, stage=ReportPhase.FOLLOW_UP, last=True))
    phases = [
        next(q.answer for q in pecr.questions(one) if q.key == "stage") for one in (first, later)
    ]

    assert phases == [
        "First notification; further information follows in phases",
        "Further information, phase 1; it is the last one",
    ]
