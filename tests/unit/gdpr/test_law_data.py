"""The law as data: versions by the UK's calendar day, and an operator's corrections above it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from breachdesk.gdpr.law import list_overdue, list_unverified, load_law, load_shipped_law, read_law
from breachdesk.testing import FixedNow, make_store
from schemas.errors import BadInput, CorruptData, NotFound
from schemas.law import Provision

LONDON = ZoneInfo("Europe/London")
CORRECTED = """
[[provisions]]
id = "uk_gdpr_art33_1"
title = "Report the breach"
article = "UK GDPR Art. 33(1)"
valid_from = 2018-05-25
hours = 96
source = "https://law.example/33"
reviewed_on = 2027-01-04
verified = true
"""


def london(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


def written(tmp_path: Path, text: str, name: str = "uk.toml") -> Path:
    folder = tmp_path / "law"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("aware", "hours"),
    [
        ("2025-08-19T23:59:59", 24),
        ("2025-08-20T00:00", 72),
        ("2025-08-20T00:59", 72),
        ("2025-08-20T01:00", 72),
    ],
)
def test_a_version_begins_with_the_day_in_the_united_kingdom(aware: str, hours: int) -> None:
    assert load_shipped_law().get_provision("pecr_5a_2", london(aware)).hours == hours


def test_a_day_itself_chooses_a_version() -> None:
    assert load_shipped_law().get_provision("pecr_5a_2", date(2025, 8, 19)).period == "24 hours"


def test_a_time_without_a_zone_chooses_no_version() -> None:
    with pytest.raises(BadInput, match="zone"):
        load_shipped_law().get_provision("pecr_5a_2", datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_law_before_its_first_version_is_not_invented() -> None:
    with pytest.raises(NotFound, match="no version of dpa2018_s164a is in force on 2026-06-18"):
        load_shipped_law().get_provision("dpa2018_s164a", london("2026-06-18T23:59"))


def test_an_unknown_provision_names_those_there_are() -> None:
    with pytest.raises(NotFound, match="uk_gdpr_art33_1"):
        load_shipped_law().get_provision("uk_gdpr_art99", date(2026, 1, 1))


def test_a_citation_says_when_it_was_reviewed_and_what_nobody_has_checked() -> None:
    provision = Provision(
        id="x", title="t", article="Art. 1", source="s", reviewed_on=date(2026, 11, 2),
        valid_from=date(2020, 1, 1), verified=False,
    )  # fmt: skip

    assert provision.citation == ("Art. 1, reviewed 2 November 2026; not verified against the text")


def test_the_limbs_of_an_exemption_come_in_order_with_what_they_need() -> None:
    limbs = load_shipped_law().list_limbs("uk_gdpr_art34_3", date(2026, 11, 30))

    assert [(limb.limb, limb.needs) for limb in limbs] == [
        ("a", ()),
        ("b", ()),
        ("c", ("public_communication",)),
    ]


def test_no_postal_address_of_the_ico_is_shipped() -> None:
    assert load_shipped_law().get_authority("ico", date(2026, 11, 30)).address is None


def test_an_operators_file_replaces_an_entry_by_its_id(tmp_path: Path) -> None:
    law = read_law(written(tmp_path, CORRECTED))
    corrected = law.get_provision("uk_gdpr_art33_1", date(2026, 11, 30))

    assert law.problems == ()
    assert corrected.hours == 96
    assert corrected.citation == (
        "UK GDPR Art. 33(1), reviewed 4 January 2027; as corrected in law/uk.toml"
    )
    assert law.get_provision("uk_gdpr_art33_2", date(2026, 11, 30)).file is None
    assert [p.id for p in law.provisions] == [p.id for p in load_shipped_law().provisions]


def test_a_folder_that_is_not_there_leaves_the_shipped_law(tmp_path: Path) -> None:
    assert read_law(tmp_path / "law") == load_shipped_law()


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("[[provisions]", "law/uk.toml", "not valid TOML"),
        (CORRECTED.replace("hours = 96", "hours = -1"), "uk_gdpr_art33_1", "hours"),
        (CORRECTED.replace("hours", "houres"), "uk_gdpr_art33_1", "houres"),
        (CORRECTED.replace("hours = 96", "hours = 96\ndays = 4"), "uk_gdpr_art33_1", "one period"),
        (CORRECTED.replace('source = "https://law.example/33"\n', ""), "uk_gdpr_art33_1", "source"),
        (CORRECTED.replace("reviewed_on = 2027-01-04\n", ""), "uk_gdpr_art33_1", "reviewed_on"),
        (CORRECTED + CORRECTED, "uk_gdpr_art33_1", "two versions hold on 2018-05-25"),
        ('zone = "Europe/Lundon"\n' + CORRECTED, "law/uk.toml", "no time zone"),
        (CORRECTED.replace("[[provisions]]", "[[provision]]"), "law/uk.toml", "no provision"),
        ("provisions = 3", "law/uk.toml", "no provisions"),
        ("provisions = [3]", "law/uk.toml, provisions 1", "no table"),
        ("x = " + "9" * 5000, "law/uk.toml", "not valid TOML"),
        ("x = " + "[" * 100_000, "law/uk.toml", "not valid TOML"),
        ("#" * 300_000, "law/uk.toml", "larger than 256 KiB"),
        (CORRECTED.replace("hours = 96", "hours = 1_000_000_000"), "uk_gdpr_art33_1", "hours"),
        (CORRECTED.replace("hours = 96", "days = 1_000_000_000"), "uk_gdpr_art33_1", "days"),
        (CORRECTED.replace("hours = 96", "months = 10_000"), "uk_gdpr_art33_1", "months"),
        (CORRECTED.replace("hours = 96", "hours = true"), "uk_gdpr_art33_1", "hours"),
        (CORRECTED.replace("hours = 96", "hours = 24.0"), "uk_gdpr_art33_1", "hours"),
        (CORRECTED.replace("hours = 96\n", ""), "uk_gdpr_art33_1", "its clock would stop"),
        (CORRECTED.replace("2018-05-25", "2027-03-01"), "uk_gdpr_art33_1", "earlier versions too"),
        (CORRECTED.replace("2018-05-25", "9999-12-31"), "uk_gdpr_art33_1", "earlier versions too"),
        (CORRECTED + "valid_to = 2019-01-01\n", "uk_gdpr_art33_1", "before its own review"),
        (CORRECTED + 'zone = "Mars/Base"\n', "uk_gdpr_art33_1", "no time zone"),
        (CORRECTED + 'file = "uk.toml"\n', "uk_gdpr_art33_1", "no key of yours"),
    ],
)
def test_a_broken_correction_is_named_and_the_shipped_entry_holds(
    tmp_path: Path, text: str, place: str, problem: str
) -> None:
    law = read_law(written(tmp_path, text))

    assert any(place in each.place and problem in each.problem for each in law.problems)
    assert law.get_provision("uk_gdpr_art33_1", date(2026, 11, 30)).hours == 72


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path, CORRECTED, "good.toml")
    (folder / "bad.toml").write_bytes(b"\xff\xfe\x00")
    law = read_law(folder)

    assert [each.place for each in law.problems] == ["law/bad.toml"]
    assert law.get_provision("uk_gdpr_art33_1", date(2026, 11, 30)).hours == 96


def test_what_is_no_file_of_law_is_named_and_never_waited_for(tmp_path: Path) -> None:
    folder = written(tmp_path, CORRECTED, "good.toml")
    os.mkfifo(folder / "pipe.toml")
    (folder / "endless.toml").symlink_to("/dev/zero")
    (folder / "circle.toml").symlink_to("circle.toml")
    (folder / "folder.toml").mkdir()
    law = read_law(folder)

    assert {each.problem for each in law.problems} == {"cannot be read (it is no file)"}
    assert len(law.problems) == 4
    assert law.get_provision("uk_gdpr_art33_1", date(2026, 11, 30)).hours == 96


@pytest.mark.parametrize("day", ["9999-12-31", "2027-01-01"])
def test_a_review_of_a_day_to_come_is_no_review(tmp_path: Path, day: str) -> None:
    law = read_law(written(tmp_path, CORRECTED.replace("2027-01-04", day)))

    assert "uk_gdpr_art33_1" in {entry.id for entry in list_overdue(law, date(2026, 11, 30), 6)}


def test_two_files_that_correct_one_id_correct_it_not(tmp_path: Path) -> None:
    written(tmp_path, CORRECTED, "a.toml")
    law = read_law(written(tmp_path, CORRECTED, "b.toml"))

    assert len(law.problems) == 1
    assert law.get_provision("uk_gdpr_art33_1", date(2026, 11, 30)).hours == 72


def test_one_broken_version_takes_its_other_versions_with_it(tmp_path: Path) -> None:
    later = CORRECTED.replace("valid_from = 2018-05-25", "valid_from = 2027-01-01")
    first = CORRECTED.replace("hours = 96", "hours = 0\nvalid_to = 2027-01-01")
    law = read_law(written(tmp_path, first + later))

    assert law.get_provision("uk_gdpr_art33_1", date(2027, 6, 1)).hours == 72


def test_a_hole_between_two_versions_is_named(tmp_path: Path) -> None:
    later = CORRECTED.replace("valid_from = 2018-05-25", "valid_from = 2027-02-01")
    first = CORRECTED.replace("hours = 96", "hours = 72\nvalid_to = 2027-01-01")
    law = read_law(written(tmp_path, first + later))

    assert [each.problem for each in law.problems] == ["no version holds on 2027-01-01"]


def test_a_new_jurisdiction_is_a_file_of_its_own(tmp_path: Path) -> None:
    text = 'zone = "Europe/Dublin"\n' + CORRECTED.replace("uk_gdpr_art33_1", "ie_gdpr_art33_1")
    law = read_law(written(tmp_path, text, "ie.toml"))

    assert law.get_provision("ie_gdpr_art33_1", date(2026, 11, 30)).zone == "Europe/Dublin"


@pytest.mark.parametrize(("day", "old"), [(date(2027, 7, 4), False), (date(2027, 7, 5), True)])
def test_a_review_is_old_after_six_months(tmp_path: Path, day: date, old: bool) -> None:
    law = read_law(written(tmp_path, CORRECTED))

    assert ("uk_gdpr_art33_1" in {entry.id for entry in list_overdue(law, day, 6)}) is old


def test_the_end_of_a_short_month_is_no_later_than_its_last_day(tmp_path: Path) -> None:
    text = CORRECTED.replace("2027-01-04", "2026-08-31")
    law = read_law(written(tmp_path, text))
    late = {entry.id for entry in list_overdue(law, date(2027, 3, 1), 6)}

    assert "uk_gdpr_art33_1" in late


def test_an_entry_that_no_longer_counts_is_not_asked_to_be_reviewed() -> None:
    old = [e for e in list_overdue(load_shipped_law(), date(2040, 1, 1), 6) if e.id == "pecr_5a_2"]

    assert [e.citation.partition(",")[0] for e in old] == ["PECR reg. 5A(2)"]


@pytest.mark.parametrize("read", ["true", "false"])
def test_what_nobody_has_read_is_listed(tmp_path: Path, read: str) -> None:
    text = CORRECTED.replace("verified = true", f"verified = {read}")
    law = read_law(written(tmp_path, text))
    listed = {entry.id for entry in list_unverified(law, date(2026, 11, 30))}

    assert ("uk_gdpr_art33_1" in listed) is (read == "false")


def test_an_act_applies_the_law_that_the_store_was_given(tmp_path: Path) -> None:
    law = read_law(written(tmp_path, CORRECTED))
    with make_store(FixedNow(datetime(2026, 11, 30, tzinfo=UTC)), law) as store:
        acted = store.write(lambda uow: uow.law)
        looked = store.read(lambda uow: uow.law)

    assert acted is looked is law


def test_a_shipped_file_whose_versions_do_not_fit_together_is_refused(tmp_path: Path) -> None:
    first = CORRECTED.replace("hours = 96", "hours = 72")
    (tmp_path / "uk.toml").write_text(first + CORRECTED, encoding="utf-8")

    with pytest.raises(CorruptData, match="two versions hold"):
        load_law(tmp_path)
