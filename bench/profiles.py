"""py-spy's samples, shared out over the stages of the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

STAGES = (
    ("store: groups and buckets", ("batches/groups.py", "batches/bucket_rows.py", "signal_log.py")),
    ("store: alerts and evidence", ("batches/reconcile.py", "batches/alert_", "closed_alerts.py")),
    ("store: counts", ("batches/counts.py",)),
    ("store: positions, watermarks", ("batches/position_", "batches/watermarks.py")),
    ("store: exports, audit", ("books/exports.py", "stores/audit/", "sql/row_digests.py")),
    ("enrich", ("normalise/enrich.py", "register/register_view.py")),
    ("store: the rest", ("breachdesk/stores/",)),
    ("windows and episodes", ("streams/correlate/",)),
    ("parse", ("streams/parsers/", "streams/tokenizers/")),
    ("recognise", ("normalise/recognise.py", "normalise/frames.py")),
    ("rules and behaviours", ("streams/sigma/", "streams/detectors/", "process/detect.py")),
    ("counts and dead letters", ("normalise/source_counts.py", "process/dead_letters.py")),
    ("make events", ("streams/normalise/", "schemas/pipeline/event.py")),
    ("journal", ("streams/event_logs/",)),
    ("between the processes", ("streams/parser_process/",)),
    ("pipeline, worker", ("streams/process/", "streams/worker_app/")),
    ("Kafka client", ("aiokafka/",)),
    ("Faust, event loop", ("faust/", "mode/", "asyncio/", "selectors.py")),
)
"""The first that names a frame's file has the sample, from the innermost frame out."""

Part = tuple[str, int]


def count_parts(folded: str) -> Counter[str]:
    """Samples by stage; `frame;frame;… count` a line, outermost first."""
    counts: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, number = line.rpartition(" ")
        counts[_find_stage(stack.split(";"))] += int(number)
    return counts


def compute_shares(folded: str) -> dict[str, float]:
    """Percent of all samples."""
    return _compute_shares(count_parts(folded))


def select_product_samples(folded: str) -> str:
    """Without the samples of what makes the lines and asks for their processing."""
    lines = folded.splitlines()
    return "\n".join(line for line in lines if not _is_bench(line.rpartition(" ")[0].split(";")))


def _is_bench(frames: Sequence[str]) -> bool:
    ours = next((f for f in reversed(frames) if "site-packages" not in f and "/lib/" not in f), "")
    return "/bench/" in ours or "/demo/" in ours


def compute_own_time(folded: str, most: int = 40) -> dict[str, float]:
    """Percent by innermost function of ours, those that cost most."""
    counts: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, number = line.rpartition(" ")
        counts[_find_innermost(stack.split(";"))] += int(number)
    return dict(list(_compute_shares(counts).items())[:most])


def _compute_shares(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values()) or 1
    return {name: round(100 * number / total, 1) for name, number in counts.most_common()}


def _find_stage(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        for stage, names in STAGES:
            if any(name in frame for name in names):
                return stage
    return "other"


def _find_innermost(frames: Sequence[str]) -> str:
    """`function (package/file.py)`, its line left out."""
    for frame in reversed(frames):
        for package in ("/streams/", "/breachdesk/", "/schemas/"):
            if package in frame and "site-packages" not in frame:
                name, _, place = frame.partition(" (")
                return f"{name} ({package[1:]}{place.partition(package)[2].partition(':')[0]})"
    return frames[-1].partition(":")[0]
