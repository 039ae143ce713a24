"""Quix Streams doing a five-minute tumbling count by user, run by an environment of its own.

    PYTHON bench/kafka_quix.py SERVERS TOPIC COUNT STATE_DIR [--changelog]

The most favourable arrangement: records are keyed by user already, so nothing is repartitioned;
and, unless --changelog, its state is not backed up to Kafka.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from datetime import timedelta

from quixstreams import Application

FIRST = 1_000
"""Measured from this record on: joining the group and opening state are left out."""


def main() -> None:
    servers, topic, result, state = sys.argv[1:5]
    count = int(result)
    app = Application(
        broker_address=servers,
        consumer_group=f"quix-{secrets.token_hex(4)}",
        auto_offset_reset="earliest",
        state_dir=state,
        use_changelog_topics="--changelog" in sys.argv,
        auto_create_topics="--changelog" in sys.argv,
        loglevel="ERROR",
    )
    frame = app.dataframe(app.topic(topic, value_deserializer="json"))
    seen = {"events": 0, "wall": 0.0, "cpu": 0.0}

    def tick(_window: object) -> None:
        seen["events"] += 1
        if seen["events"] == FIRST:
            seen["wall"], seen["cpu"] = time.perf_counter(), time.process_time()
        if seen["events"] == count:
            wall, cpu = time.perf_counter() - seen["wall"], time.process_time() - seen["cpu"]
            print(json.dumps({"events": count - FIRST, "wall": wall, "cpu": cpu}), flush=True)
            app.stop()

    windows = frame.tumbling_window(timedelta(minutes=5), grace_ms=timedelta(minutes=5)).count()
    windows.current().update(tick)
    app.run()


if __name__ == "__main__":
    main()
