"""One tree of errors, branched by what the caller should do.

    BreachDeskError
    ├── UnparseableRecord       a record cannot be read → dead letter; replay once a parser is mended
    ├── BadInput                a file, form or value is wrong → show place and remedy, change nothing
    │   └── IncompleteDocument  a document lacks mandatory parts → show every one of them
    ├── ConfigurationError      settings or profile are wrong → stop before starting (exit 2)
    ├── NotAllowed              a rule forbids it (four eyes, state, role) → explain
    │   └── NotProven           who asks did not prove who they are → count the try, explain
    ├── EditConflict            somebody changed it meanwhile → reload and look again
    ├── NotFound                there is no such thing → list what there is
    ├── RetryableError          something outside failed → try again later (exit 3)
    └── CorruptData             stored data contradicts itself → stop, loudly, and name the remedy

Messages name the place and the remedy and never carry personal data.
"""

from __future__ import annotations


class BreachDeskError(Exception):
    """What went wrong, where, and what to do about it."""

    exit_code = 1

    def __init__(self, problem: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        stop = "" if self.problem.endswith((".", "?", "!")) else "."
        then = f" {self.remedy}" if self.remedy else ""
        return f"{where}{self.problem}{stop}{then}"


class UnparseableRecord(BreachDeskError):
    """A record that no parser, or its own parser, can read."""


class BadInput(BreachDeskError):
    """A file, form or argument that cannot be accepted as it is."""


class IncompleteDocument(BadInput):
    """A document that lacks mandatory parts: {part: what is missing}, all of them at once."""

    def __init__(
        self, missing: dict[str, str], *, place: str = "", remedy: str = "Fill them in."
    ) -> None:
        lines = "; ".join(f"{part}: {why}" for part, why in missing.items())
        super().__init__(f"{lines}.", place=place, remedy=remedy)
        self.missing = missing


class ConfigurationError(BreachDeskError):
    """Settings or a provider profile that cannot work."""

    exit_code = 2


class NotAllowed(BreachDeskError):
    """A rule of BreachDesk forbids this act, by this person or in this state."""


class NotProven(NotAllowed):
    """A password or a code is wrong or was used before."""


class EditConflict(BreachDeskError):
    """Somebody else changed it since it was read."""


class NotFound(BreachDeskError):
    """No such alert, case, customer, source or file."""


class RetryableError(BreachDeskError):
    """Something outside (a server, a disk, a lock) failed; the same call may succeed later."""

    exit_code = 3


class CorruptData(BreachDeskError):
    """Stored data contradicts itself; nothing may go on until a person has looked."""
