"""Write structured logs, our own and those of the libraries, as JSON or for people.

A line says what happened, where, and in which batch, request or attempt. It never contains personal
data, a record's content or the message of an unknown exception: an exception is its class and
place, a key that may name a person is withheld, bytes are a length, an address is `(address)`."""

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

from breachdesk.bootstrap.observability import trace_ids
from schemas.errors import BreachDeskError
from schemas.settings import OpsSettings
from schemas.text_signs import mark_hidden_in_line

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
    "msal": logging.WARNING,
    "aiokafka": logging.WARNING,
    "faust": logging.WARNING,
    "mode": logging.WARNING,
    "multipart": logging.WARNING,
    "python_multipart": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "urllib3": logging.WARNING,
    "uvicorn.access": logging.WARNING,
}
"""Libraries that write statements, records or secrets below these levels, or a line for every
connection they make; whatever is asked."""
WITH_HANDLERS = ("uvicorn", "uvicorn.access", "uvicorn.error")
"""They would keep their lines to themselves, or be off, once somebody configured them before."""
MARK = "_breachdesk"

Line = MutableMapping[str, Any]


class RedactedText(str):
    """Placeholder for what must not be shown, also where a library asks for its repr."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def set_up_logs(ops: OpsSettings, stream: TextIO | None = None) -> None:
    """Write all logs of this process to `stream` (default: stderr), at `ops.log_level` and up. A
    second call replaces the first."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_build_formatter(ops))
    # Not the root's alone: Faust sets that one to DEBUG.
    handler.setLevel(ops.log_level.upper())
    handler.addFilter(_redact_arguments)
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
            *_list_shared_processors(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def build_faust_config() -> dict[str, Any]:
    """Build what `app.conf` needs so that Faust, which clears the root's handlers, keeps ours
    only."""
    ours = [each for each in logging.getLogger().handlers if hasattr(each, MARK)]
    handler = {"version": 1, "disable_existing_loggers": False}
    return {"logging_config": handler, "loghandlers": ours}


def choose_printer(ops: OpsSettings, say: Say) -> Say:
    """Choose how a command prints to its operator: as JSON lines where logs are JSON, else with
    `say`."""
    if ops.log_format != "json":
        return say
    text: Say = structlog.stdlib.get_logger("breachdesk").info
    return text


def redact_line(_: Any, __: str, line: Line) -> Line:
    """Redact personal data and values of unknown types, whoever logged them."""
    for key in list(line):
        if not key.startswith("_"):
            line[key] = _redact_field(key, line[key])
    return line


def describe_error(error: BaseException) -> str:
    """Describe our own errors by their message, others by class and place: an unknown exception may
    quote anything."""
    if isinstance(error, BreachDeskError):
        return f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _build_formatter(ops: OpsSettings) -> ProcessorFormatter:
    shown: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if ops.log_format == "console":
        shown = structlog.dev.ConsoleRenderer(colors=False)
    return ProcessorFormatter(
        foreign_pre_chain=_list_shared_processors(),
        processors=[ProcessorFormatter.remove_processors_meta, shown],
        keep_exc_info=False,
    )


def _list_shared_processors() -> list[structlog.typing.Processor]:
    return [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _add_trace_ids,
        _replace_exc_info,
        redact_line,
    ]


def _add_trace_ids(_: Any, __: str, line: Line) -> Line:
    for key, value in trace_ids.get_trace_ids().items():
        line.setdefault(key, value)
    return line


def _replace_exc_info(_: Any, __: str, line: Line) -> Line:
    """Replace `exc_info` by `exception`: class and place."""
    exc_info = line.pop("exc_info", None)
    line.pop("stack_info", None)
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    elif exc_info and not isinstance(exc_info, BaseException):
        exc_info = sys.exception()
    if isinstance(exc_info, BaseException):
        line["exception"] = describe_error(exc_info)
    return line


def _redact_arguments(record: logging.LogRecord) -> bool:
    """Redact exceptions and bytes among the arguments before a library's own `%` formatting."""
    if isinstance(record.msg, BaseException):
        record.msg, record.args = describe_error(record.msg), ()
    elif record.name == "asyncio":
        record.msg, record.args = _extract_sentence(record.getMessage()), ()
    if isinstance(record.args, tuple):
        record.args = tuple(_redact_argument(each) for each in record.args)
    elif isinstance(record.args, dict):
        record.args = {key: _redact_argument(each) for key, each in record.args.items()}
    record.stack_info = None
    return True


def _extract_sentence(text: str) -> str:
    """Extract the sentence without asyncio's tasks and callbacks, which may contain anything."""
    return SHOWN_OBJECT.split(text, maxsplit=1)[0].rstrip(" :.")


def _redact_argument(value: object) -> object:
    if isinstance(value, BaseException):
        return RedactedText(describe_error(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return RedactedText(f"({len(value)} bytes)")
    return value


def _redact_field(key: str, value: Any) -> Any:
    is_number = value is None or isinstance(value, bool | int | float)
    if key not in ("event", "logger") and PERSONAL.search(key.lower()):
        return value if is_number and COUNTED.search(key.lower()) else WITHHELD
    return value if is_number else _redact_value(value)


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        return mark_hidden_in_line(ADDRESS.sub("(address)", value))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(inner): _redact_field(str(inner), each) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_field("", each) for each in value]
    shown = _redact_argument(value)
    return shown if isinstance(shown, str) else f"({type(value).__name__})"
