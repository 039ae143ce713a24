"""Write the demo's documents, and the one JSON object that summarises it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from breachdesk.bootstrap.container import Container
from breachdesk.casework.breach import register, report
from breachdesk.demo.feed import write_reports_folder
from breachdesk.ports import UnitOfWork
from schemas import private_files
from schemas.casework.affected import Certainty, Manifest
from schemas.casework.breach import Breach
from schemas.casework.case import TaskKind
from schemas.casework.notice_states import NOTIFIED


def write_documents(container: Container, breach: Breach) -> list[str]:
    """Write the regulator's report as text, JSON and PDF, and the register; returns their paths in that
    order."""
    folder, now = write_reports_folder(container), container.now()
    built, entries = container.store.read(
        lambda uow: (
            report.build_report(
                uow, breach.id, report.default_jurisdiction(uow.law), container.settings, now
            ),
            register.list_entries(uow, now),
        )
    )
    files = {
        "ico-report.txt": container.renderer.render_report_text(built).encode(),
        "ico-report.json": built.model_dump_json(indent=2, exclude={"contradictions"}).encode(),
        "ico-report.pdf": container.renderer.render_report_pdf(built, container.settings.profile),
        "register.json": register.export_register(entries, "json").encode(),
    }
    for name, content in files.items():
        private_files.write_bytes(folder / name, content)
    return [str(folder / name) for name in files]


def summarise(
    container: Container, reports: list[str], seconds: Mapping[str, float]
) -> dict[str, Any]:
    """Summarise counts of everything the demo produced, from the store alone."""
    facts = container.store.read(_collect_counts)
    mails = container.get_sender().maildir or Path()
    rounded = {step: round(value, 2) for step, value in seconds.items()}
    return {**facts, "mails": str(mails), "reports": reports, "seconds": rounded}


def _collect_counts(uow: UnitOfWork) -> dict[str, Any]:
    sources = uow.sources.list()
    notices = uow.notices.list()
    breaches = uow.breaches.list()
    return {
        "events": {
            "received": sum(s.received for s in sources),
            "parsed": sum(s.parsed for s in sources),
            "dead_letters": sum(s.dead_letters + s.not_understood for s in sources),
        },
        "alerts": uow.alerts.count(),
        "cases": len(uow.cases.list()),
        "breaches": len(breaches),
        "customers": _count_certainties(uow, [b.id for b in breaches]),
        "customers_affected": len(_list_told_customers(uow)),
        "notices": dict(sorted(Counter(row.status.value for row in notices).items())),
    }


def _count_certainties(uow: UnitOfWork, breach_ids: list[str]) -> dict[str, int]:
    """Count each customer once, by the highest certainty of its exposures."""
    order = list(Certainty)
    gravest: dict[str, Certainty] = {}
    for breach_id in breach_ids:
        manifest = uow.breaches.find_latest(Manifest, breach_id)
        for exposure in manifest.exposures if manifest else ():
            known = gravest.get(exposure.customer_id, Certainty.EXCLUDED)
            gravest[exposure.customer_id] = min(known, exposure.certainty, key=order.index)
    counts = Counter(gravest.values())
    return {certainty.value: counts[certainty] for certainty in order}


def _list_told_customers(uow: UnitOfWork) -> set[str]:
    """List customers notified by mail or telephone."""
    by_mail = {row.customer_id for row in uow.notices.list(statuses=NOTIFIED)}
    spoken = {
        task.customer_id
        for case in uow.cases.list()
        for task in case.tasks
        if task.kind is TaskKind.TELEPHONE and task.done_at and task.customer_id
    }
    return by_mail | spoken
