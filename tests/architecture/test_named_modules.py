"""Modules, symbols and files that texts of the repository name exist."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from bench import profiles

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = "breachdesk|streams|notifiers|schemas"
FOLDERS = f"{PACKAGES}|tests|bench|scripts|templates|rules|docs|deploy"
DOTTED = re.compile(rf"(?<![\w./@-])((?:{PACKAGES})(?:\.[A-Za-z_]\w*)+)(?![\w/@-])")
PATHS = re.compile(rf"(?<![\w/.-])((?:{FOLDERS})/[\w/.-]*\w\.(?:py|md|toml|yml|html|j2))\b")
TEXTS = re.compile(r"\.(py|md|toml|yml|yaml|ini|sh)$|(^|/)(Makefile|Dockerfile|services)$")
KAFKA = "raw alerts breaches commands dead events gaps agents records"
LOGGERS = "http reading syslog test"
FILES = "toml"
NO_MODULES = {f"breachdesk.{name}" for name in f"{KAFKA} {LOGGERS} {FILES}".split()}
"""Topics, loggers and settings files, whose names begin with the product's."""
PAGES = sorted((ROOT / "docs" / "howto" / "contribute").glob("*.md"))
BLOCK = re.compile(r"^```\w+\n# (\S+)$", re.MULTILINE)
INVENTED = {"rules/your_rule.yml"} | {
    file for page in PAGES for file in BLOCK.findall(page.read_text(encoding="utf-8"))
}
"""Files that a contributor's page, or the pack's, tells the reader to write."""
INVENTED_MODULES = {
    file.removesuffix(".py").replace("/", ".") for file in INVENTED if file.endswith(".py")
}
LIBRARIES = {"aiokafka/", "faust/", "mode/", "asyncio/", "selectors.py"}


@cache
def read_texts() -> Mapping[str, str]:
    files = [path for name in FOLDERS.split("|") for path in (ROOT / name).rglob("*")]
    names = {path.relative_to(ROOT).as_posix() for path in (*files, *ROOT.glob("*"))}
    texts = sorted(name for name in names if TEXTS.search(name) and (ROOT / name).is_file())
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in texts}


def find_all(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for file, text in read_texts().items():
        for match in pattern.finditer(text):
            yield file, match[1]


def has_field(owner: object, name: str) -> bool:
    if hasattr(owner, name):
        return True
    return any(name in getattr(owner, kind, {}) for kind in ("__annotations__", "model_fields"))


def is_module(parts: list[str]) -> bool:
    path = ROOT.joinpath(*parts)
    return path.is_dir() or path.with_suffix(".py").is_file()


def can_resolve(name: str) -> bool:
    """Whether a dotted name is a module, or a symbol or field of one."""
    parts = name.split(".")
    depth = max(n for n in range(1, len(parts) + 1) if is_module(parts[:n]))
    if depth == len(parts):
        return True
    owner: object = importlib.import_module(".".join(parts[:depth]))
    for part in parts[depth:-1]:
        owner = getattr(owner, part, None)
    return has_field(owner, parts[-1])


def test_every_dotted_name_of_ours_is_a_module_or_a_symbol() -> None:
    names = [
        (file, name)
        for file, name in find_all(DOTTED)
        if ".".join(name.split(".")[:2]) not in NO_MODULES and name not in INVENTED_MODULES
    ]

    assert len(names) > 1000
    assert {(file, name) for file, name in names if not can_resolve(name)} == set()


def test_every_file_that_is_named_by_its_path_exists() -> None:
    paths = [
        (file, path)
        for file, path in find_all(PATHS)
        if path not in INVENTED and not path.endswith("/X.py")
    ]

    assert len(paths) > 100
    assert {(file, path) for file, path in paths if not (ROOT / path).exists()} == set()


def test_the_parts_that_a_profile_is_shared_out_over_name_files_that_exist() -> None:
    fragments = [name for _, names in profiles.STAGES for name in names]
    files = [f"/{name}" for name in read_texts()]

    assert [f for f in fragments if f not in LIBRARIES and not any(f in n for n in files)] == []
