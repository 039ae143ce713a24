"""Read rule files as YAML documents, and refuse hostile files before they cost much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from sigma.rule.base import SigmaYAMLLoader

from schemas.errors import BadInput

MEND = "Mend the rule, or leave the file out."
SPLIT = "Split it into several files."
LARGEST_FILE = 16 * 1024 * 1024
"""Bytes; all 3,864 files of SigmaHQ together have 6 MiB."""
MOST_NODES = 500_000
"""Values of a file, with aliases expanded."""
DEEPEST = 40
"""Levels. The parser of YAML itself ends the process for tens of thousands."""


def read_documents(file: Path) -> list[Any]:
    """Read the documents, empty ones as None. Raises BadInput naming the file for what is no YAML,
    no mapping, too large or too deep."""
    if file.stat().st_size > LARGEST_FILE:
        raise BadInput("larger than 16 MiB.", place=str(file), remedy=SPLIT)
    data = file.read_bytes()
    try:
        _check_shape(data, file)
        documents = list(yaml.load_all(data, SigmaYAMLLoader))
    except yaml.YAMLError as wrong:
        words = " ".join(str(wrong).split())[:200]
        raise BadInput(f"no YAML: {words}.", place=str(file), remedy=MEND) from wrong
    except UnicodeDecodeError as wrong:
        raise BadInput("not UTF-8.", place=str(file), remedy=MEND) from wrong
    for number, document in enumerate(documents, start=1):
        _check_document(document, f"{file}, document {number}")
    return documents


def _check_shape(data: bytes, file: Path) -> None:
    """Count levels and values without building any of them."""
    sizes: dict[str | None, int] = {}
    """Values that an alias may expand to."""
    nested: list[tuple[str | None, int]] = [(None, 0)]
    for event in yaml.parse(data, yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            nested.append((event.anchor, 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            name, size = nested.pop()
            sizes[name] = size
            nested[-1] = (nested[-1][0], nested[-1][1] + size)
        elif isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            size = sizes.get(event.anchor, 1) if isinstance(event, yaml.AliasEvent) else 1
            nested[-1] = (nested[-1][0], nested[-1][1] + size)
        if len(nested) > DEEPEST:
            raise BadInput(f"nested deeper than {DEEPEST} levels.", place=str(file), remedy=MEND)
        if nested[-1][1] > MOST_NODES:
            raise BadInput(f"more than {MOST_NODES:,} values.", place=str(file), remedy=SPLIT)


def _check_document(document: Any, place: str) -> None:
    if document is None:
        return
    if not isinstance(document, dict):
        raise BadInput("no mapping.", place=place, remedy=MEND)
    if "filter" in document:
        raise BadInput("Sigma filters are not supported.", place=place, remedy=MEND)
