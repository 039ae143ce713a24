"""Share with the parent which record and which parser the child is using, in memory that outlives
the child."""

from __future__ import annotations

from mmap import mmap

_RECORD, _PARSER = 0, 1


class ReadingProgress:
    """Written by the child, read by its parent. 0 means none."""

    SIZE = 16

    def __init__(self, shared: mmap) -> None:
        """Map the shared memory; close this object before the memory."""
        self._places = memoryview(shared).cast("Q")

    def start_record(self, record: int) -> None:
        """Mark the record of that number in the request as started."""
        self._places[_PARSER] = 0
        self._places[_RECORD] = record + 1

    def set_parser(self, number: int) -> None:
        """Set the parser that reads the record."""
        self._places[_PARSER] = number + 1

    def finish_record(self) -> None:
        """Mark the record as finished."""
        self._places[_RECORD] = 0

    def get_current(self) -> tuple[int | None, int | None]:
        """Return the record's number and the parser's."""
        record, parser = self._places
        return (record - 1 if record else None), (parser - 1 if record and parser else None)

    def close(self) -> None:
        """Release the memory."""
        self._places.release()
