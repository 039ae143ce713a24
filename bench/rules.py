"""What an event costs as rules are added: processor time, memory and load time at several sizes.

    .venv/bin/python bench/rules.py                                   # 10, 100, 1,000 and 3,000 rules
    .venv/bin/python bench/rules.py --base 100 --sizes 100 1000      # what the other 900 cost
    .venv/bin/python bench/rules.py --sizes 100 1000 --tree ../other  # compared with another checkout

The rules are generated like published ones: processes on Windows, firewalls, Microsoft 365, web
servers, sign-ins; many share their commonest values, a part asks for fields that no parser here
makes. Books grow in three ways from the same `--base` rules: `mixed` by rules as they come, some of
which match; `near` by such of them as match none of the measured events, though they ask for the
same programs, values and texts; `foreign` by rules whose fields no event here has. Two costs are
measured apart: which rules an event matches (`routing`), and that with the signals that matches
make (`with signals`), which grows with what is found and not with what is loaded.

The events are those of the parsers' own examples, with other users, addresses and paths in each
copy, and process events as ECS JSON would bring them. Each tree runs in a process of its own; all
take turns, slice by slice, on events that none of them has seen, so that caches of values are not
warmed by repetition; ten slices before the first, and the first events of each, are not counted.
Read the ratios: growth to the size before, of `near` and `foreign` books to the base, and to the
other tree.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice, product
from itertools import count as count_up
from pathlib import Path
from typing import IO, Any

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Path(__file__).resolve().parent.parent
KINDS = ("own", "process")
"""Events of the parsers here, and process events."""
BOOKS = ("mixed", "near", "foreign")
"""How the rules beyond the base are chosen."""
HEAD = (
    "tree | events | book | rules | routing us | growth | with signals us | growth | signals"
    " | load s | MiB"
)
UNCOUNTED = 300
"""Events at the beginning of a slice: the other processes have filled the processor's caches."""
Sample = Sequence[tuple[str, int, int]]
"""Kind, seed and number of events that no additional rule of a `near` book matches."""
WORDS = [
    "invoke",
    "download",
    "encode",
    "bypass",
    "hidden",
    "script",
    "service",
    "create",
    "delete",
    "export",
    "dump",
    "query",
    "shadow",
    "backup",
    "volume",
    "policy",
    "group",
    "admin",
    "remote",
    "copy",
    "archive",
    "compress",
    "token",
    "session",
    "ticket",
    "cache",
    "hook",
    "inject",
    "load",
    "register",
    "proxy",
    "tunnel",
    "scan",
    "probe",
    "spray",
    "relay",
    "beacon",
    "stage",
    "drop",
    "persist",
]
PROGRAMS = [
    "powershell",
    "cmd",
    "rundll32",
    "regsvr32",
    "mshta",
    "wscript",
    "cscript",
    "certutil",
    "bitsadmin",
    "wmic",
    "schtasks",
    "net",
    "net1",
    "sc",
    "reg",
    "svchost",
    "explorer",
    "winword",
    "excel",
    "outlook",
    "msiexec",
    "curl",
    "tar",
    "ssh",
    "python",
    "java",
    "node",
]


# ---- rules


def build_rule_texts(count: int, seed: int = 1) -> list[str]:
    """So many rules, a file each. A larger book holds the smaller ones."""
    return list(islice(_generate_mixed(seed), count))


def build_book_texts(book: str, count: int, base: int, sample: Sample = ()) -> list[str]:
    """The first `base` rules, and so many more of the book's kind that there are `count`."""
    if book == "mixed" or count <= base:
        return build_rule_texts(count)
    more = _generate_foreign(3)
    if book == "near":
        more = _exclude_matches(islice(_generate_mixed(2), 4 * count), sample)
    texts = [*build_rule_texts(base), *islice(more, count - base)]
    assert len(texts) == count, "too few rules match nothing"
    return texts


def _generate_mixed(seed: int) -> Iterator[str]:
    return _generate_texts(MIXED, seed)


def _generate_foreign(seed: int) -> Iterator[str]:
    return _generate_texts((_build_foreign_rule, _build_registry_rule), seed)


def _generate_texts(
    kinds: Sequence[Callable[[random.Random], Mapping[str, Any]]], seed: int
) -> Iterator[str]:
    choose = random.Random(seed)
    for number in count_up():
        yield json.dumps(
            {"title": f"Rule {number}", "name": f"rule_{seed}_{number}", "level": "low"}
            | dict(kinds[number % len(kinds)](choose))
        )


def _exclude_matches(texts: Iterable[str], sample: Sample) -> Iterator[str]:
    """Those that match nothing of the sample, of each kind of rule as many as of each other."""
    from streams.sigma.load import load_rules
    from streams.sigma.routing import RuleRouter

    rules = {str(json.loads(text)["name"]): text for text in texts}
    matching = set()
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in rules.items():
            (Path(scratch) / f"{name}.yml").write_text(text)
        router = RuleRouter(load_rules([Path(scratch)], behaviours=False).rules)
    for kind, seed, count in sample:
        for dataset, fields in islice(generate_fields(kind, seed), count):
            matching |= {rule.id for rule in router.list_matches(dataset, fields)}
    kinds: list[list[str]] = [[] for _ in range(len(MIXED))]
    for number, (name, text) in enumerate(rules.items()):
        if name not in matching:
            kinds[number % len(kinds)].append(text)
    return chain.from_iterable(zip(*kinds, strict=False))


def _build_phrase(choose: random.Random) -> str:
    return (
        f"{choose.choice(' -/')}{choose.choice(WORDS)}{choose.choice('-_ ')}{choose.choice(WORDS)}"
    )


def _build_process_rule(choose: random.Random) -> dict[str, Any]:
    program = choose.choice(PROGRAMS)
    detection: dict[str, Any] = {
        "img": [
            {"Image|endswith": f"\\{program}.exe"},
            {"OriginalFileName": f"{program}.exe"},
        ],
        "cli": {
            "CommandLine|contains": [_build_phrase(choose) for _ in range(choose.randint(1, 6))]
        },
        "parent": {"ParentImage|endswith": f"\\{choose.choice(PROGRAMS)}.exe"},
        "filter": {"CommandLine|contains": f"C:\\Program Files\\{choose.choice(WORDS)}"},
        "pattern": {"CommandLine|re": rf"(?:{choose.choice(WORDS)}|\$)\d+.*{choose.choice(WORDS)}"},
    }
    condition = choose.choice(
        [
            "img and cli",
            "img and cli and not filter",
            "parent and img and not 1 of filter*",
            "cli and parent",
            "img and pattern",
        ]
    )
    return _build_rule({"product": "windows", "category": "process_creation"}, detection, condition)


def _build_firewall_rule(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "denied": {"action": choose.choice(["deny", "drop", "block", "allow"])},
        "port": {"dst_port": [choose.randint(1, 65_000) for _ in range(3)]},
        "net": {"dst_ip|cidr": f"198.{choose.randint(18, 19)}.{choose.randint(0, 255)}.0/24"},
        "inside": {"src_ip|cidr": ["10.0.0.0/8", "192.168.0.0/16"]},
    }
    condition = choose.choice(["denied and port", "net and not inside", "port and inside and net"])
    return _build_rule({"category": "firewall"}, detection, condition)


def _build_m365_rule(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "operation": {
            "Operation": choose.choice(["UserLoginFailed", "FileDownloaded", "New-InboxRule"]),
            "Workload": choose.choice(["Exchange", "SharePoint", "AzureActiveDirectory"]),
        },
        "who": {"UserId|contains": choose.choice(WORDS)},
        "agent": {"UserAgent|startswith": f"{choose.choice(WORDS)}/{choose.randint(1, 99)}"},
        "rare": {"Operation": f"{choose.choice(WORDS)}-{choose.choice(WORDS)}"},
        "result": {"ResultStatus": ["Failed", "failure"]},
    }
    condition = choose.choice(
        [
            "operation and who",
            "operation and agent and not result",
            "rare and result",
            "rare or agent",
        ]
    )
    return _build_rule({"product": "m365", "service": "audit"}, detection, condition)


def _build_web_rule(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "path": {"cs-uri-query|contains": [f"/{choose.choice(WORDS)}.php?{w}=" for w in WORDS[:3]]},
        "all": {"cs-uri-query|contains|all": [choose.choice(WORDS), _build_phrase(choose)]},
        "code": {"sc-status": choose.choice([200, 302, 404, 500])},
        "method": {"cs-method": choose.choice(["GET", "POST"])},
        "agent": {"c-useragent|contains": f"{choose.choice(WORDS)}{choose.randint(1, 999)}"},
        "kind": {"cs-content-type|startswith": "text"},
    }
    condition = choose.choice(
        ["path and code", "all and method", "agent", "path and not kind", "kind and method"]
    )
    return _build_rule({"category": "webserver"}, detection, condition)


def _build_sign_in_rule(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "failed": {"event.outcome": "failure"},
        "user": {"user.name": f"{choose.choice(WORDS)}{choose.randint(1, 999)}"},
        "host": {"host.name|endswith": f"-{choose.choice(WORDS)}{choose.randint(1, 99)}"},
        "why": {"event.reason|contains": _build_phrase(choose)},
        "odd": {"source.geo.country_iso_code": choose.choice(["KP", "IR"])},
    }
    condition = choose.choice(
        [
            "failed and user",
            "failed and host",
            "failed and why",
            "failed and odd",
            "user and not host",
        ]
    )
    return _build_rule({"category": "authentication"}, detection, condition)


def _build_foreign_rule(choose: random.Random) -> dict[str, Any]:
    """Of a log source that no gate tells apart, with fields that no parser here makes."""
    detection: dict[str, Any] = {
        "event": {
            "eventName": choose.choice(WORDS),
            "eventSource": f"{choose.choice(WORDS)}.example",
        },
        "ip": {"sourceIPAddress|cidr": "203.0.113.0/24"},
        "missing": {"errorCode": None},
    }
    condition = choose.choice(["event", "event and missing", "event and not ip", "ip and missing"])
    return _build_rule({"product": "aws", "service": "cloudtrail"}, detection, condition)


def _build_registry_rule(choose: random.Random) -> dict[str, Any]:
    """As `_build_foreign_rule`, of Windows."""
    detection: dict[str, Any] = {
        "key": {
            "TargetObject|contains": [f"\\{_build_phrase(choose)}\\", f"\\{choose.choice(WORDS)}"]
        },
        "by": {"Image|endswith": f"\\{choose.choice(PROGRAMS)}.exe"},
        "details": {"Details|re": rf"{choose.choice(WORDS)}\d+"},
        "none": {"Details": None},
    }
    condition = choose.choice(
        ["key and by", "by and details", "key and not none", "key or details"]
    )
    return _build_rule({"product": "windows", "category": "registry_set"}, detection, condition)


def _build_rule(
    source: Mapping[str, str], detection: dict[str, Any], condition: str
) -> dict[str, Any]:
    return {"logsource": source, "detection": detection | {"condition": condition}}


MIXED = (
    _build_process_rule,
    _build_process_rule,
    _build_process_rule,
    _build_firewall_rule,
    _build_m365_rule,
    _build_m365_rule,
    _build_web_rule,
    _build_web_rule,
    _build_sign_in_rule,
    _build_foreign_rule,
)

# ---- events


def generate_fields(kind: str, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Endless events as (dataset, fields), no two alike."""
    choose = random.Random(seed)
    if kind == "process":
        while True:
            yield "windows.process", _process_fields(choose)
    shapes = _parse_examples()
    while True:
        dataset, fields = choose.choice(shapes)
        yield dataset, {name: _change_value(name, value, choose) for name, value in fields.items()}


def _parse_examples() -> list[tuple[str, Mapping[str, Any]]]:
    from schemas.pipeline.plugin import ParsedEvent, Parser, SourceLine, load_plugins
    from streams.normalise.frames import find_claimed_level

    examples: list[tuple[str, Mapping[str, Any]]] = []
    parsers: Mapping[str, Parser] = load_plugins("streams.parsers", "PARSER")
    for parser in parsers.values():
        for example in parser.examples:
            if example.expected is not None:
                line = SourceLine(example.line, NOON, UTC, field_map=example.field_map)
                act = parser.parse(find_claimed_level(parser, line) or line)
                assert isinstance(act, ParsedEvent)
                examples.append((parser.dataset, act.fields))
    return examples


def _change_value(name: str, value: Any, choose: random.Random) -> Any:
    match name:
        case "user.name":
            return f"{choose.choice(WORDS)}{choose.randint(1, 5_000)}@contoso.example"
        case "source.ip" | "destination.ip":
            return f"198.{choose.randint(18, 19)}.{choose.randint(0, 255)}.{choose.randint(1, 254)}"
        case "source.port" | "destination.port":
            return choose.randint(1, 65_000)
        case "url.original" | "url.path" | "url.query" | "file.path":
            return (
                f"/{choose.choice(WORDS)}/{choose.getrandbits(40):x}{_build_phrase(choose)}?{value}"
            )
    return value


def _process_fields(choose: random.Random) -> dict[str, Any]:
    program, parent = choose.choice(PROGRAMS), choose.choice(PROGRAMS)
    line = " ".join(f"{_build_phrase(choose)}{choose.getrandbits(24):x}" for _ in range(8))
    return {
        "event.category": ["process"],
        "event.type": ["start"],
        "event.action": "created",
        "event.outcome": "unknown",
        "host.name": f"pc-{choose.randint(1, 3_000)}",
        "user.name": f"{choose.choice(WORDS)}{choose.randint(1, 5_000)}",
        "Image": f"C:\\Windows\\System32\\{program}.exe",
        "OriginalFileName": f"{program}.exe".upper(),
        "CommandLine": f"{program}.exe {line}",
        "ParentImage": f"C:\\Windows\\{parent}.exe",
        "ParentCommandLine": f"{parent}.exe {choose.getrandbits(40):x}",
        "User": f"CONTOSO\\u{choose.randint(1, 5_000)}",
        "ProcessId": choose.randint(1, 99_999),
        "Company": "Microsoft Corporation",
    }


# ---- a tree in a process of its own


def serve(folder: Path, requests: IO[str], answers: IO[str]) -> None:
    """Load the rules, then answer each line `kind seed events` with microseconds an event."""
    import streams
    from streams.sigma.engine import RuleEngine
    from streams.sigma.load import load_rules

    before, started = _read_resident(), time.process_time()
    engine = RuleEngine(load_rules([folder], behaviours=False))
    loaded = time.process_time() - started
    facts = {"tree": str(Path(str(streams.__file__)).parent.parent), "load_s": loaded}
    print(json.dumps(facts | {"rules_mib": _read_resident() - before}), file=answers, flush=True)
    gc.collect()
    gc.freeze()  # as the product does once it has loaded
    for request in requests:
        kind, seed, count = request.split()
        events = list(_generate_events(kind, int(seed), UNCOUNTED + 2 * int(count)))
        routed = events[UNCOUNTED : UNCOUNTED + int(count)]
        signalled = events[UNCOUNTED + int(count) :]
        gc.collect()
        for event in events[:UNCOUNTED]:
            engine.list_signals(event)
        started = time.process_time()
        for event in routed:
            engine.list_matches(event)
        between = time.process_time()
        signals = sum(len(engine.list_signals(event)) for event in signalled)
        ended = time.process_time()
        answer = {
            "routing": (between - started) / len(routed) * 1e6,
            "with signals": (ended - between) / len(signalled) * 1e6,
            "signals": signals,
            "mib": _read_resident(),
        }
        print(json.dumps(answer), file=answers, flush=True)


def _generate_events(kind: str, seed: int, count: int) -> Iterator[Any]:
    from schemas.pipeline.event import Event, RecordPosition

    for number, (dataset, fields) in enumerate(islice(generate_fields(kind, seed), count)):
        yield Event(
            id=f"{seed}-{number}",
            time=NOON + timedelta(seconds=number),
            arrived=NOON,
            dataset=dataset,
            source="bench",
            fields=fields,
            position=RecordPosition("bench", number),
            sha256="0" * 64,
            organization="contoso",
        )


def _read_resident() -> float:
    """MiB, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class RulesTree:
    """One checkout with one book of rules."""

    def __init__(self, root: Path, folder: Path) -> None:
        own = root / ".venv/bin/python"
        self.process = subprocess.Popen(
            [str(own if own.exists() else sys.executable), __file__, "--serve", str(folder)],
            cwd=root,
            env={"PYTHONPATH": str(root), "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.loaded = self._answer()
        assert Path(self.loaded["tree"]) == root, "measures another tree"
        self.last: dict[str, Any] = {}

    def ask(self, kind: str, seed: int, count: int) -> dict[str, Any]:
        """What a slice of so many events cost."""
        assert self.process.stdin is not None
        print(kind, seed, count, file=self.process.stdin, flush=True)
        self.last = self._answer()
        return self.last

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# ---- measuring

Measured = tuple[Path, str, int]
"""Tree, book and size."""


def measure(
    roots: Sequence[Path], sizes: Sequence[int], base: int, slices: int, events: int
) -> list[dict[str, Any]]:
    """A row for each tree, book, size and kind of event. All take turns."""
    sample = [(kind, n, UNCOUNTED + 2 * events) for kind in KINDS for n in range(1, slices + 1)]
    with tempfile.TemporaryDirectory() as scratch:
        trees: dict[Measured, RulesTree] = {}
        try:
            for root in roots:
                for book, size in product(BOOKS, sizes):
                    if book == "mixed" or size > base:
                        folder = _write_rules(Path(scratch), book, size, base, sample)
                        trees[root, book, size] = RulesTree(root, folder)
            return _measure_rows(trees, slices, events)
        finally:
            for tree in trees.values():
                tree.close()


def _write_rules(scratch: Path, book: str, size: int, base: int, sample: Sample) -> Path:
    folder = scratch / f"{book}-{size}"
    if not folder.exists():
        folder.mkdir()
        for number, text in enumerate(build_book_texts(book, size, base, sample)):
            (folder / f"{number:05}.yml").write_text(text)
    return folder


def _measure_rows(
    trees: Mapping[Measured, RulesTree], slices: int, events: int
) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        timings: dict[Measured, list[dict[str, Any]]] = {key: [] for key in trees}
        for number in range(slices + 1):
            order = list(trees)[:: 1 if number % 2 else -1]
            for key in order:
                if not number:  # RE2 builds its automata as texts come
                    trees[key].ask(kind, -1, 5 * events)
                else:
                    timings[key].append(trees[key].ask(kind, number, events))
        rows += [
            {
                "tree": str(root),
                "book": book,
                "rules": size,
                "events": kind,
                "routing": _compute_median(timings[root, book, size], "routing"),
                "with signals": _compute_median(timings[root, book, size], "with signals"),
                "signals": sum(each["signals"] for each in timings[root, book, size]),
                "load_s": round(trees[root, book, size].loaded["load_s"], 2),
                "rules_mib": round(trees[root, book, size].loaded["rules_mib"], 1),
                "mib": round(trees[root, book, size].last["mib"], 1),
            }
            for root, book, size in trees
        ]
    return rows


def _compute_median(answers: Sequence[Mapping[str, float]], name: str) -> float:
    return round(statistics.median(each[name] for each in answers), 2)


def format_report(rows: Sequence[Mapping[str, Any]], base: int) -> str:
    """A table. Growth of a mixed book is to the size before, of the others to the base."""
    lines = [HEAD]
    before: dict[tuple[str, str], Mapping[str, Any]] = {}
    bases = {
        (r["tree"], r["events"]): r for r in rows if r["book"] == "mixed" and r["rules"] == base
    }
    for row in sorted(rows, key=lambda r: (r["tree"], r["events"], r["book"], r["rules"])):
        key = row["tree"], row["events"]
        of = before.get(key) if row["book"] == "mixed" else bases.get(key)
        growth = [
            "" if of is None else f"{row[n] / of[n]:.2f}" for n in ("routing", "with signals")
        ]
        if row["book"] == "mixed":
            before[key] = row
        lines.append(
            f"{Path(row['tree']).name} | {row['events']} | {row['book']} | {row['rules']}"
            f" | {row['routing']} | {growth[0]} | {row['with signals']} | {growth[1]}"
            f" | {row['signals']} | {row['load_s']} | {row['mib']}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the options, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1_000, 3_000])
    options.add_argument("--base", type=int, default=100, help="rules that all larger books hold")
    options.add_argument("--slices", type=int, default=7)
    options.add_argument("--events", type=int, default=1_000, help="in a slice")
    options.add_argument("--tree", type=Path, action="append", default=[], help="another checkout")
    options.add_argument("--json", action="store_true")
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parsed = options.parse_args(arguments)
    if parsed.serve:
        serve(parsed.serve, sys.stdin, sys.stdout)
        return
    roots = [HERE, *(tree.resolve() for tree in parsed.tree)]
    rows = measure(roots, parsed.sizes, parsed.base, parsed.slices, parsed.events)
    signals: dict[tuple[str, int, str], set[int]] = {}
    for row in rows:
        signals.setdefault((row["book"], row["rules"], row["events"]), set()).add(row["signals"])
    for (book, size, kind), each in signals.items():
        if len(each) > 1:
            sys.exit(f"The trees differ on {kind} events with {size} {book} rules: {each} signals.")
    print(json.dumps(rows, indent=1) if parsed.json else format_report(rows, parsed.base))


if __name__ == "__main__":
    main()
