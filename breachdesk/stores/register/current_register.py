"""Serve the register that the pipeline reads before every batch; rebuild it only after a change."""

from __future__ import annotations

from breachdesk.ports import Store, UnitOfWork
from breachdesk.stores.register.register_view import RegisterSnapshot
from streams.ports import RegisterView


class SqlRegister:
    """streams.ports.AssetRegister."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._view: RegisterView | None = None

    def get_view(self) -> RegisterView:
        """Return the newest view; the same object while nothing changed."""
        return self._store.read(self._load_view)

    def _load_view(self, uow: UnitOfWork) -> RegisterView:
        version = uow.customers.get_version()
        if self._view is None or self._view.version != version:
            bindings = uow.customers.list_bindings(current=False)
            self._view = RegisterSnapshot(bindings, version)
        return self._view
