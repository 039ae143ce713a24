"""Read one file on from where its reading stopped, and say how far it is read."""

from __future__ import annotations

import codecs
import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from streams.intake.files.content_mark import HEAD_BYTES, TAIL_BYTES, build_mark, has_mark
from streams.intake.files.file_content import PackedContent, PlainContent, open_content
from streams.intake.files.file_position import FilePosition
from streams.intake.splitting.record_buffer import FramedRecord
from streams.intake.splitting.record_splitter import RecordSplitter
from streams.intake.splitting.w3c_fields import find_header

_CHUNK_BYTES = 512 * 1024
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""In such a file every other byte of plain text is zero."""


class ChangedContent(Exception):
    """What was read of the file is no longer in it: it was cut short, or is another file."""


class FollowedFile:
    """A file and its position. `read`, `open` and `get_status` raise OSError."""

    def __init__(self, position: FilePosition, limit: int) -> None:
        self.stored = position
        self.path = Path(position.path)
        self.device, self.inode = position.device, position.inode
        self.is_ended, self.is_gone = position.is_ended, position.is_gone
        self.looked, self.changed = position.looked, position.changed
        self.is_present = False
        """Whether its path led to it when it was looked at last."""
        self.rotated_from = position.rotated_from
        self.rotated_since = position.rotated_since
        self.successor: Path | None = None
        """Where this file was before it was rotated away."""
        self.is_damaged = False
        """Whether it is packed and breaks off where it was read to."""
        self.is_detached = False
        """Whether no path leads to it any more, though it is open."""
        self.catches_up_until = 0
        """Bytes up to here were in the file before it was followed."""
        self.size_seen = -1
        """Size of the file when its end was reached last."""
        self.quiet_since = 0.0
        """Since when nothing was added, by the clock of the process."""
        self.content: PlainContent | PackedContent | None = None
        self._limit = limit
        self._end = position.end
        self._head = b""
        self._tail = b""
        self._splitter: RecordSplitter | None = None
        self._begin, self._to_skip = position.begin, position.skip
        self._emitted = 0

    @property
    def end(self) -> int:
        return self._end

    @property
    def number(self) -> int:
        return self.stored.number

    @property
    def has_records(self) -> bool:
        """Whether a record of the file was read; until then nothing but its number names it."""
        return self.get_present_position().has_records

    @property
    def identity(self) -> tuple[int, int]:
        return self.device, self.inode

    def compute_position(self) -> FilePosition:
        """Compute the position as it is now, which is to be stored."""
        self.stored = self._build_position()
        return self.stored

    def get_present_position(self) -> FilePosition:
        """Return the position as it is now; cheap where nothing was read since it was stored."""
        return self.stored if self.stored.end == self._end else self.compute_position()

    def _build_position(self) -> FilePosition:
        position = replace(
            self.stored,
            path=str(self.path),
            device=self.device,
            inode=self.inode,
            is_ended=self.is_ended,
            is_gone=self.is_gone,
            looked=self.looked,
            changed=self.changed,
            rotated_from=self.rotated_from,
            rotated_since=self.rotated_since,
        )
        if self._splitter is None:
            return position
        point = self._splitter.restart_point
        whole = point.back is None
        return replace(
            position,
            begin=self._begin if point.back is None else self._end - point.back,
            skip=(self._emitted if whole else point.skip) + self._to_skip,
            is_lines=point.is_lines,
            end=self._end,
            mark=build_mark(self._head, self._tail),
        )

    def open(self) -> None:
        """Open the file by its path. Raises ChangedContent unless what was read is still in it,
        FileNotFoundError where nothing was read and the path leads to another file."""
        if self.content is not None:
            return
        content = open_content(self.path)
        position = self._build_position()
        try:
            if not position.has_records and content.get_status().st_ino != self.inode:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
            self._check_mark(content, position)
        except BaseException:
            content.close()
            raise
        status = content.get_status()
        self.device, self.inode = status.st_dev, status.st_ino
        self.content = content

    def verify(self) -> None:
        """Raises ChangedContent unless what was read is still in the file."""
        if self.content is None:
            self.open()
            self.close()
        elif not self.content.packed:
            known = len(self._tail)
            if self.content.read(self._end - known, known) != self._tail:
                raise ChangedContent
            self._check_head(self.content)

    def reopen(self) -> None:
        """Open the file once more: of a packed one, its end is known when it was reached."""
        self.close()
        self.open()

    def _check_mark(self, content: PlainContent | PackedContent, position: FilePosition) -> None:
        if not content.packed and content.get_status().st_size < position.end:
            raise ChangedContent
        if position.end and not has_mark(content, position.mark, position.end):
            raise ChangedContent
        if self._splitter is None:
            self._begin_reading(content, position)

    def _begin_reading(self, content: PlainContent | PackedContent, position: FilePosition) -> None:
        begin, length = position.begin, min(TAIL_BYTES, position.begin)
        head = content.read(0, min(HEAD_BYTES, begin))
        tail = content.read(begin - length, length)
        if begin and not content.packed and not has_mark(content, position.mark, position.end):
            # It was cut short since it was checked: what was read last may be another content.
            raise ChangedContent
        self._head, self._tail = head, tail
        self._begin, self._end, self._to_skip = begin, begin, position.skip
        self._emitted = 0
        fields = find_header(content.read, begin)
        self._splitter = RecordSplitter(self._limit, begin, lines=position.is_lines, fields=fields)

    def read(self) -> tuple[Sequence[FramedRecord], bool]:
        """Read the next part: its records, and whether there may be more. Raises ChangedContent,
        DamagedFile."""
        self.open()
        content, splitter = self.content, self._splitter
        assert content is not None
        assert splitter is not None
        data = self._read_new(content)
        if not data:
            return (), False
        # Only the read after the last one says whether a packed file is whole.
        at_end = len(data) < _CHUNK_BYTES and not content.packed
        if isinstance(content, PlainContent) and not (self._head or data).startswith(_UTF16):
            data = self._drop_zeroes(content, data, splitter)
            if not data:
                return (), not at_end
        records = splitter.feed(data)
        self._note_read(data)
        skipped = min(self._to_skip, len(records))
        self._to_skip -= skipped
        self._emitted += len(records)
        return records[skipped:], not at_end

    def _read_new(self, content: PlainContent | PackedContent) -> bytes:
        if isinstance(content, PackedContent):
            return content.read(self._end, _CHUNK_BYTES)
        known = len(self._tail)
        data = content.read(self._end - known, known + _CHUNK_BYTES)
        if not data.startswith(self._tail):
            raise ChangedContent
        self._check_head(content)
        return data[known:]

    def _check_head(self, content: PlainContent | PackedContent) -> None:
        """Check the first bytes: lines of another content may end alike."""
        if content.read(0, len(self._head)) != self._head:
            raise ChangedContent

    def _drop_zeroes(self, content: PlainContent, data: bytes, splitter: RecordSplitter) -> bytes:
        """Drop zeroes before a record, which a hole of the file gives, and those at its end, where
        its writer will write."""
        if data[0] == 0 and splitter.restart_point.back == 0:
            filled = data.lstrip(b"\0")
            skipped = len(data) - len(filled)
            if not filled and len(data) == _CHUNK_BYTES:
                skipped = max(skipped, content.find_data(self._end + skipped) - self._end)
            elif not filled:
                return b""
            self._skip_zeroes(content, skipped)
            data = filled
        return data.rstrip(b"\0")

    def _skip_zeroes(self, content: PlainContent, count: int) -> None:
        if self._end < HEAD_BYTES:
            self._head += content.read(self._end, HEAD_BYTES)[: min(count, HEAD_BYTES - self._end)]
        self._end += count
        tail = min(TAIL_BYTES, self._end)
        self._tail = content.read(self._end - tail, tail)

    def _note_read(self, data: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        self._end += len(data)

    def finish(self) -> Sequence[FramedRecord]:
        """Take the last line as whole, though it has no end."""
        self.is_ended = True
        if self._splitter is None:
            return ()
        was_lines = self._splitter.restart_point.is_lines
        fields = self._splitter.fields
        records = self._splitter.finish()
        skipped = min(self._to_skip, len(records))
        self._begin, self._to_skip, self._emitted = self._end, 0, 0
        self._splitter = RecordSplitter(self._limit, self._end, lines=was_lines, fields=fields)
        return records[skipped:]

    def move(self, path: Path, identity: tuple[int, int]) -> None:
        """Go on in another file that holds what was read of this one."""
        self.close()
        self.path = path
        self.device, self.inode = identity
        self.is_ended = self.is_gone = self.is_detached = False
        self.size_seen = -1

    def note_rotation(self, path: Path, since: int) -> None:
        """Note that files into which `path` was rotated since then are to be looked for."""
        if self.rotated_from is None:
            self.rotated_from, self.rotated_since = str(path), since

    def get_status(self) -> os.stat_result:
        """Return the status of the open file, else of the file at the path."""
        return self.content.get_status() if self.content else self.path.stat()

    def close(self) -> None:
        """Close the file; it can be opened again."""
        if self.content is not None:
            self.content.close()
            self.content = None
