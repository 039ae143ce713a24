"""Join the sections of ModSecurity's native (serial) audit log: one record for each transaction.

A transaction begins with a line `--ID-A--` and ends with `--ID-Z--`. Sections of several may stand between
one another, told apart by their ids. A body may hold any line. No client knows the id of its own
transaction before that is written, or that of another one: inside a body only lines with the id of
an open transaction are boundaries. What looks like the beginning of another transaction there is
one only if the present one cannot end any more, because the input ends or the record is too long:
the log was cut in the middle of it."""

from __future__ import annotations

import re

from streams.intake.splitting.record_buffer import FramedRecord, RecordBuffer

_ID = rb"(?:[0-9A-Za-z]{8,12}|-[0-9A-Za-z]{8,12}--)"
_BOUNDARY = re.compile(rb"--(" + _ID + rb")-([A-Z])--[ \t\r]*\n?")
_ANYWHERE = re.compile(rb"^--" + _ID + rb"-[A-Z]--[ \t\r]*$", re.MULTILINE)
_BODIES = b"CEIGJ"
_BEGIN, _END = b"A", b"Z"
_MOST_OPEN = 64
"""Transactions between whose sections others may stand."""


def has_sections(head: bytes) -> bool:
    """Whether the beginning of a content holds a boundary of sections."""
    return b"--\n" in head.replace(b"\r", b"") and _ANYWHERE.search(head) is not None


class _Transaction:
    """The sections of a transaction that has not ended."""

    def __init__(self, identity: bytes, limit: int, at: int) -> None:
        self.identity = identity
        self.buffer = RecordBuffer(limit, at)
        self.lines: list[bytes] = []
        self.size = 0
        self.section = _BEGIN
        self.other: int | None = None
        """The first line of a body that looks like the beginning of another transaction."""


class AuditSectionSplitter:
    """Reads transactions until none is open."""

    def __init__(self, limit: int, at: int) -> None:
        self._limit = limit
        self._at = at
        self._open: dict[bytes, _Transaction] = {}
        self._present: _Transaction | None = None
        self._line = bytearray()
        """What has come of a line that has not ended."""
        self._began = False
        self._last_ends: dict[bytes, int] | None = None
        """Of lines that are read again: where each transaction ends. None: no lines are."""
        self._again_at = 0

    def feed(self, data: bytes) -> tuple[list[FramedRecord], bytes | None]:
        """Return the records that end in `data`, and what follows once no transaction is open."""
        records: list[FramedRecord] = []
        whole = data.rfind(b"\n") + 1
        lines = self._take_line() + data[:whole] if whole else b""
        begin = 0
        while (end := lines.find(b"\n", begin) + 1) > 0:
            records += self._add_line(lines[begin:end])
            begin = end
            if self._began and not self._open:
                return records, lines[begin:] + data[whole:]
        self._line += data[whole:]
        if self._limit and len(self._line) > self._limit:
            records += self._add_content(self._take_line())
        return records, None

    def _take_line(self) -> bytes:
        line = bytes(self._line)
        self._line.clear()
        return line

    def finish(self) -> list[FramedRecord]:
        """Finish the input: transactions that have not ended are records as they are."""
        records: list[FramedRecord] = []
        if self._line:
            records += self._add_line(self._take_line())
        while self._open:
            records += self._end_cut(next(iter(self._open.values())))
        return records

    def _add_line(self, line: bytes) -> list[FramedRecord]:
        match = _BOUNDARY.fullmatch(line) if line.startswith(b"--") else None
        if match is None:
            return self._add_content(line)
        identity, section = match[1], match[2]
        transaction = self._open.get(identity)
        if transaction is not None:
            return self._go_on(transaction, section, line)
        present = self._present
        if present is None or present.section not in _BODIES:
            return self._begin(identity, section, line)
        if section != _BEGIN:
            return self._add_content(line)
        if self._last_ends is not None and not self._ends_later(present):
            return self._begin(identity, section, line)
        if self._last_ends is None and present.other is None:
            present.other = len(present.lines)
        return self._add_content(line)

    def _ends_later(self, transaction: _Transaction) -> bool:
        """Whether the end of the transaction is among the lines that are read again."""
        ends = self._last_ends or {}
        return ends.get(transaction.identity, -1) > self._again_at

    def _begin(self, identity: bytes, section: bytes, line: bytes) -> list[FramedRecord]:
        records: list[FramedRecord] = []
        if len(self._open) >= _MOST_OPEN:
            records += self._end_cut(next(iter(self._open.values())))
        self._began = True
        transaction = _Transaction(identity, self._limit, self._at)
        self._open[identity] = self._present = transaction
        return records + self._go_on(transaction, section, line)

    def _go_on(self, transaction: _Transaction, section: bytes, line: bytes) -> list[FramedRecord]:
        self._present = transaction
        transaction.section = section
        transaction.other = None
        records = self._add_content(line)
        if section == _END:
            records += self._end(transaction)
        return records

    def _end(self, transaction: _Transaction) -> list[FramedRecord]:
        self._open.pop(transaction.identity, None)
        if self._present is transaction:
            self._present = next(reversed(self._open.values()), None)
        records = transaction.buffer.add(b"".join(transaction.lines))
        return records + transaction.buffer.finish(b" \t\r\n")

    def _add_content(self, line: bytes) -> list[FramedRecord]:
        self._at += len(line)
        transaction = self._present
        if transaction is None:
            alone = RecordBuffer(self._limit, self._at - len(line))
            return alone.add(line.rstrip(b"\r\n")) + alone.finish()
        transaction.lines.append(line)
        transaction.size += len(line)
        if not self._limit or transaction.size <= self._limit:
            return []
        if transaction.other is not None:
            return self._end_cut(transaction)
        records = transaction.buffer.add(b"".join(transaction.lines))
        transaction.lines.clear()
        transaction.size = len(transaction.buffer)
        return records

    def _end_cut(self, transaction: _Transaction) -> list[FramedRecord]:
        """End a transaction whose own end does not come, and read again what begins another.

        It is read again once: of what has no end among these lines, the next beginning is the end.
        """
        other = len(transaction.lines) if transaction.other is None else transaction.other
        again = transaction.lines[other:]
        del transaction.lines[other:]
        self._at -= sum(map(len, again))
        records = self._end(transaction)
        if not again:
            return records
        self._last_ends = {
            match[1]: index
            for index, match in enumerate(map(_BOUNDARY.fullmatch, again))
            if match is not None and match[2] == _END
        }
        for index, line in enumerate(again):
            self._again_at = index
            records += self._add_line(line)
        self._last_ends = None
        return records
