"""Print docs/reference/sources.md from the parsers and from what docs/sources says of each.

Renew the page: python tests/sources_page.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from parsing import parse

from schemas.errors import UnparseableRecord
from schemas.pipeline.plugin import ParsedEvent, Parser, load_plugins

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, TEXTS = DOCS / "reference" / "sources.md", DOCS / "sources"
COMMAND = "python tests/sources_page.py"
PARSERS: Mapping[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
OF_EVERY_EVENT = {"event.category", "event.type", "event.action", "event.outcome", "event.dataset"}
HEAD = f"""# Sources

This page is printed from the parsers (`streams/parsers`) and from the texts in `docs/sources`; a test compares them. Renew it with
`{COMMAND}`.

Each source, how to send it, what is read of it and what is not. `breachdesk parse --format auto` recognises them by themselves; a source's
`parser` setting names one. [Feed your own logs](../howto/feed-your-own-logs.md) says how lines reach BreachDesk, and the zone of a source
is that of stamps without one. *Acts* and *Fields* are those of the parser's own examples: a line gives the fields that it states, and
no others.

**Vendors without public samples.** Nothing of Comodo (Xcitium) and Acronis was tried, because no sample of their records is public. Send their
records as CEF ([generic_cef](#generic_cef)), as JSON ([generic_json](#generic_json)) or as key=value lines ([generic_key_value](#generic_key_value)),
and name their keys under `fields` of the source. Look at the first records with `breachdesk parse --explain`."""


def render_page() -> str:
    """The whole page, with a newline at its end."""
    titles = sorted((parser.title.casefold(), parser.title, id_) for id_, parser in PARSERS.items())
    rows = [f"| [{title}](#{id_}) | `{id_}` |" for _, title, id_ in titles]
    table = "\n".join(("| source | parser |", "|---|---|", *rows))
    sections = ["\n\n".join(describe(PARSERS[id_])) for id_ in sorted(PARSERS)]
    return "\n\n".join((HEAD, table, *sections)) + "\n"


def describe(parser: Parser) -> Iterator[str]:
    """The parts of one source's section."""
    events = list(parse_examples(parser))
    yield f"## {parser.id}"
    yield f"{parser.title}."
    yield (TEXTS / f"{parser.id}.md").read_text(encoding="utf-8").strip()
    acts = {f"{event.fields.get('event.action')}" for event in events}
    outcomes: dict[str, set[str]] = {act: set() for act in acts}
    for event in events:
        outcomes[f"{event.fields.get('event.action')}"].add(f"{event.fields['event.outcome']}")
    yield "*Acts:* " + "; ".join(
        f"`{act}` ({', '.join(sorted(outcomes[act]))})" for act in sorted(acts)
    )
    names = {name for event in events for name in event.fields} - OF_EVERY_EVENT
    yield "*Fields:* " + ", ".join(f"`{name}`" for name in sorted(names))


def parse_examples(parser: Parser) -> Iterator[ParsedEvent]:
    """The events of the parser's own examples."""
    for example in parser.examples:
        try:
            result = parse(parser, example.line, field_map=example.field_map)
        except UnparseableRecord:
            continue
        if isinstance(result, ParsedEvent):
            yield result


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
