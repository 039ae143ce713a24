"""Measure what `breachdesk parse` costs: lines a second of one core, for each parser alone, with
its format named and detected, for all sources in turn, and the memory over a million lines.

    .venv/bin/python bench/parse.py
    .venv/bin/python bench/parse.py --lines 20000 --parser linux_sshd --profile
    .venv/bin/python bench/parse.py --memory 1000000
    .venv/bin/python bench/parse.py --liblognorm

The collector of garbage is set as in the process that reads. Lines are the parsers' own examples with other numbers and addresses, so that no cache helps more
than it does in service. Times are processor time of this process, which a busy machine stretches
less than wall time. `--liblognorm` reads the same sshd and netfilter lines with Debian's
lognormalizer, which gives raw fields only: no types, times, outcomes or ids."""

from __future__ import annotations

import argparse
import cProfile
import gc
import itertools
import pstats
import random
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from schemas.pipeline.plugin import Parser
from schemas.settings import Settings, SourceSettings
from streams.normalise.parse_lines import parse_lines, render_json
from streams.normalise.record_readers import InProcessReader
from streams.parser_loading import load_parsers
from streams.parser_process.child import COLLECTOR

ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
_ADDRESS = re.compile(rb"(?<![0-9.])(192\.0\.2|198\.51\.100|203\.0\.113)\.[0-9]{1,3}(?![0-9.])")
_PORT = re.compile(rb"(?<![0-9A-Za-z.:-])[1-9][0-9]{4}(?![0-9A-Za-z.:-])")
_RULES = """version=2
rule=:%date:date-rfc3164% %host:word% sshd[%pid:number%]: Failed password for %user:word% from %ip:ipv4% port %port:number% ssh2
rule=:%date:date-rfc3164% %host:word% sshd[%pid:number%]: Failed password for invalid user %user:word% from %ip:ipv4% port %port:number% ssh2
rule=:%date:date-rfc3164% %host:word% sshd[%pid:number%]: Accepted %method:word% for %user:word% from %ip:ipv4% port %port:number% ssh2%rest:rest%
"""


_SSHD = (
    b"Nov 22 01:06:15 web01 sshd[12]: Failed password for root from 203.0.113.66 port 40022 ssh2",
    b"Nov 22 01:06:16 web01 sshd[12]: Failed password for invalid user jo from 192.0.2.9 port 40022 ssh2",
    b"Nov 22 01:06:17 web01 sshd[12]: Accepted publickey for jo from 192.0.2.9 port 40022 ssh2",
)
"""Lines that the rules of lognormalizer read."""


def generate_lines(examples: Sequence[bytes], count: int, seed: int = 7) -> list[bytes]:
    """Generate lines of these shapes, each with other addresses and numbers."""
    draw = random.Random(seed)

    def change_address(match: re.Match[bytes]) -> bytes:
        return match[1] + b".%d" % draw.randint(1, 254)

    def change_port(_match: re.Match[bytes]) -> bytes:
        return b"%d" % draw.randint(10_000, 60_000)

    return [
        _PORT.sub(change_port, _ADDRESS.sub(change_address, example))
        for example in itertools.islice(itertools.cycle(examples), count)
    ]


def list_examples(parser: Parser) -> list[bytes]:
    """List the lines that this parser's settings need no field map for."""
    return [e.line.encode() for e in parser.examples if not e.field_map and "\n" not in e.line]


def measure(lines: Sequence[bytes], format_id: str) -> float:
    """Return lines a second of processor time."""
    source = SourceSettings(name="bench", parser=format_id, zone="UTC")
    reader = InProcessReader(Settings(data_dir=Path("unused"), sources=(source,)))
    documents = parse_lines(lines, reader=reader, source="bench", arrived=ARRIVED)
    gc.collect()
    begin = time.process_time()
    for document in documents:
        render_json(document)
    return len(lines) / (time.process_time() - begin)


def measure_parsers(parsers: Sequence[Parser], count: int) -> dict[str, list[bytes]]:
    """Print each parser's rates, and return its lines."""
    lines_of: dict[str, list[bytes]] = {}
    print(f"{'parser':28} {'named':>9} {'detected':>9} {'cost':>6}")
    for parser in parsers:
        examples = list_examples(parser)
        if not examples:
            continue
        lines = lines_of[parser.id] = generate_lines(examples, count)
        pairs = [(measure(lines, parser.id), measure(lines, "auto")) for _ in range(3)]
        named, detected = (max(rates) for rates in zip(*pairs, strict=True))
        print(f"{parser.id:28} {named:9,.0f} {detected:9,.0f} {named / detected - 1:6.0%}")
    return lines_of


def interleave(lines_of: dict[str, list[bytes]], count: int) -> list[bytes]:
    """Take one line of each format in turn."""
    in_turn = itertools.chain.from_iterable(zip(*lines_of.values(), strict=True))
    return list(itertools.islice(in_turn, count))


def measure_memory(lines: Sequence[bytes], count: int) -> None:
    """Print the peak memory before and after so many lines."""

    def repeat() -> Iterator[bytes]:
        return itertools.islice(itertools.cycle(lines), count)

    reader = InProcessReader(Settings(data_dir=Path("unused")))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    for document in parse_lines(repeat(), reader=reader, source="bench", arrived=ARRIVED):
        render_json(document)
    took = time.process_time() - begin
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{count:,} lines, {count / took:,.0f} a second; peak {after / 1024:,.0f} MiB,")
    print(f"{(after - before) / 1024:,.1f} MiB more than before the first line")


def measure_liblognorm(lines: Sequence[bytes]) -> None:
    """Print the rate of Debian's lognormalizer (liblognorm-utils) on the same lines."""
    program = shutil.which("lognormalizer")
    if program is None:
        print("lognormalizer is missing: apt-get install liblognorm-utils")
        return
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.rb"
        rules.write_text(_RULES, encoding="ascii")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.run(
            [program, "-r", str(rules), "-e", "json"],
            input=b"\n".join(lines) + b"\n",
            capture_output=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    understood = process.stdout.count(b"\n") - process.stdout.count(b"unparsed-data")
    print(f"lognormalizer {len(lines) / took:,.0f} a second, {understood:,} of {len(lines):,} read")


def main() -> None:
    """Measure what the options ask for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--lines", type=int, default=4_000)
    arguments.add_argument("--parser", default="")
    arguments.add_argument("--memory", type=int, default=0)
    arguments.add_argument("--profile", action="store_true")
    arguments.add_argument("--liblognorm", action="store_true")
    options = arguments.parse_args()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)
    parsers = [p for p in load_parsers().values() if options.parser in ("", p.id)]
    examples = {p.id: list_examples(p) for p in parsers}
    if options.profile:
        lines = generate_lines([e for each in examples.values() for e in each], options.lines)
        profile = cProfile.Profile()
        profile.runcall(measure, lines, "auto")
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
        return
    if options.liblognorm:
        measure_liblognorm(generate_lines(_SSHD, 100_000))
        print(f"breachdesk {measure(generate_lines(_SSHD, 20_000), 'auto'):,.0f} a second")
        return
    if options.memory:
        mixed = generate_lines([e for each in examples.values() for e in each], 20_000)
        measure_memory(mixed, options.memory)
        return
    lines_of = measure_parsers(parsers, options.lines)
    mixed = interleave(lines_of, 10 * options.lines)
    rate = max(measure(mixed, "auto") for _ in range(3))
    print(f"{'all in turn':28} {'':9} {rate:9,.0f}")


if __name__ == "__main__":
    main()
