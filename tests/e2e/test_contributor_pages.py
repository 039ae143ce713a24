"""Every file and command of docs/howto/contribute and docs/tutorial works, in a copy of the
tree."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from breachdesk.stores.tables.schema import HEAD

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for folder in ("docs/howto/contribute", "docs/tutorial")
    for page in (ROOT / folder).glob("*.md")
    if page.name != "README.md"
)
COPIED = (
    "breachdesk",
    "streams",
    "notifiers",
    "schemas",
    "rules",
    "templates",
    "scripts",
    "docs",
    "tests/architecture",
    "tests/conformance",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.slow


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in COPIED:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for file in (ROOT / "pyproject.toml", *(ROOT / "tests").glob("*.py")):
        target = tmp_path / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return tmp_path


def write_file(tree: Path, text: str) -> None:
    """The first line of a block names its file."""
    first, _, rest = text.partition("\n")
    assert first.startswith("# "), f"a block without the name of its file: {first}"
    path = tree / first.removeprefix("# ")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(rest, encoding="utf-8")


def edit_file(tree: Path, text: str) -> None:
    """The first line names the file. Lines with `-` go and lines with `+` come; the lines around
    them must be in the file, once."""
    first, _, rest = text.partition("\n")
    path = tree / first.removeprefix("# ")
    lines = rest.splitlines(keepends=True)
    former = "".join(line[1:] for line in lines if not line.startswith("+"))
    edited = "".join(line[1:] for line in lines if not line.startswith("-"))
    content = path.read_text(encoding="utf-8")
    assert content.count(former) == 1, f"{path}\n{former}"
    path.write_text(content.replace(former, edited), encoding="utf-8")


def renumber_migration(page: str) -> str:
    """A page's migration follows the newest one, whatever number that has by now."""
    written = re.search(r'^down_revision = "(\d{4})"$', page, re.MULTILINE)
    if written is None:
        return page
    follows = {int(written[1]): HEAD, int(written[1]) + 1: f"{int(HEAD) + 1:04}"}
    return re.sub(r"\b(\d{4})(?=_|\b)", lambda number: follows.get(int(number[1]), number[1]), page)


def run_commands(tree: Path, text: str) -> None:
    """Each `$` line is run; the lines below it are parts of what it prints."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("BREACHDESK_", "PYTEST_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(tree),
        "COLUMNS": "200",
    }
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *expected = part.strip().splitlines()
        process = subprocess.run(
            command, shell=True, cwd=tree, env=environment, capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip
        printed = process.stdout + process.stderr
        assert process.returncode == 0, f"{command}\n{printed}"
        for line in expected:
            assert line in printed, f"{command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_files_and_commands_of_a_page_work(tree: Path, page: Path) -> None:
    blocks = BLOCK.findall(renumber_migration(page.read_text(encoding="utf-8")))

    assert any(language == "console" for language, _ in blocks)
    for language, text in blocks:
        if language == "console":
            run_commands(tree, text)
        elif language == "diff":
            edit_file(tree, text)
        else:
            write_file(tree, text)
