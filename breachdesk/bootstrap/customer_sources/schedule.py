"""Import from every configured source when it is due."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from threading import Event

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.customer_sources.reading import import_source
from breachdesk.casework.imports.delivery_import import IMPORTER, DeliveryOutcome
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import BreachDeskError, RetryableError

LOOK_EVERY_SECONDS = 5.0
Say = Callable[[str], None]


def run_imports(container: Container, stop: Event, say: Say) -> None:
    """Import until `stop` is set. A source that cannot be read is read again when it is due."""
    troubles: dict[str, str] = {}
    while not stop.wait(LOOK_EVERY_SECONDS):
        # A store that refuses for now is asked again at the next look.
        with suppress(RetryableError):
            import_due(container, say, troubles)


def import_due(container: Container, say: Say, troubles: dict[str, str]) -> int:
    """Import from the sources that are due; how many that were. `troubles`: what was said of each
    source, so that it is said once."""
    due = [source for source in container.settings.customers if is_due(container, source)]
    for source in due:
        try:
            outcome = import_source(container, source, IMPORTER)
        except BreachDeskError as error:
            if troubles.get(source.name) != str(error):
                say(f"customers of {source.name} are not read: {error}")
            troubles[source.name] = str(error)
            continue
        troubles.pop(source.name, None)
        if outcome is not None:
            say(f"customers of {source.name}: {describe_outcome(outcome)}")
    return len(due)


def is_due(container: Container, source: CustomerSourceSettings) -> bool:
    """Whether the last attempt is as long ago as the settings say. A clock that was set back makes
    it due."""
    state = container.store.read(lambda uow: uow.imports.get_source(source.name))
    if state.checked_at is None:
        return True
    passed = container.now() - state.checked_at
    return not timedelta(0) <= passed < timedelta(minutes=source.every_minutes)


def describe_outcome(outcome: DeliveryOutcome) -> str:
    """Describe an import in counts."""
    plan = outcome.plan
    return (
        f"{plan.rows} rows, {len(plan.safe)} applied, {plan.unchanged} unchanged,"
        f" {plan.refused} refused, {outcome.waiting} wait for a person,"
        f" {len(outcome.assets.bound)} assets bound"
    )
