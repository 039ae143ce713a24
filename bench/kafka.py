"""Events a second per worker core from Kafka bytes to committed alerts, beside what to compare with.

    eval "$(scripts/services up kafka postgres)"
    .venv/bin/python bench/kafka.py --peers PYTHON            # about six minutes
    .venv/bin/python bench/kafka.py --only memory --memory-events 10000000
    .venv/bin/python bench/kafka.py --only profile --py-spy PATH

PYTHON is an interpreter with requirements/bench.txt (Quix Streams and Bytewax need versions of their
own); without it those rows are left out. All rows of a repeat run one after another on the same
machine, so read ratios: rows of one repeat share its noise. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)  # this file would hide the client library `kafka`

from bench.kafka_corpora import ecs_rows, raw_rows  # noqa: E402
from bench.kafka_ground import Servers, a_corpus  # noqa: E402
from bench.kafka_latency import latency  # noqa: E402
from bench.kafka_memory import memory  # noqa: E402
from bench.kafka_profile import profile  # noqa: E402
from bench.kafka_runs import Corpus, Taken, bare, bytewax, ours, quix, summary  # noqa: E402

PARTS = ("rates", "latency", "memory", "profile")
Entry = tuple[str, Callable[[], Taken]]


def entries(corpus: Corpus, peers: str) -> list[Entry]:
    """What runs in one repeat, in this order."""
    name = corpus.name
    rows: list[Entry] = [
        (f"{name}: 1 worker", lambda: ours(corpus, 1)),
        (f"{name}: bare consumer, same parse", lambda: bare(corpus, "read")),
        (f"{name}: 2 workers", lambda: ours(corpus, 2)),
    ]
    if name != "ecs":
        return rows
    rows.append((f"{name}: bare consumer, orjson + count", lambda: bare(corpus, "count")))
    if peers:
        rows += [
            (f"{name}: Quix Streams", lambda: quix(corpus, peers, changelog=False)),
            (f"{name}: Quix Streams, changelog", lambda: quix(corpus, peers, changelog=True)),
            (f"{name}: Bytewax", lambda: bytewax(corpus, peers)),
        ]
    return rows


def rates(corpora: Sequence[Corpus], peers: str, repeats: int) -> dict[str, Any]:
    runs: dict[str, list[Taken]] = {}
    for number in range(repeats):
        for corpus in corpora:
            for name, run in entries(corpus, peers):
                taken = run()
                runs.setdefault(name, []).append(taken)
                rate = taken["events"] / taken["cpu"]
                print(f"{number + 1}/{repeats} {name}: {rate:,.0f}/s per core", file=sys.stderr)
    return {name: summary(taken) for name, taken in runs.items()}


def ratios(told: dict[str, Any]) -> dict[str, float]:
    """Of medians per core."""
    asked = {
        "ecs: worker to bare consumer with the same parse": (
            "1 worker",
            "bare consumer, same parse",
        ),
        "ecs: worker to Quix Streams": ("1 worker", "Quix Streams"),
        "ecs: worker to Bytewax": ("1 worker", "Bytewax"),
        "raw: worker to bare consumer with the same parse": (
            "1 worker",
            "bare consumer, same parse",
        ),
    }
    found = {}
    for title, names in asked.items():
        one, other = (told.get(f"{title[:3]}: {name}") for name in names)
        if one and other:
            found[title] = round(one["per_core"][1] / other["per_core"][1], 2)
    return found


def table(told: dict[str, Any]) -> str:
    lines = [
        "| | events/s per core (least, median, most) | events/s, wall (median) | resident MiB |",
        "|---|---|---|---|",
    ]
    for name, row in told.items():
        least, median, most = row["per_core"]
        memory_told = f"{row['resident_mib']:.0f}" if "resident_mib" in row else ""
        lines.append(
            f"| {name} | {least:,} / {median:,} / {most:,} | {row['wall'][1]:,} | {memory_told} |"
        )
    return "\n".join(lines)


def run(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    servers = Servers(os.environ["BREACHDESK_KAFKA__SERVERS"], os.environ["BREACHDESK_STORE__URL"])
    for name in [each for each in os.environ if each.startswith("BREACHDESK_")]:
        del os.environ[name]  # only the settings file of a run says where it is
    told: dict[str, Any] = {"cores": os.cpu_count()}
    with ExitStack() as stack:
        corpora = []
        if set(given.only) - {"memory"}:
            ecs = ecs_rows(given.events, sign_ins=given.sign_ins)
            for name, rows, drill in (("ecs", ecs, False), ("raw", raw_rows(given.raw), True)):
                made = a_corpus(folder / name, servers, rows, drill=drill)
                corpora.append(Corpus(name, *stack.enter_context(made)))
        told |= over(corpora, given, folder)
    if "memory" in given.only:
        told["memory"] = memory(folder / "memory", servers, given.memory_events)
    return told


def over(corpora: Sequence[Corpus], given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What is asked of records that wait in Kafka."""
    told: dict[str, Any] = {}
    if "rates" in given.only:
        told["rates"] = rates(corpora, given.peers, given.repeats)
        told["ratios"] = ratios(told["rates"])
    if "latency" in given.only:
        load = given.load or told["rates"]["ecs: 1 worker"]["wall"][1] / 2
        told["latency"] = latency(corpora[0], load, given.latency_seconds)
    if "profile" in given.only:
        told["profile"] = {each.name: profile(each, given.py_spy, folder) for each in corpora}
    return told


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=150_000, help="ECS lines")
    parser.add_argument("--raw", type=int, default=40_000, help="raw vendor lines")
    parser.add_argument("--sign-ins", type=float, default=0.1, help="share of ECS lines")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", default="", metavar="PYTHON")
    parser.add_argument(
        "--load", type=float, default=0, help="events/s; 0: half of what was measured"
    )
    parser.add_argument("--latency-seconds", type=float, default=40)
    parser.add_argument("--memory-events", type=int, default=500_000)
    parser.add_argument("--py-spy", default="", metavar="PATH")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=["rates", "latency", "memory"])
    parser.add_argument("--json", type=Path, help="also write the result there")
    parser.add_argument("--keep", action="store_true", help="keep the run's folder with its logs")
    given = parser.parse_args()
    if "profile" in given.only and not given.py_spy:
        parser.error("--only profile needs --py-spy")
    if "latency" in given.only and not given.load and "rates" not in given.only:
        parser.error("--only latency needs --load, or rates beside it")
    folder = Path(tempfile.mkdtemp(prefix="bench-kafka-"))
    try:
        told = run(given, folder)
    finally:
        if given.keep:
            print(folder, file=sys.stderr)
        else:
            shutil.rmtree(folder)
    if "rates" in told:
        print(table(told["rates"]))
    print(json.dumps(told, indent=2))
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
