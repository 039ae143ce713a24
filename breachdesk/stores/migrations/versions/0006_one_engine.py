"""State of the one engine: fences with a revision, a log row a batch, buckets that know when they
are due.

What the former engines left goes over: signals of the log into rows of up to a thousand, in the
layout that the engine reads; buckets as they are, under a binary digest of their key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SIGNALS = 1_000
"""In one log row."""
HOLD_SECONDS = 3_600.0
"""A backfill counted as running until none of its records had arrived for so long."""
LATEST_DAYS = 8
"""No source that was shipped may be later than seven days: then a sweep looks at a bucket. Where
more is configured it finds the group within reach and looks again."""

RAISE = """
UPDATE watermarks SET value = CASE WHEN value > :value THEN value ELSE :value END
WHERE name = :name
"""
BUCKETS = """
INSERT INTO signal_buckets (key_hash, bucket, timespan, key, payload, due, size)
SELECT {digest}, bucket, timespan, key, payload,
 (bucket + 3) * timespan + {late}, length(payload) + length(key)
FROM former_buckets
"""
GROUPS = """
INSERT INTO signal_groups (key_hash, version)
SELECT {digest}, version FROM former_groups AS g
WHERE EXISTS (SELECT 1 FROM former_buckets AS b WHERE b.key_hash = g.key_hash)
"""
LOG = """
SELECT partition, key, time, event_id, step, value, journal, "offset", sha256, source, body
FROM signal_log ORDER BY partition, id
"""


def upgrade() -> None:
    _watermarks()
    _positions()
    _log()
    _groups_and_buckets()
    _alerts()


def _watermarks() -> None:
    """What the former engine kept with its position. A backfill may have been running: as if one
    were."""
    query = "SELECT max(low_watermark), max(arrived) FROM positions WHERE {}"
    connection = op.get_bind()
    low, _ = connection.execute(sa.text(query.format("low_watermark IS NOT NULL"))).one()
    _, arrived = connection.execute(sa.text(query.format("counted IS NULL"))).one()
    _raise("low", low)
    _raise("held_until", None if arrived is None else arrived + HOLD_SECONDS)


def _raise(name: str, value: float | None) -> None:
    if value is None:
        return
    connection = op.get_bind()
    if not connection.execute(sa.text(RAISE), {"name": name, "value": value}).rowcount:
        new = sa.text("INSERT INTO watermarks (name, value) VALUES (:name, :value)")
        connection.execute(new, {"name": name, "value": value})


def _positions() -> None:
    """Records up to the position were counted."""
    op.execute('UPDATE positions SET counted = "offset" WHERE counted IS NULL')
    with op.batch_alter_table("positions") as table:
        table.drop_column("low_watermark")
        table.add_column(
            sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0")
        )


def _log() -> None:
    connection = op.get_bind()
    rows = connection.execute(sa.text(LOG)).all()
    op.drop_table("signal_log")
    op.create_table(
        "signal_log",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("partition", sa.String(length=300), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_log")),
        sqlite_autoincrement=True,
    )
    insert = sa.text("INSERT INTO signal_log (partition, body) VALUES (:partition, :body)")
    for partition, some in _parts(rows):
        connection.execute(insert, {"partition": partition, "body": _body(some)})


def _parts(rows: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Rows of one partition, at most SIGNALS together, in the order of the log."""
    by_partition: dict[str, list[Any]] = {}
    for row in rows:
        by_partition.setdefault(row[0], []).append(row)
    for partition, those in by_partition.items():
        for begin in range(0, len(those), SIGNALS):
            yield partition, those[begin : begin + SIGNALS]


def _body(rows: Sequence[Any]) -> bytes:
    """Signals as the engine logs them: what repeats is written once and numbered."""
    keys, touches, journals, summaries = _Numbers(), _Numbers(), _Numbers(), _Numbers()
    signals = []
    for _, key, time, event_id, step, value, journal, offset, sha256, source, body in rows:
        touched, unattributed, summary = orjson.loads(body)
        signals.append(
            (
                keys.number(orjson.loads(key)), time, event_id, step, value,
                journals.number(journal), offset, sha256, source,
                touches.number(touched), unattributed, summaries.number(summary),
            )  # fmt: skip
        )
    return orjson.dumps(
        {
            "k": keys.values,
            "t": touches.values,
            "j": journals.values,
            "m": summaries.values,
            "s": signals,
        }
    )


class _Numbers:
    """Values that repeat, each once, by number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[bytes, int] = {}

    def number(self, value: Any) -> int:
        text = orjson.dumps(value)
        if text not in self._numbers:
            self._numbers[text] = len(self.values)
            self.values.append(value)
        return self._numbers[text]


def _groups_and_buckets() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        digest = "decode({}key_hash, 'hex')"
        for table in ("buckets", "groups"):
            op.execute(f"ALTER TABLE signal_{table} RENAME TO former_{table}")
            op.execute(
                f"ALTER TABLE former_{table} RENAME CONSTRAINT pk_signal_{table}"
                f" TO pk_former_{table}"
            )
    else:
        digest = "digest_of_hex({}key_hash)"
        driver: Any = connection.connection.dbapi_connection
        driver.create_function("digest_of_hex", 1, bytes.fromhex, deterministic=True)
        for table in ("buckets", "groups"):
            op.rename_table(f"signal_{table}", f"former_{table}")
    _create_groups_and_buckets()
    op.execute(BUCKETS.format(digest=digest.format(""), late=LATEST_DAYS * 86_400))
    op.execute(GROUPS.format(digest=digest.format("g.")))
    op.drop_table("former_groups")
    op.drop_table("former_buckets")


def _create_groups_and_buckets() -> None:
    op.create_table(
        "signal_buckets",
        sa.Column("key_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("bucket", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("timespan", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("due", sa.Float(precision=53), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", "bucket", name=op.f("pk_signal_buckets")),
    )
    op.create_index(op.f("ix_signal_buckets_due_size"), "signal_buckets", ["due", "size"])
    op.create_table(
        "signal_groups",
        sa.Column("key_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_signal_groups")),
    )


def _alerts() -> None:
    """Closed alerts are asked for by nobody who reconciles a group."""
    op.drop_index(op.f("ix_alerts_key_hash_closed"), table_name="alerts")
    op.create_index(
        op.f("ix_alerts_key_hash"),
        "alerts",
        ["key_hash"],
        sqlite_where=sa.text("closed = 0"),
        postgresql_where=sa.text("NOT closed"),
    )
