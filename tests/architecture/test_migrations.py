"""Migrations form one line: each has a number of its own and follows the one before it."""

from __future__ import annotations

import importlib
from itertools import pairwise
from pathlib import Path

from breachdesk.stores import migrations
from breachdesk.stores.tables.schema import HEAD

FOLDER = Path(migrations.__file__).parent / "versions"


def test_each_migration_has_a_number_of_its_own_and_follows_the_one_before() -> None:
    names = sorted(file.stem for file in FOLDER.glob("[0-9]*.py"))
    package = f"{migrations.__name__}.versions"
    modules = [importlib.import_module(f"{package}.{name}") for name in names]

    assert [module.revision for module in modules] == [name[:4] for name in names]
    assert len({module.revision for module in modules}) == len(modules)
    assert all(later.down_revision == earlier.revision for earlier, later in pairwise(modules))
    assert modules[-1].revision == HEAD
