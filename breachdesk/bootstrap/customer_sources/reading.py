"""Import from one source: read it, compare it with what was read before, apply it in one act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from breachdesk.bootstrap.container import Container
from breachdesk.bootstrap.customer_sources.folder import read_folder
from breachdesk.casework.imports.deliveries import DeliveredPart, is_known_vendor, read_delivery
from breachdesk.casework.imports.delivery_import import (
    DeliveryOutcome,
    compute_delivery_digest,
    import_delivery,
    note_unchanged,
    note_unread,
    plan_delivery,
)
from breachdesk.casework.imports.import_plan import ImportPlan
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import BadInput, BreachDeskError, ConfigurationError
from schemas.register_import import ImportSourceState
from schemas.user import Actor


class ReadSource(NamedTuple):
    """What a source holds, and what is to be remembered of it."""

    parts: Sequence[DeliveredPart]
    state: ImportSourceState


def import_source(
    container: Container, source: CustomerSourceSettings, actor: Actor, *, always: bool = False
) -> DeliveryOutcome | None:
    """Import what the source holds. None: it holds what it held; `always` plans it anyway.

    Raises what reading raises; the reason is then kept with the source, and nothing else
    changes."""
    try:
        read = read_source(container, source, always=always)
        delivery = None if read is None else read_delivery(read.parts, source.vendor)
    except BreachDeskError as error:
        trouble = str(error)
        container.store.write(lambda uow: note_unread(uow, source.name, trouble, container.now()))
        raise
    if read is None or delivery is None:
        container.store.write(lambda uow: note_unchanged(uow, source.name, container.now()))
        return None
    return container.store.write(
        lambda uow: import_delivery(uow, actor, source, delivery, read.state, container.now())
    )


def plan_source(container: Container, source: CustomerSourceSettings) -> ImportPlan:
    """Plan what an import would change, and change nothing."""
    read = read_source(container, source, always=True)
    assert read is not None
    delivery = read_delivery(read.parts, source.vendor)
    return container.store.read(lambda uow: plan_delivery(uow, source, delivery))


def read_source(
    container: Container, source: CustomerSourceSettings, *, always: bool
) -> ReadSource | None:
    """Read the source. None: it holds what it held. Raises ConfigurationError for an unknown
    vendor."""
    if not is_known_vendor(source.vendor):
        raise ConfigurationError(
            f"no vendor {source.vendor}", place=f"customers {source.name}", remedy="See the manual."
        )
    state = container.store.read(lambda uow: uow.imports.get_source(source.name))
    if source.folder is not None:
        most = int(source.most_mib * 1024 * 1024)
        return _compare(state, read_folder(source.folder, most), always=always)
    # Only here: the client for HTTP is an extra.
    try:
        from breachdesk.bootstrap.customer_sources.web import fetch_delivery
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the Python module {error.name} is not installed",
            place=f"customers {source.name}",
            remedy="Install it with: pip install 'breachdesk[microsoft365]'.",
        ) from None
    tags = {} if always else {"etag": state.etag, "last_modified": state.last_modified}
    fetched = fetch_delivery(source, **tags)
    if fetched is None:
        return None
    fresh = {"etag": fetched.etag, "last_modified": fetched.last_modified}
    return _compare(state.model_copy(update=fresh), fetched.parts, always=always)


def find_source(container: Container, name: str) -> CustomerSourceSettings:
    """Return the configured source. Raises BadInput for an unknown name."""
    for source in container.settings.customers:
        if source.name == name:
            return source
    names = ", ".join(source.name for source in container.settings.customers) or "none"
    raise BadInput(f"no source of customers {name}", place="--from", remedy=f"There are: {names}.")


def _compare(
    state: ImportSourceState, parts: Sequence[DeliveredPart], *, always: bool
) -> ReadSource | None:
    digest = compute_delivery_digest(parts)
    if digest == state.digest and not state.trouble and not always:
        return None
    return ReadSource(parts, state.model_copy(update={"digest": digest}))
