"""What the code and the words ask of the law is there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from breachdesk.gdpr.law import load_shipped_law

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("breachdesk", "notifiers", "schemas", "templates")
IN_CODE = re.compile(r'"((?:uk_gdpr|dpa2018|pecr_5a|reg_611_2013)_[a-z0-9_]+)"')
IN_TEMPLATES = re.compile(r"\blaw\.([a-z][a-z0-9_]*)\.(?:period|article|citation|review|hours)\b")

PERIODS = re.compile(
    r"\b(?:72|96)[\s-]*(?:hours?|h)\b|\bseventy-two hours\b|\bone month\b", re.IGNORECASE
)
COMMENTS = re.compile(r"\{#.*?#\}|<!--.*?-->", re.DOTALL)


def files(*suffixes: str) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from (p for p in sorted((ROOT / folder).rglob("*.*")) if p.suffix in suffixes)


def test_every_provision_that_code_names_is_in_the_shipped_law() -> None:
    known = {entry.id for entry in load_shipped_law().entries}
    named = {
        (path.name, reference)
        for path in files(".py")
        if path.name != "testing.py"
        for reference in IN_CODE.findall(path.read_text(encoding="utf-8"))
    }

    assert {pair for pair in named if pair[1] not in known} == set()
    assert len(named) > 5


def test_every_provision_that_a_template_names_is_in_the_shipped_law() -> None:
    known = {provision.id for provision in load_shipped_law().provisions}
    named = {
        reference
        for path in files(".j2", ".html")
        for reference in IN_TEMPLATES.findall(path.read_text(encoding="utf-8"))
    }

    assert named
    assert named <= known


def literals(path: Path) -> Iterator[str]:
    """What a file can print: texts of code without its docstrings, templates without comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        yield COMMENTS.sub("", text)
        return
    tree = ast.parse(text)
    stated = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in stated
        ):
            yield node.value


def test_a_docstring_is_no_literal_and_a_printed_period_is_one(tmp_path: Path) -> None:
    code, page = tmp_path / "a.py", tmp_path / "a.html"
    code.write_text('"""72 hours"""\nSAID = f"within 72 hours of {1}"\n', encoding="utf-8")
    page.write_text("{# 72 hours #}<p>72-hour limit</p>", encoding="utf-8")
    values = [[t for t in literals(path) if PERIODS.search(t)] for path in (code, page)]

    assert values == [["within 72 hours of "], ["<p>72-hour limit</p>"]]


def test_no_code_and_no_template_says_a_legal_period_itself() -> None:
    values = {
        (str(path.relative_to(ROOT)), match.group())
        for path in files(".py", ".html", ".j2", ".typ", ".js")
        for text in literals(path)
        if (match := PERIODS.search(text))
    }

    assert values == set()
