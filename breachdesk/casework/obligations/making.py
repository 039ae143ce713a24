"""Build an obligation, with what its kind and the law say filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from breachdesk.casework.obligations.dossier import BreachDossier
from breachdesk.casework.obligations.kinds import get_rule
from schemas.casework.obligation import Obligation
from schemas.law import Provision

Maker = Callable[[BreachDossier], Iterator[Obligation]]
"""Yields the obligations of its kinds, ended ones too. Reads only; the same documents give the
same obligations."""


def build_obligation(
    dossier: BreachDossier, kind: str, *, law: Provision | None = None, **fields: Any
) -> Obligation:
    """Build an obligation of this breach. Its id is the kind unless another is given; its source is
    the provision, or a document of ours that `source` names."""
    known: dict[str, Any] = {
        "id": str(kind),
        "kind": str(kind),
        "breach_id": dossier.breach.id,
        "ends_by": get_rule(kind).ends_by,
    }
    if law is not None:
        corrected = "" if law.file is None else f", as corrected in {law.file}"
        known |= {
            "source": law.name + corrected,
            "reviewed_on": law.reviewed_on,
            "verified": law.verified,
        }
    return Obligation.model_validate({**known, **fields})


def get_provision(dossier: BreachDossier, provision_id: str) -> Provision:
    """Return the law in force when we became aware. Raises NotFound."""
    return dossier.uow.law.get_provision(provision_id, dossier.breach.aware_at)
