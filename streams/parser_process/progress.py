"""Which record, and which parser, the child has in hand: in memory that outlives its death."""

from __future__ import annotations

from mmap import mmap

_RECORD, _PARSER = 0, 1


class ReadingProgress:
    """Written by the child, read by its parent. 0 stands for none."""

    SIZE = 16

    def __init__(self, shared: mmap) -> None:
        """Close it before the memory."""
        self._places = memoryview(shared).cast("Q")

    def start_record(self, record: int) -> None:
        """The record of that number in the request is in hand."""
        self._places[_PARSER] = 0
        self._places[_RECORD] = record + 1

    def set_parser(self, number: int) -> None:
        """That parser sees it."""
        self._places[_PARSER] = number + 1

    def finish_record(self) -> None:
        """Nothing is in hand."""
        self._places[_RECORD] = 0

    def get_current(self) -> tuple[int | None, int | None]:
        """The record's number and the parser's."""
        record, parser = self._places
        return (record - 1 if record else None), (parser - 1 if record and parser else None)

    def close(self) -> None:
        """Lets go of the memory."""
        self._places.release()
