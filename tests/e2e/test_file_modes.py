"""What the commands write is its owner's alone, whatever the umask of who runs them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from schemas.private_files import list_readable_by_others

LINE = (
    "Nov 22 01:06:15 web01 sshd[4211]: Failed password for root from 203.0.113.66 port 40022 ssh2\n"
)


def run(umask: int, *words: str, allowed: tuple[int, ...] = (0,)) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "breachdesk.cli.main", *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        umask=umask,
    )
    assert ended.returncode in allowed, ended.stderr
    return ended.stdout


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_new_folder_and_what_is_fed_into_it_is_the_owners_alone(
    tmp_path: Path, umask: int
) -> None:
    folder, log = tmp_path / "data", tmp_path / "sshd.log"
    log.write_text(LINE)
    at = ("--data-dir", str(folder))

    run(umask, "init", str(folder))
    run(umask, "ingest", str(log), *at)
    run(umask, "audit", "export", str(folder / "audit.bundle"), *at)

    assert {"breachdesk.toml", "customers.csv", "store.db", "journal", "audit.bundle"} <= {
        path.name for path in folder.iterdir()
    }
    assert list((folder / "journal").glob("*.sqlite*")) or list((folder / "journal").iterdir())
    assert list_readable_by_others(folder) == []


def test_preflight_names_what_others_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    run(0o022, "init", str(folder))
    (folder / "customers.csv").chmod(0o644)

    result = run(0o022, "preflight", "--data-dir", str(folder), allowed=(0, 1))

    assert "customers.csv" in result
    assert "chmod" in result


@pytest.mark.slow
@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_whole_demo_with_mails_and_reports_is_the_owners_alone(
    tmp_path: Path, umask: int
) -> None:
    folder, lines = tmp_path / "demo", tmp_path / "lines"
    report = tmp_path / "report.pdf"
    at = ("--data-dir", str(folder))

    run(umask, "demo", "--unattended", "--json", *at)
    run(umask, "demo", "--write-lines", str(lines))
    run(umask, "dispatch", "--once", *at, allowed=(0, 1, 2, 3))
    breaches = run(umask, "breaches", "list", "--json", *at)
    number = breaches.partition('"id":"')[2].partition('"')[0]
    run(umask, "report", "render", number, "--format", "pdf", "-o", str(report), *at)

    assert list((folder / "mails" / "new").iterdir())
    assert (folder / "mails" / "handed-over.log").exists()
    assert list_readable_by_others(folder) == []
    assert list_readable_by_others(lines) == []
    assert list_readable_by_others(report) == []
