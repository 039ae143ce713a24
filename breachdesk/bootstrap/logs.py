"""Structured logs: our own lines and those of the libraries, as JSON or for people.

A line says what happened, where, and in which batch, request or attempt. It never carries personal
data, a record's content or what an unknown exception says of itself: an exception is its class and
place, a key that may name a person is withheld, bytes are a length, an address is `(address)`.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from datetime import date
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

from breachdesk.bootstrap import trace_ids
from schemas.errors import BreachDeskError
from schemas.settings import OpsSettings
from schemas.signs import shown_in_line

Say = Callable[[str], None]
WITHHELD = "(withheld)"
PERSONAL = re.compile(
    r"(^|_)(address|body|client|contact|content|cookie|customer|email|entity|entities|html|ip|letter"
    r"|mail|message|name|password|payload|person|phone|raw|recipient|record|records|sample|secret"
    r"|subject|text|to|token|url|user|username|value|values)$"
)
"""Keys whose values may be, or tell of, a person. `event` is the line itself."""
COUNTED = re.compile(r"(records?|letter|message|values?|entities)$")
"""Of these, a number is a count."""
ADDRESS = re.compile(r"[^\s<>\"'@]+@[^\s<>\"'@]+\.[^\s<>\"'@]+")
SHOWN_OBJECT = re.compile(r"[\n<(\[{'\"]")
"""Where the text of an object begins."""
LOUD = {
    "aiosmtplib": logging.WARNING,
    "alembic": logging.WARNING,
    "asyncio": logging.INFO,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "kafka": logging.WARNING,
    "aiokafka": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "multipart": logging.WARNING,
    "python_multipart": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
"""Libraries that write statements, records or secrets below these levels, or a line for every
connection they make; whatever is asked."""
WITH_HANDLERS = ("uvicorn", "uvicorn.access", "uvicorn.error")
"""They would keep their lines to themselves, or be off, once somebody configured them before."""
MARK = "_breachdesk"

Line = MutableMapping[str, Any]


class Shown(str):
    """Stands for what must not be shown, also where a library asks for its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def set_up_logs(ops: OpsSettings, stream: TextIO | None = None) -> None:
    """Everything of this process goes to `stream` (default: stderr), at `ops.log_level` and up.
    A second call takes the place of the first."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter(ops))
    # Not the root's alone: Faust sets that one to DEBUG.
    handler.setLevel(ops.log_level.upper())
    handler.addFilter(_without_contents)
    setattr(handler, MARK, True)
    root = logging.getLogger()
    root.handlers = [*(h for h in root.handlers if not hasattr(h, MARK)), handler]
    root.setLevel(ops.log_level.upper())
    for name, level in LOUD.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    for name in WITH_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate, logger.disabled = True, False
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def for_faust() -> dict[str, Any]:
    """What `app.conf` needs so that Faust, which clears the root's handlers, keeps ours only."""
    ours = [each for each in logging.getLogger().handlers if hasattr(each, MARK)]
    kept = {"version": 1, "disable_existing_loggers": False}
    return {"logging_config": kept, "loghandlers": ours}


def spoken(ops: OpsSettings, say: Say) -> Say:
    """What a command tells its operator: as JSON lines where logs are, else as it was."""
    if ops.log_format != "json":
        return say
    said: Say = structlog.stdlib.get_logger("breachdesk").info
    return said


def withheld(_: Any, __: str, line: Line) -> Line:
    """Nothing personal, nothing of unknown kind, whoever logged it."""
    for key in list(line):
        if not key.startswith("_"):
            line[key] = _plain(key, line[key])
    return line


def described(error: BaseException) -> str:
    """A sentence of ours, else class and place: an unknown exception may quote anything."""
    if isinstance(error, BreachDeskError):
        return f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _formatter(ops: OpsSettings) -> ProcessorFormatter:
    shown: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if ops.log_format == "console":
        shown = structlog.dev.ConsoleRenderer(colors=False)
    return ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[ProcessorFormatter.remove_processors_meta, shown],
        keep_exc_info=False,
    )


def _shared() -> list[structlog.typing.Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _traced,
        _raised,
        withheld,
    ]


def _traced(_: Any, __: str, line: Line) -> Line:
    for key, value in trace_ids.current().items():
        line.setdefault(key, value)
    return line


def _raised(_: Any, __: str, line: Line) -> Line:
    """`exc_info` becomes `exception`: class and place."""
    given = line.pop("exc_info", None)
    line.pop("stack_info", None)
    if isinstance(given, tuple):
        given = given[1]
    elif given and not isinstance(given, BaseException):
        given = sys.exception()
    if isinstance(given, BaseException):
        line["exception"] = described(given)
    return line


def _without_contents(record: logging.LogRecord) -> bool:
    """Before a library's own `%` formatting: exceptions and bytes among its arguments."""
    if isinstance(record.msg, BaseException):
        record.msg, record.args = described(record.msg), ()
    elif record.name == "asyncio":
        record.msg, record.args = _sentence(record.getMessage()), ()
    if isinstance(record.args, tuple):
        record.args = tuple(_argument(each) for each in record.args)
    elif isinstance(record.args, dict):
        record.args = {key: _argument(each) for key, each in record.args.items()}
    record.stack_info = None
    return True


def _sentence(text: str) -> str:
    """Without what asyncio writes behind it: tasks and callbacks, with whatever these hold."""
    return SHOWN_OBJECT.split(text, maxsplit=1)[0].rstrip(" :.")


def _argument(value: object) -> object:
    if isinstance(value, BaseException):
        return Shown(described(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return Shown(f"({len(value)} bytes)")
    return value


def _plain(key: str, value: Any) -> Any:
    is_number = value is None or isinstance(value, bool | int | float)
    if key not in ("event", "logger") and PERSONAL.search(key.lower()):
        return value if is_number and COUNTED.search(key.lower()) else WITHHELD
    return value if is_number else _told(value)


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return shown_in_line(ADDRESS.sub("(address)", value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(inner): _plain(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain("", each) for each in value]
    shown = _argument(value)
    return shown if isinstance(shown, str) else f"({type(value).__name__})"
