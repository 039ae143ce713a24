"""Load templates from one folder only; an error in a template names its line."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import BaseLoader, Environment, TemplateError, TemplateSyntaxError
from jinja2.exceptions import TemplateNotFound

from notifiers.letters.formatting import (
    format_day,
    format_moment,
    format_plain_day,
    format_sentence,
    format_series,
)
from notifiers.letters.template_limits import BoundedEnvironment, count_usage
from schemas.errors import BadInput, ConfigurationError
from schemas.text_signs import mark_hidden

FAULTS = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""Whatever a template can raise while it is read, compiled and filled."""


class FolderLoader(BaseLoader):
    """Reads from below its folder; a name or a link that leads out is refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def get_source(
        self,
        environment: Environment,  # noqa: ARG002 - jinja2's signature
        template: str,
    ) -> tuple[str, str, Callable[[], bool]]:
        """Raises BadInput for a name that leaves the folder, TemplateNotFound for none there."""
        file = self.get_path(template)
        if not file.is_file():
            raise TemplateNotFound(template)
        changed = file.stat().st_mtime_ns
        text = file.read_text(encoding="utf-8")
        return text, str(file), lambda: file.is_file() and file.stat().st_mtime_ns == changed

    def get_path(self, name: str) -> Path:
        """Return the path of that file. Raises BadInput if it is outside the folder."""
        file = (self._folder / name).resolve()
        if not file.is_relative_to(self._folder):
            raise BadInput(
                "a template may not lie outside the templates folder",
                place=name,
                remedy="Copy it into the folder.",
            )
        return file

    def get_name(self, file: str) -> str:
        """Return `notices/en-GB/…`, for messages that must not show a path of this machine."""
        path = Path(file)
        inside = path.is_relative_to(self._folder)
        return path.relative_to(self._folder).as_posix() if inside else ""


class TemplateFolder:
    """Plain text and HTML made of the same templates; HTML escapes whatever it is given."""

    def __init__(self, folder: Path, zone: str) -> None:
        """Raises ConfigurationError for a folder that is not there or an unknown zone."""
        if not folder.is_dir():
            raise ConfigurationError(
                "no templates folder", place=str(folder), remedy="Set templates_dir."
            )
        self.loader = FolderLoader(folder)
        self.zone = _get_zone(zone)
        self._plain = self._build_environment(mark_hidden, autoescape=False)
        self._html = self._build_environment(mark_hidden, autoescape=True)
        self._data = self._build_environment(str, autoescape=False)

    def has(self, name: str) -> bool:
        """Whether the template or file exists."""
        return self.loader.get_path(name).is_file()

    def render_template(self, name: str, context: Mapping[str, Any]) -> str:
        """Raises BadInput naming template, line and what is wrong there."""
        environment = self._get_environment(name)
        try:
            with count_usage():
                return environment.get_template(name).render(context)
        except TemplateSyntaxError as wrong:
            raise self._build_error(wrong.name or name, wrong.lineno, str(wrong.message)) from None
        except TemplateNotFound as wrong:
            raise self._build_error(name, 0, f"there is no template {wrong.name}") from None
        except FAULTS as wrong:
            inside, line = self._find_place(wrong, name)
            raise self._build_error(inside, line, _describe_error(wrong)) from None

    def _get_environment(self, name: str) -> Environment:
        """Return the environment for the file: HTML escapes; data keeps every character; all else
        shows hidden characters."""
        if name.endswith(".json.j2"):
            return self._data
        return self._html if name.endswith(".html.j2") else self._plain

    def _build_environment(self, show: Callable[[str], str], *, autoescape: bool) -> Environment:
        environment = BoundedEnvironment(self.loader, show, autoescape=autoescape)
        environment.filters |= {
            "moment": partial(format_moment, zone=self.zone),
            "day": format_day,
            "plain_day": format_plain_day,
            "sentence": format_sentence,
            "series": format_series,
            "instant": lambda value: value and value.isoformat(),
        }
        environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
        return environment

    def _find_place(self, wrong: Exception, name: str) -> tuple[str, int]:
        for frame in reversed(traceback.extract_tb(wrong.__traceback__)):
            inside = self.loader.get_name(frame.filename)
            if inside:
                return inside, frame.lineno or 0
        return name, 0

    def _build_error(self, name: str, line: int, problem: str) -> BadInput:
        place = f"template {name}, line {line}" if line else f"template {name}"
        return BadInput(problem, place=place, remedy="Mend the template; no letter was made.")


def _describe_error(wrong: Exception) -> str:
    """Describe the error in Jinja's words only if it names variables and types; other errors may
    quote a value."""
    if isinstance(wrong, TemplateError):
        return str(wrong.message or type(wrong).__name__)
    return f"{type(wrong).__name__} while it was filled in"


def _get_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as wrong:
        raise ConfigurationError(
            f"no time zone {name!r}", place="profile: zone", remedy="For example Europe/London."
        ) from wrong
