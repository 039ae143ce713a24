"""A parser is found by its hints in any shipper's JSON, however often that escapes them."""

from __future__ import annotations

import json

import pytest

from schemas.pipeline.plugin import Parser, load_plugins
from streams.normalise.hint_scan import HintScan

PARSERS: dict[str, Parser] = dict(load_plugins("streams.parsers", "PARSER"))
SCAN = HintScan(PARSERS)


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_a_hint_is_found_in_json_inside_json(name: str) -> None:
    for hint in PARSERS[name].hints:
        once = json.dumps({"message": f"x{hint.decode('latin-1')}x"})
        twice = json.dumps({"log": once})
        escaped = twice.replace("<", "\\u003c").replace(">", "\\u003E").replace("&", "\\u0026")

        for text in (once, twice, escaped):
            assert PARSERS[name] in SCAN.get_parsers(SCAN.find(text.encode()))
