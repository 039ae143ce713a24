"""Log files that are written to and rotated in all the ways that operators use, by chance:
`from rotated_logs import RotatedLog`."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from pathlib import Path

COPIED, RENAMED, RENAMED_PACKED, SHIFTED, DATED = range(5)


class RotatedLog:
    """Writes numbered lines; every line that was written whole is in `written`."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path = path
        self.written: list[bytes] = []
        self._chance = chance
        self._number = 0
        self._rest = self._unfinished = b""
        self._days = 0
        path.touch()

    def _write(self, content: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(content)

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
        self.end_line()
        way = self._chance.randrange(5) if way is None else way
        if way == COPIED:
            self._shift()
            shutil.copy2(self.path, self._get_name(1))
            os.truncate(self.path, 0)
            return
        if way == DATED:
            self._days += 1
            self.path.rename(self.path.with_name(f"{self.path.name}-202611{self._days:02}"))
        else:
            self._shift()
            self.path.rename(self._get_name(1))
        if way == RENAMED_PACKED:
            self.pack(self._get_name(1))
        self.path.touch()

    def _get_name(self, number: int, suffix: str = "") -> Path:
        return self.path.with_name(f"{self.path.name}.{number}{suffix}")

    def _shift(self) -> None:
        """Rename .1 to .2, and so on, as delaycompress does: .2 is packed."""
        for number in range(9, 0, -1):
            for suffix in ("", ".gz"):
                former = self._get_name(number, suffix)
                if former.exists():
                    former.rename(self._get_name(number + 1, suffix))
        if self._get_name(2).exists() and self._chance.random() < 0.7:
            self.pack(self._get_name(2))

    def pack(self, path: Path) -> None:
        """Pack as gzip does: the packed file has the times of the former, which is removed."""
        packed = path.with_name(path.name + ".gz")
        status = path.stat()
        packed.write_bytes(gzip.compress(path.read_bytes()))
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        path.unlink()
