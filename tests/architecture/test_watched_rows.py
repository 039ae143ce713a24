"""Every function that writes a watched table tells the chain of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from breachdesk.stores.sql.row_digests import WATCHED

STORES = Path(__file__).resolve().parents[2] / "breachdesk" / "stores"
WRITES = {"insert", "update", "delete", "insert_many", "insert_or_replace_many"}
NAMES = {table.name for table in WATCHED}


def writers() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(STORES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(map(is_write, ast.walk(node))):
                yield f"{path.name}: {node.name}", node


def is_write(node: ast.AST) -> bool:
    """`update(users)`, or many rows at once into a watched table."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return False
    named = {arg.id for arg in node.args if isinstance(arg, ast.Name)}
    return node.func.id in WRITES and bool(named & NAMES)


def tells(function: ast.FunctionDef) -> bool:
    called = {
        node.func.attr
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    return bool(called & {"touch", "replace", "_write"})


def test_every_function_that_writes_a_watched_table_touches_its_row() -> None:
    fields = dict(writers())

    assert len(fields) >= 10
    assert [name for name, function in fields.items() if not tells(function)] == []
