"""What an event costs as rules are added: processor time, memory and load time at several sizes.

    .venv/bin/python bench/rules.py                                   # 10, 100, 1,000 and 3,000 rules
    .venv/bin/python bench/rules.py --sizes 100 1000 --tree ../other  # beside another checkout

The rules are generated like published ones: processes on Windows, firewalls, Microsoft 365, web
servers, sign-ins; many share their commonest values, a part asks for fields that no parser here
makes. The events are those of the parsers' own examples, with other users, addresses and paths in
each copy, and process events as ECS JSON would bring them. Each tree runs in a process of its own;
all take turns, slice by slice, on events that none of them has seen, so that caches of values are
not warmed by repetition; ten slices before the first are not counted. Read the ratios: growth to the size before, and to the other tree.
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
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HERE = Path(__file__).resolve().parent.parent
KINDS = ("own", "process")
"""Events of the parsers here, and process events."""
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


def rule_texts(count: int, seed: int = 1) -> list[str]:
    """So many rules, a file each. A larger book holds the smaller ones."""
    choose = random.Random(seed)
    kinds = (_process, _process, _process, _firewall, _m365, _m365, _web, _web, _sign_in, _foreign)
    return [
        json.dumps(
            {"title": f"Rule {number}", "name": f"rule_{number}", "level": "low"}
            | kinds[number % len(kinds)](choose)
        )
        for number in range(count)
    ]


def _phrase(choose: random.Random) -> str:
    return (
        f"{choose.choice(' -/')}{choose.choice(WORDS)}{choose.choice('-_ ')}{choose.choice(WORDS)}"
    )


def _process(choose: random.Random) -> dict[str, Any]:
    program = choose.choice(PROGRAMS)
    detection: dict[str, Any] = {
        "img": [
            {"Image|endswith": f"\\{program}.exe"},
            {"OriginalFileName": f"{program}.exe"},
        ],
        "cli": {"CommandLine|contains": [_phrase(choose) for _ in range(choose.randint(1, 6))]},
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
    return _rule({"product": "windows", "category": "process_creation"}, detection, condition)


def _firewall(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "denied": {"action": choose.choice(["deny", "drop", "block", "allow"])},
        "port": {"dst_port": [choose.randint(1, 65_000) for _ in range(3)]},
        "net": {"dst_ip|cidr": f"198.{choose.randint(18, 19)}.{choose.randint(0, 255)}.0/24"},
        "inside": {"src_ip|cidr": ["10.0.0.0/8", "192.168.0.0/16"]},
    }
    condition = choose.choice(["denied and port", "net and not inside", "port and inside and net"])
    return _rule({"category": "firewall"}, detection, condition)


def _m365(choose: random.Random) -> dict[str, Any]:
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
    return _rule({"product": "m365", "service": "audit"}, detection, condition)


def _web(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "path": {"cs-uri-query|contains": [f"/{choose.choice(WORDS)}.php?{w}=" for w in WORDS[:3]]},
        "all": {"cs-uri-query|contains|all": [choose.choice(WORDS), _phrase(choose)]},
        "code": {"sc-status": choose.choice([200, 302, 404, 500])},
        "method": {"cs-method": choose.choice(["GET", "POST"])},
        "agent": {"c-useragent|contains": f"{choose.choice(WORDS)}{choose.randint(1, 999)}"},
        "kind": {"cs-content-type|startswith": "text"},
    }
    condition = choose.choice(
        ["path and code", "all and method", "agent", "path and not kind", "kind and method"]
    )
    return _rule({"category": "webserver"}, detection, condition)


def _sign_in(choose: random.Random) -> dict[str, Any]:
    detection: dict[str, Any] = {
        "failed": {"event.outcome": "failure"},
        "user": {"user.name": f"{choose.choice(WORDS)}{choose.randint(1, 999)}"},
        "host": {"host.name|endswith": f"-{choose.choice(WORDS)}{choose.randint(1, 99)}"},
        "why": {"event.reason|contains": _phrase(choose)},
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
    return _rule({"category": "authentication"}, detection, condition)


def _foreign(choose: random.Random) -> dict[str, Any]:
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
    return _rule({"product": "aws", "service": "cloudtrail"}, detection, condition)


def _rule(source: Mapping[str, str], detection: dict[str, Any], condition: str) -> dict[str, Any]:
    return {"logsource": source, "detection": detection | {"condition": condition}}


# ---- events


def fields_of(kind: str, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Endless events as (dataset, fields), no two alike."""
    choose = random.Random(seed)
    if kind == "process":
        while True:
            yield "windows.process", _process_fields(choose)
    shapes = _parsed()
    while True:
        dataset, fields = choose.choice(shapes)
        yield dataset, {name: _other(name, value, choose) for name, value in fields.items()}


def _parsed() -> list[tuple[str, Mapping[str, Any]]]:
    from schemas.plugin import Act, Line, Parser, load_plugins

    made: list[tuple[str, Mapping[str, Any]]] = []
    parsers: Mapping[str, Parser] = load_plugins("streams.parsers", "PARSER")
    for parser in parsers.values():
        for example in parser.examples:
            if example.expected is not None:
                act = parser.parse(Line(example.line, NOON, UTC))
                assert isinstance(act, Act)
                made.append((parser.dataset, act.fields))
    return made


def _other(name: str, value: Any, choose: random.Random) -> Any:
    match name:
        case "user.name":
            return f"{choose.choice(WORDS)}{choose.randint(1, 5_000)}@contoso.example"
        case "source.ip" | "destination.ip":
            return f"198.{choose.randint(18, 19)}.{choose.randint(0, 255)}.{choose.randint(1, 254)}"
        case "source.port" | "destination.port":
            return choose.randint(1, 65_000)
        case "url.original" | "url.path" | "url.query" | "file.path":
            return f"/{choose.choice(WORDS)}/{choose.getrandbits(40):x}{_phrase(choose)}?{value}"
    return value


def _process_fields(choose: random.Random) -> dict[str, Any]:
    program, parent = choose.choice(PROGRAMS), choose.choice(PROGRAMS)
    line = " ".join(f"{_phrase(choose)}{choose.getrandbits(24):x}" for _ in range(8))
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
    from schemas.event import Event, Position
    from streams.sigma.engine import Engine
    from streams.sigma.load import load_rules

    before, started = _resident(), time.process_time()
    engine = Engine(load_rules([folder], behaviours=False))
    loaded = time.process_time() - started
    told = {"tree": str(Path(str(streams.__file__)).parent.parent), "load_s": loaded}
    print(json.dumps(told | {"rules_mib": _resident() - before}), file=answers, flush=True)
    for request in requests:
        kind, seed, count = request.split()
        source = fields_of(kind, int(seed))
        events = [
            Event(
                id=f"{seed}-{number}",
                time=NOON + timedelta(seconds=number),
                arrived=NOON,
                dataset=dataset,
                source="bench",
                fields=fields,
                position=Position("bench", number),
                sha256="0" * 64,
                organization="contoso",
            )
            for number, (dataset, fields) in zip(range(int(count)), source, strict=False)
        ]
        gc.collect()
        started = time.process_time()
        signals = sum(len(engine.signals(event)) for event in events)
        used = (time.process_time() - started) / len(events) * 1e6
        answer = {"us": used, "signals": signals, "mib": _resident()}
        print(json.dumps(answer), file=answers, flush=True)


def _resident() -> float:
    """MiB, at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Tree:
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

    def ask(self, kind: str, seed: int, count: int) -> float:
        """Microseconds an event."""
        assert self.process.stdin is not None
        print(kind, seed, count, file=self.process.stdin, flush=True)
        self.last = self._answer()
        return float(self.last["us"])

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


def measure(
    roots: Sequence[Path], sizes: Sequence[int], slices: int, events: int
) -> list[dict[str, Any]]:
    """A row for each tree, size and kind of event. All trees and sizes take turns."""
    with tempfile.TemporaryDirectory() as scratch:
        trees = {
            (root, size): Tree(root, _written(Path(scratch), size))
            for root in roots
            for size in sizes
        }
        try:
            return _rows(trees, slices, events)
        finally:
            for tree in trees.values():
                tree.close()


def _written(scratch: Path, size: int) -> Path:
    folder = scratch / str(size)
    if not folder.exists():
        folder.mkdir()
        for number, text in enumerate(rule_texts(size)):
            (folder / f"{number:05}.yml").write_text(text)
    return folder


def _rows(trees: Mapping[tuple[Path, int], Tree], slices: int, events: int) -> list[dict[str, Any]]:
    rows = []
    for kind in KINDS:
        taken: dict[tuple[Path, int], list[float]] = {key: [] for key in trees}
        for number in range(slices + 1):
            order = list(trees)[:: 1 if number % 2 else -1]
            for key in order:
                if not number:  # RE2 builds its automata as texts come
                    trees[key].ask(kind, -1, 10 * events)
                else:
                    taken[key].append(trees[key].ask(kind, number, events))
        rows += [
            {
                "tree": str(root),
                "rules": size,
                "events": kind,
                "us_an_event": round(statistics.median(taken[root, size]), 2),
                "signals": trees[root, size].last["signals"],
                "load_s": round(trees[root, size].loaded["load_s"], 2),
                "rules_mib": round(trees[root, size].loaded["rules_mib"], 1),
                "mib": round(trees[root, size].last["mib"], 1),
            }
            for root, size in trees
        ]
    return rows


def report(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table, with each size's cost beside that of the size before."""
    lines = ["tree | events | rules | us/event | of the size before | signals | load s | MiB"]
    before: dict[tuple[str, str], float] = {}
    for row in sorted(rows, key=lambda r: (r["tree"], r["events"], r["rules"])):
        key = row["tree"], row["events"]
        growth = f"{row['us_an_event'] / before[key]:.2f}" if key in before else ""
        before[key] = row["us_an_event"]
        lines.append(
            f"{Path(row['tree']).name} | {row['events']} | {row['rules']} | {row['us_an_event']}"
            f" | {growth} | {row['signals']} | {row['load_s']} | {row['mib']}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the options, measure, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1_000, 3_000])
    options.add_argument("--slices", type=int, default=7)
    options.add_argument("--events", type=int, default=1_000, help="in a slice")
    options.add_argument("--tree", type=Path, action="append", default=[], help="another checkout")
    options.add_argument("--json", action="store_true")
    options.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    told = options.parse_args(arguments)
    if told.serve:
        serve(told.serve, sys.stdin, sys.stdout)
        return
    roots = [HERE, *(tree.resolve() for tree in told.tree)]
    rows = measure(roots, told.sizes, told.slices, told.events)
    for size, kind in {(row["rules"], row["events"]) for row in rows}:
        same = {r["signals"] for r in rows if (r["rules"], r["events"]) == (size, kind)}
        if len(same) > 1:
            sys.exit(f"The trees differ on {kind} events with {size} rules: {same} signals.")
    print(json.dumps(rows, indent=1) if told.json else report(rows))


if __name__ == "__main__":
    main()
