"""Load the parsers: one file or package each in `streams/parsers`, and those that the settings name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence

from schemas.errors import ConfigurationError
from schemas.pipeline.plugin import Parser, load_plugins


def load_parsers(named: Sequence[str] = ()) -> Mapping[str, Parser]:
    """Load parsers by id. `named`: further ones as `module:attribute`.

    Raises ConfigurationError for a name that leads to no parser, or to one with an id that is
    taken."""
    parsers: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
    for name in named:
        parser = _load_named(name)
        if parser.id in parsers:
            raise ConfigurationError(
                f"there is a parser {parser.id} already", place=name, remedy="Give it another id."
            )
        parsers[parser.id] = parser
    return parsers


def _load_named(name: str) -> Parser:
    module, _, attribute = name.partition(":")
    try:
        parser = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"no parser is there ({type(error).__name__})",
            place=f"reading.parsers, {name}",
            remedy="Name it module:attribute, as Python imports it.",
        ) from error
    if not isinstance(parser, Parser):
        raise ConfigurationError(
            "this is no schemas.pipeline.plugin.Parser",
            place=f"reading.parsers, {name}",
            remedy="Name a constant that holds one.",
        )
    return parser
