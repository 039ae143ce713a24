"""Names of classes, words in identifiers, and docstrings that say nothing
(docs/reference/glossary.md)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("breachdesk", "streams", "notifiers", "schemas")
SOURCES = [p for name in PACKAGES for p in sorted((ROOT / name).rglob("*.py"))]
AROUND = [p for name in ("bench", "scripts", "tests") for p in sorted((ROOT / name).rglob("*.py"))]
METAPHORS = frozenset(
    """
    house houses premises hall halls desk desks shelf shelves room rooms stage stages cast scenery
    scene scenes play plays chrome glass floor floors wing wings door doors corridor surround
    """.split()  # noqa: SIM905 - a word list is easier to read and to diff than a column of strings
)
ALLOWED_METAPHORS = {
    "BREACH_RELEASE_GLASS_BROKEN": "the stored action, which old entries carry",
    "break_glass": "the term of access control for an approval without a second person",
    "_find_stage": "a stage of the pipeline, whose cost a benchmark measures",
    "report_stage": "the regulators' word: initial, further and final report",
    "stage": "the regulators' word, and a key of stored reports",
    "STAGES": "the regulators' word, and the stages of the pipeline that benchmarks measure",
    "stages": "stages of the pipeline that benchmarks measure",
    "LAST_STAGE": "a stage of a container's build",
    "STAGE_LABELS": "the regulators' word: initial, further and final report",
}
"""Names and module paths with the reason. This list may only shrink."""
MOST_ALLOWED = 9
PARTICIPLES = frozenset(
    {
        *("asked", "done", "found", "given", "got", "held", "kept", "made", "said", "taken"),
        *("told", "wanted"),
    }
)
"""They name the history of a value, not the value."""
ALLOWED_PARTICIPLES = {
    "breachdesk/casework/opening/near_misses.py: done": "a key of stored near misses",
    "breachdesk/cli/near_misses.py: done": "an option of the command line",
    "breachdesk/cli/serve.py: held": "an option of the command line",
    "breachdesk/console/views/case_progress.py: done": "a state that the stylesheet knows",
    "schemas/casework/affected.py: said": "a key of stored exposures",
    "schemas/casework/case.py: said": "a key of stored calls",
    "schemas/casework/case_record.py: said": "a key of stored records",
    "schemas/casework/decision.py: asked": "a key of stored decisions",
    "schemas/casework/near_miss.py: done": "a key of stored near misses",
    "schemas/casework/report.py: done": "a key of stored reports",
}
"""`path: name` with the reason. This list may only shrink."""
MOST_ALLOWED_PARTICIPLES = 10
SHORTEST_DOCSTRING = 25
SHORT_DOCSTRINGS = ROOT / "tests/architecture/short_docstrings.txt"
"""`count path`, for each module that still has docstrings of functions too short to say anything.
This list may only shrink."""
MOST_SHORT_DOCSTRINGS = 130


@cache
def parse_module(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def iterate_identifiers(path: Path) -> Iterator[str]:
    """Every name that the module gives: definitions, parameters, assigned names and attributes."""
    for node in ast.walk(parse_module(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def has_metaphor(identifier: str) -> bool:
    plain = re.sub(r"break_?glass", "", identifier, flags=re.IGNORECASE)
    plain = plain.replace("BreachDesk", "")
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", plain)
    return any(word.lower() in METAPHORS for word in words)


def count_short_docstrings(path: Path) -> int:
    functions = [
        node
        for node in ast.walk(parse_module(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    texts = [ast.get_docstring(function) for function in functions]
    return sum(text is not None and len(text) < SHORTEST_DOCSTRING for text in texts)


def test_class_names_are_unique_across_the_packages() -> None:
    names = [
        node.name
        for path in SOURCES
        for node in ast.walk(parse_module(path))
        if isinstance(node, ast.ClassDef)
    ]

    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_no_identifier_holds_a_metaphor() -> None:
    named = {
        f"{path.relative_to(ROOT).as_posix()}: {name}"
        for path in (*SOURCES, *AROUND)
        for name in iterate_identifiers(path)
        if name not in ALLOWED_METAPHORS and has_metaphor(name)
    }

    assert named == set()


def test_no_value_is_named_by_a_participle() -> None:
    named = {
        f"{path.relative_to(ROOT).as_posix()}: {node.arg if isinstance(node, ast.arg) else node.id}"
        for path in (*SOURCES, *AROUND)
        for node in ast.walk(parse_module(path))
        if (isinstance(node, ast.arg) and node.arg in PARTICIPLES)
        or (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and node.id in PARTICIPLES
        )
    }

    assert named - ALLOWED_PARTICIPLES.keys() == set()
    assert ALLOWED_PARTICIPLES.keys() - named == set()
    assert len(ALLOWED_PARTICIPLES) <= MOST_ALLOWED_PARTICIPLES


def test_no_module_or_folder_is_named_by_a_metaphor() -> None:
    paths = [path.relative_to(ROOT).as_posix() for path in (*SOURCES, *AROUND)]

    assert [p for p in paths if p not in ALLOWED_METAPHORS and has_metaphor(p[:-3])] == []


def test_the_list_of_allowed_metaphors_only_shrinks() -> None:
    assert len(ALLOWED_METAPHORS) <= MOST_ALLOWED
    assert all(len(reason) > 10 for reason in ALLOWED_METAPHORS.values())


def test_no_function_has_a_docstring_too_short_to_say_anything() -> None:
    allowed = {
        name: int(count)
        for count, name in (line.split() for line in SHORT_DOCSTRINGS.read_text().splitlines())
    }
    counted = {path.relative_to(ROOT).as_posix(): count_short_docstrings(path) for path in SOURCES}

    assert {n: c for n, c in counted.items() if c > allowed.get(n, 0)} == {}
    assert sum(allowed.values()) <= MOST_SHORT_DOCSTRINGS
