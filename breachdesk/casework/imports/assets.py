"""Import from a CSV file which asset was whose, when: good rows are imported, faulty ones
reported."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from breachdesk.casework.authority import require_permission
from breachdesk.casework.imports.asset_values import normalise_value
from breachdesk.casework.imports.column_presets import ASSET_PRESETS, choose_preset
from breachdesk.casework.imports.csv_sheet import read_sheet
from breachdesk.casework.imports.customers import record_import
from breachdesk.casework.imports.register_changes import ASSETS, record_bindings
from breachdesk.casework.imports.replay_request import replay_after
from breachdesk.casework.imports.service_presets import SERVICES, ServicePreset
from breachdesk.casework.imports.sheet_rows import CheckedRow
from breachdesk.ports import UnitOfWork
from schemas.customer import (
    PROVIDER,
    AssetKind,
    Binding,
    DataCategory,
    DataRole,
    ImportReport,
    PecrStatus,
    RowProblem,
)
from schemas.errors import BadInput
from schemas.user import Actor, Permission

KINDS = {kind.value: kind for kind in AssetKind} | {
    "email": AssetKind.MAILBOX,
    "website": AssetKind.SITE,
    "network": AssetKind.IP,
    "ip address": AssetKind.IP,
}
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
T = TypeVar("T", DataRole, PecrStatus)
_UNKNOWN = {"id", "known_from", "known_to"}


def import_assets(
    uow: UnitOfWork, actor: Actor, path: Path, *, preset: str = "auto", now: datetime
) -> ImportReport:
    """Bind assets to customers that the register has (or to `provider`), known from now on.

    A row that contradicts what the register holds corrects it for its own span of time; what was
    known before stays on record. Assets that are not in the file stay bound. Raises BadInput for a
    fault of the whole file; then nothing changes.
    """
    require_permission(actor, Permission.REGISTRAR, act="change whose assets are whose")
    sheet = read_sheet(path)
    chosen = choose_preset(ASSET_PRESETS, preset, sheet.header, sheet.file)
    importing = _AssetImport(uow, now)
    with replay_after(uow, now):
        for row in sheet.rows:
            importing.take(CheckedRow(row, chosen, len(sheet.header)))
        importing.write()
    report = ImportReport(
        file=sheet.file,
        preset=chosen.id,
        rows=len(sheet.rows),
        added=importing.counts["added"],
        changed=importing.counts["changed"],
        unchanged=importing.counts["unchanged"],
        refused=importing.counts["refused"],
        problems=tuple(importing.problems),
    )
    record_bindings(uow, actor, importing.changes, now)
    record_import(uow, actor.id, ASSETS, report, now)
    return report


class _AssetImport:
    """One file: what the register holds, what the file has said so far."""

    def __init__(self, uow: UnitOfWork, now: datetime) -> None:
        self.counts: Counter[str] = Counter()
        self.problems: list[RowProblem] = []
        self.changes: list[tuple[Binding, list[Binding]]] = []
        self._uow = uow
        self._now = now
        self._customers = uow.customers.list_ids() | {PROVIDER}
        self._waiting: dict[str, tuple[Binding, list[Binding]]] = {}
        """Bindings that are not written yet, at most one an asset, and what each corrects."""
        self._stored: dict[str, list[Binding]] = defaultdict(list)
        for binding in uow.customers.list_bindings():
            self._stored[binding.asset].append(binding)
        self._stated: dict[str, list[tuple[int, Binding]]] = defaultdict(list)

    def take(self, row: CheckedRow) -> None:
        binding = _parse_binding(row, self._customers)
        if binding is not None:
            self._refuse_contradiction(row, binding)
        self.problems += row.problems
        if binding is None or row.problems:
            self.counts["refused"] += 1
            return
        self._stated[binding.asset].append((row.line, binding))
        self._keep(binding)

    def write(self) -> None:
        """Bind all waiting rows at once."""
        waiting = list(self._waiting.values())
        self._waiting.clear()
        bound = self._uow.customers.bind_all([binding for binding, _ in waiting], self._now)
        for (binding, is_stored), changed in zip(waiting, bound, strict=True):
            if not changed:
                self.counts["unchanged"] += 1  # an earlier row left exactly this span behind
                continue
            self._stored[binding.asset].append(binding)
            self.changes.append((binding, is_stored))
            self.counts["changed" if is_stored else "added"] += 1

    def _refuse_contradiction(self, row: CheckedRow, binding: Binding) -> None:
        for line, other in self._stated[binding.asset]:
            if is_overlapping(other, binding) and not _is_same(other, binding):
                row.add_fault(
                    "value",
                    f"is bound otherwise in line {line}, for the same time",
                    "Keep one of the rows, or give each its dates.",
                )
                return

    def _keep(self, binding: Binding) -> None:
        if binding.asset in self._waiting:
            self.write()
        stored = [old for old in self._stored[binding.asset] if is_overlapping(old, binding)]
        if any(_is_same(old, binding) for old in stored):
            self.counts["unchanged"] += 1
        else:
            self._waiting[binding.asset] = binding, stored


def _parse_binding(row: CheckedRow, customers: Collection[str]) -> Binding | None:
    customer = row.require_text("customer", "Give the customer's id, or `provider` for your own.")
    if customer and customer not in customers:
        row.add_fault("customer", "is no customer we know", "Import the customers first.")
    kind = _parse_kind(row)
    value = _parse_value(row, kind)
    service = _parse_service(row)
    start, end = row.parse_span()
    if kind is None or service is None or row.problems:
        return None
    return Binding(
        kind=kind,
        value=value,
        customer_id=customer,
        service=service.name,
        role=service.role,
        categories=service.categories,
        pecr=service.pecr,
        valid_from=start,
        valid_to=end,
    )


def _parse_kind(row: CheckedRow) -> AssetKind | None:
    kind = KINDS.get(row.get_text("kind").casefold())
    if kind is None:
        row.add_fault("kind", "is not a kind of asset", f"Use one of: {', '.join(AssetKind)}.")
    return kind


def _parse_value(row: CheckedRow, kind: AssetKind | None) -> str:
    if kind is None:
        return ""
    try:
        return normalise_value(kind, row.get_text("value"))
    except BadInput as wrong:
        row.add_fault("value", f"is {wrong.problem}", wrong.remedy)
        return ""


def _parse_service(row: CheckedRow) -> ServicePreset | None:
    """Parse the preset, overridden by the row; or a free name with role and categories."""
    name = row.require_text("service", f"Choose one of: {_join_service_names()}.")
    if not name or row.get_name("service") != name:
        return None
    preset = SERVICES.get(name.casefold())
    role = _parse_role(row) or (preset.role if preset else None)
    categories = _parse_categories(row) or (preset.categories if preset else ())
    pecr = _parse_pecr(row) or (preset.pecr if preset else _get_default_pecr(categories))
    if role is None or not categories:
        remedy = f"Give role and categories too, or choose one of: {_join_service_names()}."
        row.add_fault("service", "is not a preset", remedy)
        return None
    return ServicePreset(preset.name if preset else name, role, categories, "", pecr)


def _join_service_names() -> str:
    return ", ".join(preset.name for preset in SERVICES.values())


def _parse_role(row: CheckedRow) -> DataRole | None:
    return _parse_choice(row, "role", list(DataRole))


def _parse_pecr(row: CheckedRow) -> PecrStatus | None:
    return _parse_choice(row, "pecr", list(PecrStatus))


def _get_default_pecr(categories: Sequence[DataCategory]) -> PecrStatus:
    """Return `ask` for traffic data: its holder may provide a public communications service, which
    a person must decide."""
    return PecrStatus.ASK if DataCategory.TRAFFIC in categories else PecrStatus.NO


def _parse_choice(row: CheckedRow, meaning: str, values: Sequence[T]) -> T | None:
    text = row.get_text(meaning).casefold()
    match = next((value for value in values if value == text), None)
    if text and match is None:
        row.add_fault(meaning, "is not known", f"Use one of: {', '.join(values)}.")
    return match


def _parse_categories(row: CheckedRow) -> tuple[DataCategory, ...]:
    words = [word.strip() for word in re.split(r"[;,|]", row.get_text("categories").casefold())]
    named = [word for word in words if word]
    known = set(DataCategory)
    if any(word not in known for word in named):
        row.add_fault("categories", "has one that is not known", f"Use: {'; '.join(DataCategory)}.")
        return ()
    return tuple(dict.fromkeys(DataCategory(word) for word in named))


def is_overlapping(one: Binding, other: Binding) -> bool:
    begin = max(one.valid_from or _EVER, other.valid_from or _EVER)
    return begin < min(one.valid_to or _NEVER, other.valid_to or _NEVER)


def _is_same(one: Binding, other: Binding) -> bool:
    return one.model_dump(exclude=_UNKNOWN) == other.model_dump(exclude=_UNKNOWN)
