"""Model how far a file was read."""

from __future__ import annotations

from dataclasses import dataclass

from streams.intake.files.content_mark import NOTHING_READ, ContentMark


@dataclass(frozen=True, slots=True)
class FilePosition:
    """How far a file was read, whatever its name is by now."""

    number: int
    """Of the file, within its source."""
    path: str
    device: int
    inode: int
    begin: int = 0
    """Where reading begins again after a restart: no record lies across it."""
    skip: int = 0
    """Records from there on that are in the event log already."""
    is_lines: bool = False
    """Whether the content at `begin` is known to be lines."""
    end: int = 0
    """Bytes that were read, also those of a last line that has not ended."""
    mark: ContentMark = NOTHING_READ
    is_ended: bool = False
    """It was quiet for so long that its last line was taken as whole."""
    is_gone: bool = False
    """It is no longer looked for; its mark recognises copies of it."""
    looked: float = 0.0
    """When its end was last seen, epoch seconds."""
    changed: int = 0
    """When it was last written to, in nanoseconds since the epoch."""
    rotated_from: str | None = None
    """A path beside which files into which it was rotated since are to be looked for."""
    rotated_since: int = 0
    """When the last of them that is known was written to, in nanoseconds since the epoch."""

    @property
    def has_records(self) -> bool:
        """Whether a record of the file is in the event log. Until then another file that begins
        alike cannot be told from it, and nothing is lost or doubled where it is read anew."""
        return self.begin > 0 or self.skip > 0
