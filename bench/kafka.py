"""Events a second per worker core from Kafka bytes to committed alerts, next to what to compare
with.

    eval "$(scripts/services up kafka postgres)"
    .venv/bin/python bench/kafka.py --peers PYTHON            # about six minutes
    .venv/bin/python bench/kafka.py --only memory --memory-events 10000000
    .venv/bin/python bench/kafka.py --only profile --py-spy PATH

PYTHON is an interpreter with requirements/bench.txt (Quix Streams and Bytewax need versions of
their own); without it those rows are left out. All rows of a repeat run one after another on the
same machine, so read ratios: rows of one repeat share its noise. Nothing is asserted."""

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

from bench.kafka_corpora import generate_ecs_rows, generate_raw_rows  # noqa: E402
from bench.kafka_ground import ServerAddresses, open_corpus  # noqa: E402
from bench.kafka_latency import measure_latency  # noqa: E402
from bench.kafka_memory import measure_memory  # noqa: E402
from bench.kafka_profile import profile_worker  # noqa: E402
from bench.kafka_runs import (  # noqa: E402
    LoadedCorpus,
    Taken,
    run_bare,
    run_bytewax,
    run_ours,
    run_quix,
    summarise_runs,
)

PARTS = ("rates", "latency", "memory", "profile")
Entry = tuple[str, Callable[[], Taken]]


def list_entries(corpus: LoadedCorpus, peers: str) -> list[Entry]:
    """What runs in one repeat, in this order."""
    name = corpus.name
    rows: list[Entry] = [
        (f"{name}: 1 worker", lambda: run_ours(corpus, 1)),
        (f"{name}: bare consumer, same parse", lambda: run_bare(corpus, "read")),
        (f"{name}: 2 workers", lambda: run_ours(corpus, 2)),
    ]
    if name != "ecs":
        return rows
    rows.append((f"{name}: bare consumer, orjson + count", lambda: run_bare(corpus, "count")))
    if peers:
        rows += [
            (f"{name}: Quix Streams", lambda: run_quix(corpus, peers, changelog=False)),
            (f"{name}: Quix Streams, changelog", lambda: run_quix(corpus, peers, changelog=True)),
            (f"{name}: Bytewax", lambda: run_bytewax(corpus, peers)),
        ]
    return rows


def measure_rates(corpora: Sequence[LoadedCorpus], peers: str, repeats: int) -> dict[str, Any]:
    runs: dict[str, list[Taken]] = {}
    for number in range(repeats):
        for corpus in corpora:
            for name, run in list_entries(corpus, peers):
                figures = run()
                runs.setdefault(name, []).append(figures)
                rate = figures["events"] / figures["cpu"]
                print(f"{number + 1}/{repeats} {name}: {rate:,.0f}/s per core", file=sys.stderr)
    return {name: summarise_runs(figures) for name, figures in runs.items()}


def compute_ratios(result: dict[str, Any]) -> dict[str, float]:
    """Of medians per core."""
    compared = {
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
    ratios = {}
    for title, names in compared.items():
        one, other = (result.get(f"{title[:3]}: {name}") for name in names)
        if one and other:
            ratios[title] = round(one["per_core"][1] / other["per_core"][1], 2)
    return ratios


def format_table(result: dict[str, Any]) -> str:
    lines = [
        "| | events/s per core (least, median, most) | events/s, wall (median) | resident MiB |",
        "|---|---|---|---|",
    ]
    for name, row in result.items():
        least, median, most = row["per_core"]
        memory_result = f"{row['resident_mib']:.0f}" if "resident_mib" in row else ""
        lines.append(
            f"| {name} | {least:,} / {median:,} / {most:,} | {row['wall'][1]:,} | {memory_result} |"
        )
    return "\n".join(lines)


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    servers = ServerAddresses(
        os.environ["BREACHDESK_KAFKA__SERVERS"], os.environ["BREACHDESK_STORE__URL"]
    )
    for name in [each for each in os.environ if each.startswith("BREACHDESK_")]:
        del os.environ[name]  # only the settings file of a run says where it is
    result: dict[str, Any] = {"cores": os.cpu_count()}
    with ExitStack() as stack:
        corpora = []
        if set(options.only) - {"memory"}:
            ecs = generate_ecs_rows(options.events, sign_ins=options.sign_ins)
            for name, rows, drill in (
                ("ecs", ecs, False),
                ("raw", generate_raw_rows(options.raw), True),
            ):
                corpus = open_corpus(folder / name, servers, rows, drill=drill)
                corpora.append(LoadedCorpus(name, *stack.enter_context(corpus)))
        result |= measure_waiting(corpora, options, folder)
    if "memory" in options.only:
        result["memory"] = measure_memory(folder / "memory", servers, options.memory_events)
    return result


def measure_waiting(
    corpora: Sequence[LoadedCorpus], options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    """What is asked of records that wait in Kafka."""
    result: dict[str, Any] = {}
    if "rates" in options.only:
        result["rates"] = measure_rates(corpora, options.peers, options.repeats)
        result["ratios"] = compute_ratios(result["rates"])
    if "latency" in options.only:
        load = options.load or result["rates"]["ecs: 1 worker"]["wall"][1] / 2
        result["latency"] = measure_latency(corpora[0], load, options.latency_seconds)
    if "profile" in options.only:
        result["profile"] = {
            each.name: profile_worker(each, options.py_spy, folder) for each in corpora
        }
    return result


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
    options = parser.parse_args()
    if "profile" in options.only and not options.py_spy:
        parser.error("--only profile needs --py-spy")
    if "latency" in options.only and not options.load and "rates" not in options.only:
        parser.error("--only latency needs --load, or rates with it")
    folder = Path(tempfile.mkdtemp(prefix="bench-kafka-"))
    try:
        result = run(options, folder)
    finally:
        if options.keep:
            print(folder, file=sys.stderr)
        else:
            shutil.rmtree(folder)
    if "rates" in result:
        print(format_table(result["rates"]))
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
