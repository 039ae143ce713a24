"""Log files that are written to and rotated in all the ways that operators use, by chance:
`from rotated_logs import RotatedLog`."""

from __future__ import annotations

import gzip
import os
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path

COPIED, RENAMED, RENAMED_PACKED, SHIFTED, DATED = range(5)
MOST_ROTATIONS = 40
"""None is removed: what nobody read before it is removed is lost."""


class RotatedLog:
    """Writes numbered lines; every line that was written whole is in `written`."""

    def __init__(
        self, path: Path, chance: random.Random, stamps: Iterator[int] | None = None
    ) -> None:
        """Create the file. `stamps`: the times of changes, in nanoseconds; else the clock's."""
        self.path = path
        self.written: list[bytes] = []
        self._chance = chance
        self._stamps = stamps
        self._number = 0
        self._rest = self._unfinished = b""
        self._days = 0
        self._create()

    def _create(self) -> None:
        self.path.touch()
        self._stamp()

    def _stamp(self) -> None:
        if self._stamps is not None:
            stamp = next(self._stamps)
            os.utime(self.path, ns=(stamp, stamp))

    def _write(self, content: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(content)
        self._stamp()

    def write_lines(self, most: int = 20) -> None:
        """Write whole lines, and at times the beginning of another."""
        lines = []
        for _ in range(self._chance.randint(1, most)):
            self._number += 1
            filling = b"x" * self._chance.choice([0, 0, 5, 300])
            lines.append(b"%s line %06d %s" % (self.path.name.encode(), self._number, filling))
        self.end_line()
        whole = b"".join(line + b"\n" for line in lines)
        if self._chance.random() < 0.3:
            cut = self._chance.randint(1, len(lines[-1]))
            whole, self._rest = whole[:-cut], whole[-cut:]
        self._write(whole)
        self.written += lines[:-1] if self._rest else lines
        self._unfinished = lines[-1]

    def end_line(self) -> None:
        """Write the rest of a line that was begun."""
        if self._rest:
            self._write(self._rest)
            self._rest = b""
            self.written.append(self._unfinished)

    def rotate(self, way: int | None = None) -> None:
        """Rotate as logrotate does; its writer has no line in hand then."""
        for _ in self.rotate_in_steps(way):
            pass

    def rotate_in_steps(self, way: int | None = None) -> Iterator[None]:
        """Rotate; each step is what another process may see."""
        self.end_line()
        yield
        way = self._chance.randrange(5) if way is None else way
        if way == COPIED:
            yield from self._shift()
            yield from self._write_copy(self.path, self._get_name(1), self.path.read_bytes())
            os.truncate(self.path, 0)
            self._stamp()
            return
        if way == DATED:
            self._days += 1
            self.path.rename(self.path.with_name(f"{self.path.name}-202611{self._days:02}"))
        else:
            yield from self._shift()
            self.path.rename(self._get_name(1))
        yield
        if way == RENAMED_PACKED:
            yield from self._pack(self._get_name(1))
        self._create()

    def _get_name(self, number: int, suffix: str = "") -> Path:
        return self.path.with_name(f"{self.path.name}.{number}{suffix}")

    def _shift(self) -> Iterator[None]:
        """Rename .1 to .2, and so on, as delaycompress does: .2 is packed."""
        for number in range(MOST_ROTATIONS, 0, -1):
            for suffix in ("", ".gz"):
                former = self._get_name(number, suffix)
                if former.exists():
                    former.rename(self._get_name(number + 1, suffix))
                    yield
        if self._get_name(2).exists() and self._chance.random() < 0.7:
            yield from self._pack(self._get_name(2))

    def _pack(self, path: Path) -> Iterator[None]:
        """Pack as gzip does: the packed file has the times of the former, which is removed."""
        packed = path.with_name(path.name + ".gz")
        yield from self._write_copy(path, packed, gzip.compress(path.read_bytes()))
        path.unlink()
        yield

    def _write_copy(self, path: Path, copy: Path, content: bytes) -> Iterator[None]:
        status = path.stat()
        half = self._chance.randint(0, len(content))
        copy.touch()
        for part in (content[:half], content[half:]):
            yield
            with copy.open("ab") as file:
                file.write(part)
        yield
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))
        yield


def count_stamps(begin: float) -> Iterator[int]:
    """Count times of which no two are alike, as those of a fast writer may be."""
    return count(int(begin) * 1_000_000_000, 1_000_003)
