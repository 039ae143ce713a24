"""Rules of the tree: layers, sizes, names, clocks, broad excepts, personal data's way out."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("breachdesk", "streams", "notifiers", "schemas")
SOURCES = [p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py"))]
OWNERS_OF_A_DEAD_LETTER = {
    "streams/normalise/record_readers.py",
    "streams/process/worker.py",
    "streams/worker_app/agents.py",
    "notifiers/delivery/dispatch.py",
}
CARRIERS = {
    "breachdesk/console/web/letter_checks.py",
    "breachdesk/stores/sqlite/writer.py",
    "streams/event_logs/group_commit.py",
    "streams/intake/files/follower.py",
    "streams/intake/microsoft365/poller.py",
}
"""Threads of their own: they hand whatever their work raised to the thread that waits or asks for
it, or report it and try again."""
KEEPERS_OF_THE_CLOCK = ("breachdesk/bootstrap/", "breachdesk/cli/")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_arrow_points_down() -> None:
    # A process of its own: it switches off every logger there is.
    linter = Path(sys.executable).with_name("lint-imports")
    linted = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert linted.returncode == 0, linted.stdout


MODULE_LINES = 450
"""A name is never shortened, and a module never cut at a place without a meaning, to meet it."""


def test_no_module_is_longer_than_four_hundred_and_fifty_lines() -> None:
    long = [name_of(p) for p in SOURCES if len(p.read_text().splitlines()) > MODULE_LINES]

    assert long == []


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [
        f"{name_of(path)}:{f.lineno} {f.name}"
        for path in SOURCES
        for f in functions(path)
        if (f.end_lineno or f.lineno) - f.lineno + 1 > 50
    ]

    assert long == []


def test_half_of_all_functions_are_shorter_than_ten_lines() -> None:
    lengths = sorted(
        (f.end_lineno or f.lineno) - f.lineno + 1 for path in SOURCES for f in functions(path)
    )

    assert lengths[len(lengths) // 2] < 10


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Catches everything, and does not raise it again at its end."""
    names = {"Exception", "BaseException"}
    everything = handler.type is None or (
        isinstance(handler.type, ast.Name) and handler.type.id in names
    )
    last = handler.body[-1]
    return everything and not (isinstance(last, ast.Raise) and last.exc is None)


def test_broad_excepts_are_only_where_a_dead_letter_is_owned_or_an_act_is_awaited() -> None:
    broad = {
        name_of(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    }

    assert broad <= OWNERS_OF_A_DEAD_LETTER | CARRIERS


def test_only_bootstrap_and_the_command_line_ask_the_clock() -> None:
    asks = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(|\btime\.time\(")
    guilty = [
        name_of(p)
        for p in SOURCES
        if asks.search(p.read_text()) and not name_of(p).startswith(KEEPERS_OF_THE_CLOCK)
    ]

    assert guilty == []


def test_no_module_bears_a_standard_library_name_at_its_root_or_a_vague_one() -> None:
    vague = {"utils", "helpers", "manager", "base", "common", "misc"}
    roots = {p.stem for name in PACKAGES for p in (ROOT / name).glob("*.py")} | set(PACKAGES)
    vague_ones = [name_of(p) for p in SOURCES if p.stem in vague]

    assert roots & (set(sys.stdlib_module_names) - {"__init__"}) == set()
    assert vague_ones == []


def test_every_type_ignore_has_a_code_and_a_reason() -> None:
    bare = [
        f"{name_of(p)}:{n}"
        for p in SOURCES
        for n, line in enumerate(p.read_text().splitlines(), 1)
        if "type: ignore" in line and not re.search(r"type: ignore\[[\w, -]+\]  # \S", line)
    ]

    assert bare == []


def test_no_lock_file_names_a_package_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()

        assert "--hash=sha256:" in text
        assert not re.search(r"https?:/{2}|index.url", text), lock.name


def test_the_tests_are_no_package() -> None:
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_names_of_test_files_are_unique() -> None:
    names = Counter(p.name for p in (ROOT / "tests").rglob("test_*.py"))

    assert [name for name, count in names.items() if count > 1] == []


def test_each_unit_test_lies_in_the_folder_of_the_package_it_tests() -> None:
    unit = ROOT / "tests/unit"
    folders = {p.parent.relative_to(unit).as_posix() for p in unit.rglob("test_*.py")}
    packages = {p.parent.relative_to(ROOT).as_posix() for p in SOURCES}
    packages |= {name.removeprefix("breachdesk/") for name in packages}

    assert folders - packages == set()


def test_the_four_packages_lie_in_one_root() -> None:
    import notifiers
    import schemas
    import streams

    places = {Path(str(m.__file__)).parents[1] for m in (notifiers, schemas, streams)}

    assert places == {ROOT}
