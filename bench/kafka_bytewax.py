"""Bytewax doing a five-minute tumbling count by user, run by an environment of its own.

PYTHON bench/kafka_bytewax.py SERVERS TOPIC COUNT
"""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main

FIRST = 1_000
SEEN = {"events": 0, "wall": 0.0, "cpu": 0.0}


class NullPartition(StatelessSinkPartition[Any]):
    def write_batch(self, items: list[Any]) -> None:
        del items


class NullSink(DynamicSink[Any]):
    def build(self, step_id: str, worker_index: int, worker_count: int) -> NullPartition:
        del step_id, worker_index, worker_count
        return NullPartition()


def parse_message(message: Any) -> tuple[str, datetime]:
    SEEN["events"] += 1
    if SEEN["events"] == FIRST:
        SEEN["wall"], SEEN["cpu"] = time.perf_counter(), time.process_time()
    record = orjson.loads(message.value)
    return record["user"]["name"], datetime.fromisoformat(record["@timestamp"])


def main() -> None:
    servers, topic, count = sys.argv[1:4]
    flow = Dataflow("count")
    source = KafkaSource([servers], [topic], tail=False, batch_size=1000)
    rows = op.map("told", op.input("in", flow, source), parse_message)
    clock = windowing.EventClock(lambda at: at, wait_for_system_duration=timedelta(minutes=5))
    windower = windowing.TumblingWindower(
        length=timedelta(minutes=5), align_to=datetime(2026, 1, 1, tzinfo=UTC)
    )
    counted = windowing.fold_window(
        "count",
        rows,
        clock,
        windower,
        lambda: 0,
        lambda total, _at: total + 1,
        lambda one, other: one + other,
    )
    op.output("out", counted.down, NullSink())
    cli_main(flow)
    events = int(SEEN["events"])
    if events < int(count):
        raise SystemExit(f"{events} of {count} seen")
    print(
        json.dumps(
            {
                "events": events - FIRST,
                "wall": time.perf_counter() - SEEN["wall"],
                "cpu": time.process_time() - SEEN["cpu"],
            }
        )
    )


if __name__ == "__main__":
    main()
