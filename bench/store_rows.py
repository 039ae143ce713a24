"""Rows of a store as schema 0005 has them: alerts, evidence, assets, sources, letters, audit.

`bench/filler.py` writes them before the newer migrations run, so that what those migrations make of
rows that stand is made here too, and no column of a newer schema has to be known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from schemas.audit import GENESIS, AuditEntry
from schemas.audit_actions import AuditAction

NEWEST = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
DAYS = 400
"""Over which everything lies."""
TIMESPAN = 600
SEVERITIES = ("medium", "low", "high", "medium", "low", "informational", "low", "critical")
CATEGORIES = ("mail", "files", "identity", "contact", "financial")
KINDS = (("mailbox", "mail", "user{}@customer-{:05d}.example"),
         ("site", "website", "www{}.customer-{:05d}.example"),
         ("host", "files", "srv{}.customer-{:05d}.example"))  # fmt: skip
TOUCHED_BY_BREACH = 25
"""Customers whose assets each alert of a confirmed case names."""
MANY = 500
"""Events of each thousandth alert."""

Row = tuple[Any, ...]
Rows = Iterator[Row]


@dataclass(frozen=True)
class StoreSizes:
    """How many of each. The new alerts are the newest; those of cases come next."""

    alerts: int = 100_000
    new: int = 300
    customers: int = 2_000
    assets: int = 6_000
    cases: int = 2_000
    open_cases: int = 80
    breaches: int = 40
    approved: int = 5
    """Of the breaches: their letters are written and wait to be sent."""
    sources: int = 60
    dead_letters: int = 5_000
    unattributed: int = 2_000
    audit: int = 100_000

    def get_alerts_of_case(self, number: int) -> range:
        """Surrogate keys of the alerts of the case with that number, counted from 1."""
        begin = 1 + self.new + 2 * (number - 1)
        return range(min(begin, self.alerts + 1), min(begin + 2, self.alerts + 1))


def format_customer_id(number: int) -> str:
    return f"customer-{number:05d}"


def format_case_id(number: int) -> str:
    return f"CASE-{number:04d}"


def dump_json(value: object) -> str:
    return orjson.dumps(value).decode()


def build_asset(number: int, customer: int) -> tuple[str, str]:
    """(`kind:value`, category) of one of the customer's assets."""
    kind, category, form = KINDS[number % len(KINDS)]
    return f"{kind}:{form.format(number // len(KINDS), customer)}", category


class AlertRows:
    """Alert `pk` 1 is the newest; each falls to its customers, rule and state by its number."""

    def __init__(self, sizes: StoreSizes, rules: Sequence[tuple[str, str]]) -> None:
        self._sizes = sizes
        self._rules = rules
        self._step = timedelta(days=DAYS) / max(sizes.alerts, 1)

    def compute_time(self, pk: int) -> datetime:
        return NEWEST - self._step * (pk - 1)

    def find_case(self, pk: int) -> int | None:
        """Number of its case."""
        number = 1 + (pk - 1 - self._sizes.new) // 2
        return number if pk > self._sizes.new and number <= self._sizes.cases else None

    def list_touches(self, pk: int) -> list[list[str]]:
        """Of a breach's alerts several customers, of some others none that we know."""
        number = self.find_case(pk)
        if number is not None and number <= self._sizes.breaches:
            few = TOUCHED_BY_BREACH
        else:
            few = 0 if pk % 20 == 0 else 1 + pk % 2
        owners = ((pk * 7919 + i * 31) % max(self._sizes.customers, 1) for i in range(few))
        touched = ((owner, *build_asset(pk % len(KINDS), owner)) for owner in owners)
        return [[format_customer_id(owner), name, category] for owner, name, category in touched]

    def count_events(self, pk: int) -> int:
        return MANY if pk % 1_000 == 999 else 1 + pk * pk % 5

    def generate_alerts(self) -> Rows:
        for pk in range(1, self._sizes.alerts + 1):
            rule, title = self._rules[pk % len(self._rules)]
            at, touches = self.compute_time(pk), self.list_touches(pk)
            first = int(at.timestamp()) // TIMESPAN
            user = f"user{pk % 5_000}@customer-{pk % 997:05d}.example"
            yield (
                pk, compute_alert_id(pk), compute_key_hash(pk), rule,
                touches[0][0] if touches else "provider", dump_json([user]), title,
                first * TIMESPAN, first, first, TIMESPAN, at,
                SEVERITIES[pk * 5 % len(SEVERITIES)], dump_json(touches),
                dump_json([] if touches else [f"host:stray{pk % 3_000}.example"]), dump_json([user]),
                f"{user}: {self.count_events(pk)} events within ten minutes, from 203.0.113.{pk % 250}.",
                digest("fingerprint", pk)[:16], self.count_events(pk), digest("evidence", pk),
                at, at, 1, None, pk > self._sizes.new,
            )  # fmt: skip

    def generate_acts(self) -> Rows:
        for pk in range(1, self._sizes.alerts + 1):
            number = self.find_case(pk)
            if pk <= self._sizes.new:
                yield pk, 1, "new", None, None, None
            elif number is not None:
                yield pk, 2, "case", "analyst", None, format_case_id(number)
            else:
                yield pk, 2, "dismissed", None, "Our own scanner: seen and known.", None

    def generate_ids(self) -> Rows:
        return ((compute_alert_id(pk), pk) for pk in range(1, self._sizes.alerts + 1))

    def generate_evidence(self) -> Rows:
        for pk in range(1, self._sizes.alerts + 1):
            at, touches = self.compute_time(pk), self.list_touches(pk)
            for number in range(self.count_events(pk)):
                moment = at + timedelta(seconds=number)
                yield (
                    pk, digest("event", pk, number)[:32], "", f"user{pk % 5_000}", moment,
                    f"source-{pk % 60:02d}", f"{moment:%Y-%m-%d}", pk * 1_000 + number,
                    digest("raw", pk, number), build_summary(pk, moment),
                    dump_json(touches[number % len(touches) :][:1] if touches else []),
                )  # fmt: skip


def build_summary(pk: int, at: datetime) -> str:
    return dump_json(
        {
            "@timestamp": at.isoformat(),
            "event.action": "UserLoginFailed" if pk % 3 else "FileDownloaded",
            "event.outcome": "failure" if pk % 3 else "success",
            "user.name": f"user{pk % 5_000}",
            "source.ip": f"203.0.113.{pk % 250}",
            "file.name": f"Ledger {pk % 90}.xlsx",
        }
    )


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def compute_alert_id(pk: int) -> str:
    return "AL-" + digest("alert", pk)[:12]


def compute_key_hash(pk: int) -> str:
    return digest("group", pk)[:32]


def generate_bindings(sizes: StoreSizes) -> Rows:
    """The customers' assets in turn."""
    known = NEWEST - timedelta(days=DAYS + 30)
    for number in range(sizes.assets):
        owner, turn = number % max(sizes.customers, 1), number // max(sizes.customers, 1)
        name, category = build_asset(turn, owner)
        kind, _, value = name.partition(":")
        yield (
            kind, value, format_customer_id(owner), f"hosted {kind}", "processor", dump_json([category]),
            "no", None, None, known, None,
        )  # fmt: skip


def generate_source_counts(sizes: StoreSizes) -> Rows:
    begun = NEWEST - timedelta(days=DAYS)
    for number in range(sizes.sources):
        lines = 100_000 + number * 977
        yield (
            f"source-{number:02d}", "sonicwall", lines, lines - 40, 0, 30, 10, number, begun,
            NEWEST, NEWEST,
        )  # fmt: skip


def generate_blind_intervals(sizes: StoreSizes) -> Rows:
    for number in range(sizes.sources * 4):
        begun = NEWEST - timedelta(days=1 + number % DAYS, minutes=number)
        yield (f"source-{number % sizes.sources:02d}", begun, begun + timedelta(hours=2),
               "it sent nothing", None)  # fmt: skip


def generate_dead_letters(sizes: StoreSizes) -> Rows:
    for number in range(sizes.dead_letters):
        at = NEWEST - timedelta(minutes=number)
        yield (
            f"{at:%Y-%m-%d}", number, f"source-{number % 60:02d}", at,
            "sonicwall" if number % 3 else "", "the time cannot be read: look at its format",
            digest("letter", number), number % 10 == 0,
        )  # fmt: skip


def generate_unattributed(sizes: StoreSizes) -> Rows:
    for number in range(sizes.unattributed):
        kind = ("host", "mailbox", "ip", "domain")[number % 4]
        name = f"198.18.{number // 250}.{number % 250}" if kind == "ip" else f"n{number}.example"
        at = NEWEST - timedelta(hours=number)
        yield (
            f"{kind}:{name}",
            1 + number % 700,
            at - timedelta(days=9),
            at,
            dump_json(["sonicwall"]),
        )


class AuditRows:
    """A chain of entries about alerts; `head` is where it ends once `rows` was read."""

    def __init__(self, sizes: StoreSizes) -> None:
        self._sizes = sizes
        self.head = (0, GENESIS)

    def generate_rows(self) -> Rows:
        step = timedelta(days=DAYS) / max(self._sizes.audit, 1)
        for seq in range(1, self._sizes.audit + 1):
            pk = max(1, self._sizes.alerts - seq)
            entry = AuditEntry(
                seq=seq,
                at=NEWEST - timedelta(days=DAYS) + step * seq,
                actor="system:pipeline" if seq % 3 else "analyst",
                act=AuditAction.ALERT_EPISODE_RAISED
                if seq % 3
                else AuditAction.ALERT_STATE_DISMISSED,
                subject=compute_alert_id(pk),
                facts={
                    "customers": [touch[0] for touch in self._list_few_touches(pk)],
                    "revision": 1,
                },
                previous=self.head[1],
                hash="",
            )
            entry = entry.model_copy(update={"hash": entry.compute_hash()})
            self.head = (seq, entry.hash)
            yield seq, entry.subject, entry.hash, entry.model_dump_json()

    def _list_few_touches(self, pk: int) -> list[list[str]]:
        return AlertRows(self._sizes, ()).list_touches(pk)[:2]


ALERT_COLUMNS = (
    "pk", "id", "key_hash", "rule", "organization", "group", "title", "anchor", "first", "last",
    "timespan", "fired", "severity", "touches", "unattributed", "entities", "explanation",
    "fingerprint", "evidence", "evidence_hash", "detected_at", "revised_at", "revision",
    "merged_into", "closed",
)  # fmt: skip
ACT_COLUMNS = ("alert_pk", "version", "state", "assignee", "dismissed_reason", "case_id")
EVIDENCE_COLUMNS = (
    "alert_pk", "event_id", "step", "value", "time", "source", "journal", "offset", "sha256",
    "summary", "touches",
)  # fmt: skip
BINDING_COLUMNS = (
    "kind", "value", "customer_id", "service", "role", "categories", "pecr", "valid_from",
    "valid_to", "known_from", "known_to",
)  # fmt: skip
SOURCE_COLUMNS = (
    "name", "parser", "received", "parsed", "folded", "dead_letters", "not_understood", "late",
    "first_event", "last_event", "last_arrived",
)  # fmt: skip
LETTER_COLUMNS = (
    "journal", "offset", "source", "arrived", "parser", "reason", "sha256", "replayed",
)  # fmt: skip


def generate_tables(
    sizes: StoreSizes, rules: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Sequence[str], Rows]]:
    """(table, columns, rows), in an order that foreign keys allow."""
    alerts, audit = AlertRows(sizes, rules), AuditRows(sizes)
    yield "alerts", ALERT_COLUMNS, alerts.generate_alerts()
    yield "alert_acts", ACT_COLUMNS, alerts.generate_acts()
    yield "alert_ids", ("id", "alert_pk"), alerts.generate_ids()
    yield "evidence", EVIDENCE_COLUMNS, alerts.generate_evidence()
    yield "bindings", BINDING_COLUMNS, generate_bindings(sizes)
    yield "source_counts", SOURCE_COLUMNS, generate_source_counts(sizes)
    yield (
        "blind_intervals",
        ("source", "begin", "end", "reason", "lost"),
        generate_blind_intervals(sizes),
    )
    yield "dead_letters", LETTER_COLUMNS, generate_dead_letters(sizes)
    yield (
        "unattributed",
        ("key", "events", "first", "last", "datasets"),
        generate_unattributed(sizes),
    )
    yield "audit", ("seq", "subject", "hash", "doc"), audit.generate_rows()
    yield "audit_head", ("chain", "seq", "hash"), iter([("main", *audit.head)])
