"""List the files that a pattern names, and those that a rotation may have made of a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")
_NUMBERS = r"[0-9][0-9T:Z_.\-]*|old"


class PatternFiles:
    """Files of one pattern: `*`, `?`, `[…]` within a name, `**` for folders at any depth.

    Symbolic links to files are followed, those to folders only where the pattern names them."""

    def __init__(self, pattern: str) -> None:
        self._parts = Path(pattern).parts
        self.is_name = not _MAGIC.search(pattern)
        """Whether it names one file."""
        self.problems: dict[str, OSError] = {}
        """Folders that could not be listed at the last call."""

    def list_paths(self) -> list[Path]:
        self.problems = {}
        return list(self._expand(Path(self._parts[0]), self._parts[1:]))

    def _expand(self, folder: Path, parts: Sequence[str]) -> Iterator[Path]:
        if not parts:
            yield folder
            return
        part, rest = parts[0], parts[1:]
        if part == "**":
            yield from self._expand_below(folder, rest)
        elif _MAGIC.search(part):
            for entry in self._list_entries(folder):
                if _is_match(entry.name, part) and (not rest or _is_folder(entry, links=True)):
                    yield from self._expand(folder / entry.name, rest)
        else:
            yield from self._expand(folder / part, rest)

    def _expand_below(self, folder: Path, rest: Sequence[str]) -> Iterator[Path]:
        yield from self._expand(folder, rest or ("*",))
        for entry in self._list_entries(folder):
            if not entry.name.startswith(".") and _is_folder(entry, links=False):
                yield from self._expand_below(folder / entry.name, rest)

    def _list_entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as problem:
            self.problems[str(folder)] = problem
            return []


def _is_match(name: str, pattern: str) -> bool:
    hidden = name.startswith(".") and not pattern.startswith(".")
    return not hidden and fnmatchcase(name, pattern)


def _is_folder(entry: os.DirEntry[str], *, links: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=links)
    except OSError:
        return False


def list_rotated(path: Path) -> dict[Path, int]:
    """List the files beside `path` whose names a rotation gives: `NAME.1`, `NAME-20261130.gz`,
    `STEM-20261130.log`, `STEM.1`, `NAME.old`; each with its inode. Raises OSError."""
    name, stem, suffix = (re.escape(part) for part in (path.name, path.stem, path.suffix))
    rotated = re.compile(
        rf"(?:{name}[.\-_](?:{_NUMBERS})|{stem}[.\-_](?:{_NUMBERS})(?:{suffix})?)(?:\.gz)?\Z"
    )
    base = _find_base_name(path.name)
    again = re.compile(rf"{re.escape(base)}[.\-_](?:{_NUMBERS})(?:\.gz)?\Z")
    with os.scandir(path.parent) as entries:
        return {
            path.parent / entry.name: entry.inode()
            for entry in entries
            if entry.name != path.name and (rotated.match(entry.name) or again.match(entry.name))
        }


def _find_base_name(name: str) -> str:
    """Return the name before rotation: of `access.log.1` it is `access.log`."""
    rotated = re.fullmatch(rf"(.+?)[.\-_](?:{_NUMBERS})(?:\.gz)?", name)
    return rotated[1] if rotated else name


def list_bases(path: Path) -> list[Path]:
    """List the paths of which a rotation may have made `path`, but for its time: of
    `access.log.1` it is `access.log`, of `access-20261130.log` too."""
    return [
        path.with_name(base)
        for split in re.finditer(r"[.\-_]", path.name)
        if (base := _find_base(path.name, split.start())) is not None
    ]


def _find_base(name: str, split: int) -> str | None:
    """Return the name without the number that begins behind `split`; None: there is none."""
    ending = re.fullmatch(rf"(?:{_NUMBERS})(\.[A-Za-z]\w*)?", name[split + 1 :])
    return name[:split] + (ending[1] or "") if ending and split else None
