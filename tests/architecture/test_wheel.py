"""What is shipped: the four packages, the words, the rules, the migrations; nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hatchling.build import build_wheel

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("wheel")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        wheel = build_wheel(str(folder))
    return zipfile.ZipFile(folder / wheel).namelist()


def test_the_wheel_holds_every_source_file(shipped: list[str]) -> None:
    ours = {
        p.relative_to(ROOT).as_posix()
        for name in ("breachdesk", "streams", "notifiers", "schemas")
        for p in (ROOT / name).rglob("*.py")
    }

    assert ours <= set(shipped)


def test_the_wheel_holds_words_rules_and_migrations(shipped: list[str]) -> None:
    text = "\n".join(shipped)

    assert "breachdesk/_templates/notices/en-GB/account_holder/" in text
    assert "breachdesk/_templates/console/" in text
    assert "breachdesk/_rules/" in text
    assert "breachdesk/stores/migrations/versions/" in text
    assert "breachdesk/law/uk.toml" in text
    assert "breachdesk/gdpr/causes.toml" in text


def test_the_wheel_holds_no_test_and_no_other_root(shipped: list[str]) -> None:
    roots = {name.split("/")[0] for name in shipped}

    assert {r for r in roots if not r.endswith(".dist-info")} == {
        "breachdesk",
        "streams",
        "notifiers",
        "schemas",
    }
