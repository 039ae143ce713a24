"""Two source trees normalise the same records in turn: processor time a record, and equal results.

    .venv/bin/python bench/normalise.py /path/to/tree-a /path/to/tree-b
    .venv/bin/python bench/normalise.py /path/to/tree-a /path/to/tree-b --compare

Each tree runs in a process of its own, with its own environment. The trees alternate slice by slice
(A B, B A, …), so that a busy machine slows both; read the median of the paired ratios. No slice
comes twice in a run: caches are as cold as they are in service. `--compare` says instead whether
both trees make the same events, dead letters and counts of the same records, mutated ones among
them.

Stages: `read` recognises and parses in the same process; `normalise` also makes events and counts;
`service` does the same through the parser process, and counts the processor time of both;
`encode` and `decode` are the journal's frames.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

SLICE = 2_500
STAGES = ("read", "normalise", "service", "encode", "decode")
CORPORA = ("raw", "ecs")
MUTATIONS = 4
"""Further copies of each record, changed at random, that are compared."""

Row = tuple[str, bytes, datetime]
"""Source, raw bytes, arrival."""


def build_raw_rows(count: int) -> tuple[list[Row], dict[str, Any]]:
    """The demo's mixed lines of several seeds, and what its register and settings say."""
    from bench.kafka_corpora import generate_raw_rows as mixed

    rows = [(row.source, row.value, row.arrived) for row in mixed(count)]
    return [(source, raw, at) for source, raw, at in rows if at is not None], build_demo_register()


def build_ecs_rows(count: int) -> tuple[list[Row], dict[str, Any]]:
    """ECS JSON of five thousand users, at a hundred a second."""
    from bench.kafka_corpora import FIRST_DAY
    from bench.kafka_corpora import generate_ecs_rows as ecs

    begin = datetime.fromisoformat(f"{FIRST_DAY}T00:00:00+00:00")
    rows = [
        (row.source, row.value, row.arrived) for row in ecs(count, begin=begin, per_second=100.0)
    ]
    return [(source, raw, at) for source, raw, at in rows if at is not None], build_demo_register()


def build_demo_register() -> dict[str, Any]:
    """Bindings and sources of the demo, as plain values that any tree can load."""
    from bench.kafka_corpora import FIRST_DAY
    from breachdesk.bootstrap.container import Container
    from breachdesk.demo.feed import import_registers
    from breachdesk.demo.lines import build_lines
    from breachdesk.demo.setup import DemoClock, build_settings

    demo_lines = build_lines(seed=0, start=FIRST_DAY)
    clock = DemoClock(datetime.fromisoformat(f"{FIRST_DAY}T00:00:00+00:00"))
    with tempfile.TemporaryDirectory() as folder:
        with Container(build_settings(Path(folder), demo_lines, port=0), clock) as container:
            import_registers(container, demo_lines)
            bindings = container.store.read(lambda uow: list(uow.customers.list_bindings()))
        return {
            "bindings": [each.model_dump(mode="json") for each in bindings],
            "sources": [
                each.model_dump(mode="json", exclude_defaults=True) for each in demo_lines.sources
            ],
        }


class NormaliseTree:
    """One source tree at work in a process of its own."""

    def __init__(self, root: Path, corpus: Path) -> None:
        python = root / ".venv/bin/python"
        self._process = subprocess.Popen(
            [str(python), "-P", "-s", __file__, "--worker", str(root), str(corpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    def ask(self, *question: object) -> Any:
        """The worker's answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        pickle.dump(question, stdin)
        stdin.flush()
        return pickle.load(stdout)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class NormaliseWork:
    """Does what a worker does with one slice, with the modules of one tree: it imports them by name
    because another tree's may be measured in another process."""

    def __init__(self, root: Path, corpus: Path) -> None:
        self._rows, register = pickle.loads(corpus.read_bytes())
        streams = importlib.import_module("streams")
        assert str(streams.__file__).startswith(f"{root}/"), streams.__file__
        settings = importlib.import_module("schemas.settings")
        self._settings = settings.Settings(data_dir=corpus.parent, sources=register["sources"])
        self._view = self._build_snapshot(register["bindings"])
        self._event = importlib.import_module("schemas.pipeline.event")
        self._incoming = importlib.import_module("schemas.pipeline.source").IncomingRecord
        self._frames = importlib.import_module("streams.event_logs.frames")
        reader = importlib.import_module("streams.normalise.record_readers").InProcessReader(
            self._settings
        )
        self._reader = reader
        self._here = self._build_normaliser(reader)
        self._service: Callable[..., Any] | None = None
        self._child: Any = None

    def _build_snapshot(self, rows: Sequence[Mapping[str, Any]]) -> Any:
        binding = importlib.import_module("schemas.customer").Binding
        view = importlib.import_module("breachdesk.stores.register.register_view").RegisterSnapshot
        return view([binding.model_validate(row) for row in rows], 1)

    def _build_normaliser(self, reader: Any) -> Callable[..., Any]:
        normaliser = importlib.import_module("streams.normalise.normaliser").EventNormaliser
        normalise: Callable[..., Any] = normaliser(reader, self._settings).normalise
        return normalise

    def _get_child_service(self) -> Callable[..., Any]:
        if self._service is None:
            meter = importlib.import_module("streams.ports.metrics").NullParserMetrics()
            adapter = importlib.import_module("streams.parser_process.adapter")
            self._child = adapter.ParserProcess(self._settings, meter)
            self._service = self._build_normaliser(self._child)
            self._service(self._build_records(0, 1), self._view, lambda *_: None)
        return self._service

    def _build_records(self, begin: int, end: int) -> list[Any]:
        position, record = self._event.RecordPosition, self._event.RawRecord
        return [
            record(position("bench", begin + number), source, raw, arrived)
            for number, (source, raw, arrived) in enumerate(self._rows[begin:end])
        ]

    def stage(self, name: str, begin: int, end: int) -> float:
        """Seconds of processor time."""
        work = getattr(self, f"_{name}")(begin, end)
        before = self._read_seconds()
        work()
        return self._read_seconds() - before

    def _read_seconds(self) -> float:
        """Of this process, and of the child if it runs."""
        own = time.process_time()
        pid = self._child.pid if self._child is not None else None
        return own if pid is None else own + _read_seconds(pid)

    def _read(self, begin: int, end: int) -> Callable[[], object]:
        records = self._build_records(begin, end)
        return lambda: sum(1 for _ in self._reader.read(records))

    def _normalise(self, begin: int, end: int) -> Callable[[], object]:
        records = self._build_records(begin, end)
        return lambda: self._here(records, self._view, lambda *_: None)

    def _service_(self, begin: int, end: int) -> Callable[[], object]:
        service, records = self._get_child_service(), self._build_records(begin, end)
        return lambda: service(records, self._view, lambda *_: None)

    def _build_incomings(self, begin: int, end: int) -> list[Any]:
        return [
            self._incoming(source=source, raw=raw, arrived=arrived, transport="udp")
            for source, raw, arrived in self._rows[begin:end]
        ]

    def _encode(self, begin: int, end: int) -> Callable[[], object]:
        rows, frames = self._build_incomings(begin, end), self._frames
        return lambda: [frames.encode(each) for each in frames.to_columns(rows)]

    def _decode(self, begin: int, end: int) -> Callable[[], object]:
        frames = self._frames
        columns = frames.to_columns(self._build_incomings(begin, end))
        bodies = [(frames.encode(each), len(each)) for each in columns]
        return lambda: [frames.decode(body, "bench", 1, 0, many) for body, many in bodies]

    def compute_results(self, begin: int, end: int, seed: int, *, child: bool) -> list[str]:
        """What becomes of each record and of mutated copies of it, in words."""
        chance = random.Random(f"{seed}/{begin}")
        position, record = self._event.RecordPosition, self._event.RawRecord
        records = [
            record(position("bench", number), source, raw, arrived)
            for number, (source, raw, arrived) in enumerate(
                generate_variants(self._rows[begin:end], self._rows, chance)
            )
        ]
        texts: list[str] = []
        normalise = self._get_child_service() if child else self._here
        counts = normalise(records, self._view, lambda event, _: texts.append(_format_event(event)))
        letters = [_format_letter(each) for each in counts.dead_letters]
        return [*texts, *letters, repr(counts.list_sources()), repr(counts.list_unattributed())]

    def close(self) -> None:
        if self._child is not None:
            self._child.close()


def generate_variants(
    rows: Sequence[Row], others: Sequence[Row], chance: random.Random
) -> Iterator[Row]:
    """Each row, and copies that are truncated, doubled, shuffled, of odd encoding or of another
    source."""
    for row in rows:
        yield row
        for _ in range(MUTATIONS):
            source, raw, arrived = row
            for _ in range(chance.randint(1, 3)):
                raw = _mutate_record(raw, chance.choice(others)[1], chance)
            if chance.random() < 0.2:
                source = chance.choice(others)[0]
            yield source, raw, arrived


def _mutate_record(raw: bytes, other: bytes, chance: random.Random) -> bytes:
    at, to = sorted((chance.randint(0, len(raw)), chance.randint(0, len(raw))))
    words = raw.split(b" ")
    shuffled = words.copy()
    chance.shuffle(shuffled)
    word = chance.randrange(len(words))
    odd = chance.choice(ODD)
    return chance.choice(
        (
            raw[:at],
            raw[at:],
            raw + raw,
            raw[:at] + raw[to:],
            raw[:to] + raw[at:],
            raw[:at] + other[:to],
            raw[:at] + odd + raw[at:],
            raw[:at] + odd + raw[at + len(odd) :],
            b" ".join(shuffled),
            b" ".join(words[:word] + words[word + 1 :]),
            b" ".join([*words[:word], odd, *words[word:]]),
            b" ".join([*words[: word + 1], *words[word:]]),
            raw.replace(b'"', chance.choice((b"'", b"", b'""', b'\\"'))),
            raw.upper() if chance.random() < 0.3 else raw.swapcase(),
            raw + b"\r\n",
            raw.decode("utf-8", "replace").encode("utf-16"),
        )
    )


ODD = (
    *(b"\x00", b"\\u0000", b"\xff\xfe", b"\xc3\xa9", "\u0130\u00df".encode(), b'"', b"'", b"\\"),
    *(b"[", b"]", b"{", b"}", b":", b"=", b"%", b"null", b"true", b"-1", b"1.5", b"1e400"),
    *(b"9" * 20, b"::1", b"1.2.3.4:5", b"1.2.3.4%eth0", b"::ffff:1.2.3.4", b"[2001:DB8::1]:443"),
    *(b"Feb 29 23:59:60", b"Nov 31 00:00:00", b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00"),
    *(
        b'"user":{"name":"JO@Contoso.example"}',
        b'"observer":{"ip":["192.0.2.1"]}',
        b"SRC=192.0.2.9 ",
    ),
    *(b'"@timestamp":"2026-01-02T03:04:05+02:00"', b'"ecs":{"version":"9"}', b"id=firewall sn=1 "),
)


def _format_event(event: Any) -> str:
    names = ("id", "time", "arrived", "dataset", "source", "position", "sha256", "organization")
    facts = [
        (name, getattr(event, name)) for name in (*names, "touches", "unattributed", "in_time")
    ]
    fields = {name: event.fields[name] for name in sorted(event.fields)}
    return repr((facts, fields))


def _format_letter(letter: Any) -> str:
    names = ("position", "source", "arrived", "parser", "reason", "sha256")
    return repr([getattr(letter, name) for name in names])


def _read_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
    return int(words[0]) / 1e9


def serve_questions(root: Path, corpus: Path) -> None:
    """Answers questions until its input ends."""
    gc.set_threshold(50_000, 20, 100)
    work = NormaliseWork(root, corpus)
    with closing(work):
        while True:
            try:
                question, *options = pickle.load(sys.stdin.buffer)
            except EOFError:
                return
            answer: Any
            if question == "stage":
                name, begin, end = options
                answer = work.stage("service_" if name == "service" else name, begin, end)
            else:
                begin, end, seed, child = options
                answer = work.compute_results(begin, end, seed, child=child)
            pickle.dump(answer, sys.stdout.buffer)
            sys.stdout.buffer.flush()


def compare_speed(trees: Sequence[NormaliseTree], slices: range, stage: str) -> dict[str, float]:
    """Microseconds a record of each tree, and how many times the first takes what the second
    does."""
    spent: list[list[float]] = [[], []]
    for number in slices:
        begin = number * SLICE
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            seconds = trees[which].ask("stage", stage, begin, begin + SLICE)
            spent[which].append(seconds / SLICE * 1e6)
    ratios = [a / b for a, b in zip(*spent, strict=True)]
    return {
        "a_us": round(statistics.median(spent[0]), 2),
        "b_us": round(statistics.median(spent[1]), 2),
        "a_least_us": round(min(spent[0]), 2),
        "b_least_us": round(min(spent[1]), 2),
        "ratio": round(statistics.median(ratios), 2),
    }


def compare_results(trees: Sequence[NormaliseTree], count: int, seed: int) -> dict[str, Any]:
    """Where the trees differ; none of it is a figure of speed."""
    texts, differences = 0, []
    for begin in range(0, count, 500):
        for child in (False, True):
            one, other = (each.ask("results", begin, begin + 500, seed, child) for each in trees)
            texts += len(one)
            if len(one) != len(other):
                differences.append(f"{begin}: {len(one)} results and {len(other)}")
            differences += [f"{a}\n{b}" for a, b in zip(one, other, strict=False) if a != b]
    return {"results": texts, "differences": len(differences), "first": differences[:2]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trees", nargs="*", type=Path)
    parser.add_argument("--worker", nargs=2, type=Path)
    parser.add_argument("--corpus", choices=CORPORA, action="append")
    parser.add_argument("--stage", choices=STAGES, action="append")
    parser.add_argument("--slices", type=int, default=12)
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.worker:
        serve_questions(*options.worker)
        return
    sys.path.insert(0, str(Path(__file__).parents[1]))
    result: dict[str, Any] = {"load": os.getloadavg()}
    with tempfile.TemporaryDirectory() as folder:
        for corpus in options.corpus or CORPORA:
            stages = 1 if options.compare else len(options.stage or STAGES)
            count = SLICE * options.slices * stages
            file = Path(folder) / f"{corpus}.pickle"
            file.write_bytes(
                pickle.dumps((build_raw_rows if corpus == "raw" else build_ecs_rows)(count))
            )
            result[corpus] = measure_trees(options, file, count)
    print(json.dumps(result, indent=2))


def measure_trees(options: argparse.Namespace, corpus: Path, count: int) -> dict[str, Any]:
    trees = [NormaliseTree(root.resolve(), corpus) for root in options.trees]
    try:
        if options.compare:
            return compare_results(trees, count, options.seed)
        stages, many = options.stage or STAGES, options.slices
        parts = [range(many * number, many * (number + 1)) for number in range(len(stages))]
        return {s: compare_speed(trees, p, s) for s, p in zip(stages, parts, strict=True)}
    finally:
        for tree in trees:
            tree.close()


if __name__ == "__main__":
    main()
