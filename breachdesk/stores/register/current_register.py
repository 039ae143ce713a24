"""Serve the register that the pipeline reads before every batch; rebuild it only after a change."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from breachdesk.ports import Store, UnitOfWork
from breachdesk.stores.register.register_view import RegisterSnapshot
from streams.ports import RegisterView

FORMER = -1
"""Version of a view that is not the newest."""


class SqlRegister:
    """streams.ports.AssetRegister."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._view: RegisterView | None = None
        self._former: tuple[datetime, RegisterView] | None = None

    def get_view(self) -> RegisterView:
        """Return the newest view; the same object while nothing changed."""
        return self._store.read(self._load_view)

    def get_former_view(self, before: datetime) -> RegisterView:
        """Return the view as it was known just before that moment."""
        if self._former is None or self._former[0] != before:
            self._former = before, self._store.read(partial(_build_former, before=before))
        return self._former[1]

    def _load_view(self, uow: UnitOfWork) -> RegisterView:
        version = uow.customers.get_version()
        if self._view is None or self._view.version != version:
            bindings = uow.customers.list_bindings(current=False)
            self._view = RegisterSnapshot(bindings, version)
        return self._view


def _build_former(uow: UnitOfWork, before: datetime) -> RegisterView:
    known = [
        binding.model_copy(update={"known_to": None})
        for binding in uow.customers.list_bindings(current=False)
        if (binding.known_from is None or binding.known_from < before)
        and (binding.known_to is None or binding.known_to >= before)
    ]
    return RegisterSnapshot(known, FORMER)
