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
        done = subprocess.run(
            command, shell=True, cwd=tree, env=environment, capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{printed}"
        for line in expected:
            assert line in printed, f"{command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_files_and_commands_of_a_page_work(tree: Path, page: Path) -> None:
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))

    assert any(language == "console" for language, _ in blocks)
    for language, text in blocks:
        if language == "console":
            run_commands(tree, text)
        else:
            write_file(tree, text)
