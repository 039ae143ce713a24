"""What our code makes without the command line is its owner's alone too."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas import private_files
from streams.event_logs.connections import open_writer


@pytest.fixture(params=[0o000, 0o022])
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("any_umask")
def test_files_and_folders_are_made_for_their_owner(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two"
    private_files.make_folder(folder)
    private_files.write_text(folder / "text", "é")
    private_files.create_file(folder / "empty")
    with private_files.open_to_append(folder / "log") as log:
        log.write(b"line")

    assert mode(tmp_path / "one") == mode(folder) == 0o700
    assert [mode(folder / name) for name in ("text", "empty", "log")] == [0o600] * 3
    assert (folder / "text").read_text("utf-8") == "é"


@pytest.mark.usefixtures("any_umask")
def test_a_file_that_others_could_read_is_closed_to_them_when_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "old"
    file.write_text("before")
    file.chmod(0o644)

    private_files.write_bytes(file, b"after")

    assert mode(file) == 0o600
    assert file.read_bytes() == b"after"


@pytest.mark.usefixtures("any_umask")
def test_a_day_of_the_journal_and_its_log_are_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "day"
    connection = open_writer(file)
    connection.execute("CREATE TABLE t (x)")

    assert mode(file) == 0o600
    assert {mode(path) for path in tmp_path.iterdir()} == {0o600}
    connection.close()


def test_what_others_may_read_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    private_files.make_folder(folder / "inner")
    private_files.write_text(folder / "inner" / "ours", "")
    (folder / "theirs").write_text("")
    (folder / "theirs").chmod(0o640)

    assert private_files.list_readable_by_others(folder) == [folder / "theirs"]
