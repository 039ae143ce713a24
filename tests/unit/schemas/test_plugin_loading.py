"""A plug-in is a file or a package, found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from schemas.pipeline.plugin import load_plugins

FIELDS = "from types import SimpleNamespace\nLOCK = SimpleNamespace(id={id!r})\n"


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package that plug-ins can be written to; its name is the folder's."""
    folder = tmp_path / f"locks_of_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_file_and_a_package_are_loaded_by_their_names(locks: Path) -> None:
    (locks / "small.py").write_text(FIELDS.format(id="small"))
    (locks / "large").mkdir()
    (locks / "large/__init__.py").write_text(f"from {locks.name}.large.parser import LOCK\n")
    (locks / "large/parser.py").write_text(FIELDS.format(id="large"))

    plugins = load_plugins(locks.name, "LOCK")

    assert {name: plugin.id for name, plugin in plugins.items()} == {
        "large": "large",
        "small": "small",
    }


def test_a_package_without_the_constant_is_refused_with_its_place(locks: Path) -> None:
    (locks / "large").mkdir()
    (locks / "large/__init__.py").touch()

    with pytest.raises(ConfigurationError) as refused:
        load_plugins(locks.name, "LOCK")

    assert refused.value.place == f"{locks.name}/large/__init__.py"
    assert refused.value.problem == "no LOCK whose id is the name of its package"


def test_a_file_with_another_id_than_its_name_is_refused_with_its_place(locks: Path) -> None:
    (locks / "small.py").write_text(FIELDS.format(id="other"))

    with pytest.raises(ConfigurationError) as refused:
        load_plugins(locks.name, "LOCK")

    assert refused.value.place == f"{locks.name}/small.py"
    assert refused.value.problem == "no LOCK whose id is the name of its file"
