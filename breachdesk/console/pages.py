"""The template environment: autoescaped, strict, with the product's words and times."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup, escape

from breachdesk.console import charts, words
from breachdesk.console.findings import findings
from breachdesk.console.house import House
from breachdesk.console.local_times import in_zone
from breachdesk.console.times import Times, age, span
from breachdesk.ports import UnitOfWork
from schemas.customer import PROVIDER
from schemas.errors import Misconfigured
from schemas.signs import hidden_in, shown, shown_in_line

STATIC = Path(__file__).parent / "static"


class Pages:
    """Renders templates/console of one house."""

    def __init__(self, house: House) -> None:
        folder = house.templates_dir / "console"
        if not (folder / "layout.html").is_file():
            raise Misconfigured(
                "the console's pages are not there",
                place=str(folder),
                remedy="Keep a copy of templates/console beside your own notices.",
            )
        self.times = Times(house.settings.profile.zone)
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_put_out,
        )
        self._environment.globals.update(self._globals(house))
        self._environment.filters.update(self._filters())

    def render(self, template: str, **words_: Any) -> str:
        """The page's HTML."""
        return self._environment.get_template(template).render(**words_)

    def _globals(self, house: House) -> dict[str, Any]:
        return {
            "words": words,
            "findings": findings,
            "charts": charts,
            "settings": house.settings,
            "profile": house.settings.profile,
            "asset_version": _version(),
            "zone": house.settings.profile.zone,
        }

    def _filters(self) -> dict[str, Any]:
        times = self.times
        return {
            "long": times.long,
            "full": times.full,
            "short": times.short,
            "second": times.second,
            "minute": times.minute,
            "day": times.day,
            "typed": times.typed,
            "local": lambda text: in_zone(text, times.zone),
            "age": age,
            "span": span,
            "number": words.number,
            "figure": lambda n: f"{n:,}",
            "capital": words.capital,
            "listed": lambda parts: words.listed(list(parts)),
            "line": shown_in_line,
            "exact": _exact,
        }


def _put_out(value: Any) -> Any:
    """Every value that a page puts out, in text and attributes alike: hidden characters shown."""
    if value is None or isinstance(value, Undefined | int | float):
        return value
    if hasattr(value, "__html__"):
        # Escaped before, and `shown` adds no sign of HTML.
        return Markup(shown(value.__html__()))  # noqa: S704
    return shown(str(value))


def _exact(value: str) -> Markup:
    """For a form's value that nobody reads: hidden characters as references, so that what comes
    back is what was stored."""
    return Markup(  # noqa: S704 - each character is a reference, or escaped
        "".join(f"&#{ord(sign)};" if hidden_in(sign) else escape(sign) for sign in value)
    )


def customer_names(
    uow: UnitOfWork, customer_ids: Iterable[str | None] | None = None
) -> dict[str, str]:
    """Names by id, for pages that show these ids (None: every customer); the provider itself is
    `ourselves`."""
    every = uow.customers.ids() if customer_ids is None else customer_ids
    wanted = {each for each in every if each is not None} - {PROVIDER}
    names = uow.customers.names(wanted) if wanted else {}
    return {PROVIDER: "ourselves"} | {each: shown_in_line(name) for each, name in names.items()}


def _version() -> str:
    """Changes with the style sheet and the script, so that browsers may keep them."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
