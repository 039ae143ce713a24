"""Measure how a tree of Python is built: sizes, branches, annotations, docstrings.

    .venv/bin/python scripts/measure_tree.py [FOLDER...]      default: our four packages

Lengths are lines from the first to the last, decorators left out. Branches are counted as McCabe
counts them. Migrations are left out: their tables are long by nature."""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
import tokenize
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "streams", "notifiers", "breachdesk")
BRANCHES = (
    *(ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler),
    *(ast.With, ast.AsyncWith, ast.Assert, ast.comprehension, ast.match_case),
)
LONG = 30
"""Lines: longer functions are counted."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class TreeMeasure:
    """What was counted in the files read."""

    module_lines: list[int] = field(default_factory=list)
    function_lines: list[int] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    classes: list[int] = field(default_factory=list)
    folders: Counter[Path] = field(default_factory=Counter)
    annotated: int = 0
    public: int = 0
    documented: int = 0
    docstring_lines: int = 0
    comment_lines: int = 0
    handlers: int = 0
    broad_handlers: int = 0

    def read(self, path: Path) -> None:
        """Count one file."""
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        self.module_lines.append(text.count("\n"))
        self.folders[path.parent] += 1
        self.classes.append(sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree)))
        for node in ast.walk(tree):
            if isinstance(node, Function):
                self._read_function(node)
            if isinstance(node, Function | ast.ClassDef | ast.Module):
                self._read_docstring(node)
            if isinstance(node, ast.ExceptHandler):
                self.handlers += 1
                self.broad_handlers += _is_broad(node)
        with tokenize.open(path) as lines:
            tokens = tokenize.generate_tokens(lines.readline)
            self.comment_lines += sum(token.type == tokenize.COMMENT for token in tokens)

    def _read_function(self, node: Function) -> None:
        self.function_lines.append((node.end_lineno or node.lineno) - node.lineno + 1)
        self.branches.append(1 + sum(isinstance(each, BRANCHES) for each in ast.walk(node)))
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        selected = [each for each in arguments if each.arg not in ("self", "cls")]
        self.annotated += node.returns is not None and all(each.annotation for each in selected)

    def _read_docstring(self, node: Function | ast.ClassDef | ast.Module) -> None:
        docstring = ast.get_docstring(node, clean=False)
        self.docstring_lines += 0 if docstring is None else docstring.count("\n") + 1
        if not isinstance(node, ast.Module) and not node.name.startswith("_"):
            self.public += 1
            self.documented += docstring is not None


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return caught in ("", "Exception", "BaseException")


def format_lengths(values: Sequence[int]) -> str:
    """Format median, 95th percentile and the most."""
    ordered = sorted(values)
    at = ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return f"{statistics.median(ordered):.0f}/{at}/{ordered[-1]}"


def list_rows(measure: TreeMeasure) -> list[tuple[str, str]]:
    lines, functions = sum(measure.module_lines), len(measure.function_lines)
    folder, files = measure.folders.most_common(1)[0]
    mean = statistics.mean(measure.classes)
    percentile = sorted(measure.classes)[len(measure.classes) * 95 // 100]
    return [
        ("product files / lines", f"{len(measure.module_lines)} / {lines:,}"),
        ("function length median/p95/most", format_lengths(measure.function_lines)),
        (
            f"functions > {LONG} lines",
            f"{100 * sum(each > LONG for each in measure.function_lines) / functions:.1f} %",
        ),
        ("module length median/p95/most", format_lengths(measure.module_lines)),
        ("cyclomatic p95/most", format_lengths(measure.branches).partition("/")[2]),
        ("largest folder (.py files)", f"{files} {folder.name}"),
        ("classes a module mean/p95", f"{mean:.1f}/{percentile}"),
        ("annotated functions", f"{100 * measure.annotated / functions:.0f} %"),
        ("public names with docstring", f"{100 * measure.documented / measure.public:.0f} %"),
        (
            "docstring lines / comment lines",
            (
                f"{100 * measure.docstring_lines / lines:.1f} / "
                f"{100 * measure.comment_lines / lines:.1f} %"
            ),
        ),
        ("broad handlers", f"{measure.broad_handlers}/{measure.handlers}"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / p for p in PACKAGES])
    arguments = parser.parse_args()
    measure = TreeMeasure()
    for folder in arguments.folders:
        for path in sorted(folder.rglob("*.py")):
            if "versions" not in path.parts:
                measure.read(path)
    for title, value in list_rows(measure):
        print(f"{title:34} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
