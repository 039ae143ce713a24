"""Calls and files that one warm line crosses, from the journal to the committed alert.

    .venv/bin/python bench/warm_line.py                # the demo's first 2,000 lines, then one more

Reads in this process, so that the parser's calls count too. Only our own code is counted: a call is
one entry of a function of the four packages, in any thread."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from datetime import UTC, datetime
from itertools import islice, pairwise
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[0] = str(ROOT)

from bench.pipeline_slices import FIRST_DAY, generate_lines  # noqa: E402
from breachdesk.bootstrap.container import Container  # noqa: E402
from breachdesk.demo.feed import import_registers  # noqa: E402
from breachdesk.demo.lines import build_lines  # noqa: E402
from breachdesk.demo.setup import DemoClock, build_settings  # noqa: E402
from streams.normalise.record_readers import InProcessReader  # noqa: E402

PACKAGES = tuple(f"{ROOT}/{name}/" for name in ("schemas", "streams", "notifiers", "breachdesk"))
WARM_LINES = 2_000


class CallTrace:
    """Calls of our own functions, in order of entry, while it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.calls: list[tuple[str, str]] = []

    def record(self, frame: FrameType, event: str, _argument: Any) -> None:
        path = frame.f_code.co_filename
        if self.is_on and event == "call" and path.startswith(PACKAGES):
            self.calls.append((path, frame.f_code.co_qualname))

    def summarise(self) -> dict[str, int]:
        files = [path for path, _ in self.calls]
        return {
            "calls": len(self.calls),
            "functions": len(set(self.calls)),
            "files": len(set(files)),
            "calls_that_change_file": sum(one != other for one, other in pairwise(files)),
        }


def trace_warm_line(folder: Path) -> dict[str, int]:
    """Trace one line after WARM_LINES others."""
    trace = CallTrace()
    threading.setprofile(trace.record)  # before the store starts its writer
    demo_lines = build_lines(seed=0, start=FIRST_DAY)
    clock = DemoClock(datetime.combine(FIRST_DAY, datetime.min.time(), UTC))
    container = Container(build_settings(folder, demo_lines, port=0), clock)
    import_registers(container, demo_lines)
    worker = container.build_worker(reader=InProcessReader(container.settings))
    rows = list(islice(generate_lines(), WARM_LINES + 1))
    clock.move_to(rows[-1].arrived)
    container.log.append(rows[:-1])
    worker.process_all()
    container.log.append(rows[-1:])
    sys.setprofile(trace.record)
    trace.is_on = True
    worker.process_all()
    trace.is_on = False
    sys.setprofile(None)
    container.close()
    return trace.summarise()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(trace_warm_line(Path(folder)), indent=1))


if __name__ == "__main__":
    main()
