"""The template environment: autoescaped, strict, with the product's words and times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup, escape

from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.console.views import charts, labels
from breachdesk.console.views.local_times import convert_to_zone
from breachdesk.console.views.text_findings import collect_findings
from breachdesk.console.views.times import TimeFormatter, format_age, format_span
from breachdesk.gdpr.regulators import list_applicable
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER
from schemas.errors import ConfigurationError
from schemas.text_signs import list_hidden, mark_hidden, mark_hidden_in_line

STATIC = Path(__file__).parents[1] / "static"


class PageRenderer:
    """Render the templates of the console with one set of settings."""

    def __init__(self, dependencies: ConsoleDependencies) -> None:
        folder = dependencies.templates_dir / "console"
        if not (folder / "layout.html").is_file():
            raise ConfigurationError(
                "the console's pages are not there",
                place=str(folder),
                remedy="Keep a copy of templates/console next to your own notices.",
            )
        self.times = TimeFormatter(dependencies.settings.profile.zone)
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_format_output,
        )
        self._environment.globals.update(self._build_globals(dependencies))
        self._environment.filters.update(self._build_filters())

    def render(self, template: str, **words_: Any) -> str:
        """The page's HTML."""
        return self._environment.get_template(template).render(**words_)

    def _build_globals(self, dependencies: ConsoleDependencies) -> dict[str, Any]:
        return {
            "words": labels,
            "findings": collect_findings,
            "charts": charts,
            "settings": dependencies.settings,
            "jurisdictions": list_applicable(dependencies.settings.jurisdictions),
            "profile": dependencies.settings.profile,
            "asset_version": _compute_asset_version(),
            "zone": dependencies.settings.profile.zone,
        }

    def _build_filters(self) -> dict[str, Any]:
        times = self.times
        return {
            "long": times.format_long,
            "full": times.format_full,
            "short": times.format_short,
            "second": times.format_second,
            "minute": times.format_minute,
            "day": times.format_day,
            "typed": times.format_for_form,
            "local": lambda text: convert_to_zone(text, times.zone),
            "age": format_age,
            "span": format_span,
            "number": labels.format_number,
            "figure": lambda n: f"{n:,}",
            "capital": labels.capitalise,
            "listed": lambda parts: labels.join_words(list(parts)),
            "line": mark_hidden_in_line,
            "exact": _escape_exactly,
        }


def _format_output(value: Any) -> Any:
    """Every value that a page puts out, in text and attributes alike: hidden characters shown."""
    if value is None or isinstance(value, Undefined | int | float):
        return value
    if hasattr(value, "__html__"):
        # Escaped before, and `shown` adds no sign of HTML.
        return Markup(mark_hidden(value.__html__()))  # noqa: S704
    return mark_hidden(str(value))


def _escape_exactly(value: str) -> Markup:
    """For a form's value that nobody reads: hidden characters as references, so that what comes
    back is what was stored."""
    return Markup(  # noqa: S704 - each character is a reference, or escaped
        "".join(f"&#{ord(sign)};" if list_hidden(sign) else escape(sign) for sign in value)
    )


def get_customer_names(
    uow: UnitOfWork, customer_ids: Iterable[str | None] | None = None
) -> dict[str, str]:
    """Names by id, for pages that show these ids (None: every customer); the provider itself is
    `ourselves`."""
    every = uow.customers.list_ids() if customer_ids is None else customer_ids
    ids = {each for each in every if each is not None} - {PROVIDER}
    names = uow.customers.get_names(ids) if ids else {}
    return {PROVIDER: "ourselves"} | {
        each: mark_hidden_in_line(name) for each, name in names.items()
    }


def _compute_asset_version() -> str:
    """Changes with the style sheet and the script, so that browsers may keep them."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
