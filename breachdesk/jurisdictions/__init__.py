"""Plug-ins only: one regulator a file, dated law, questions in the order of its form.

The file name is the id; it exports JURISDICTION (breachdesk.gdpr.jurisdiction.Jurisdiction).
"""

from __future__ import annotations

from collections.abc import Mapping

from breachdesk.gdpr.jurisdiction import Jurisdiction, load_jurisdictions
from schemas.errors import NotFound


def list_jurisdictions() -> Mapping[str, Jurisdiction]:
    """All of them, by id."""
    return load_jurisdictions()


def get_jurisdiction(jurisdiction_id: str) -> Jurisdiction:
    """Raises NotFound, naming those there are."""
    known = list_jurisdictions()
    if jurisdiction_id not in known:
        raise NotFound(f"no jurisdiction {jurisdiction_id}", remedy=f"Use {' or '.join(known)}.")
    return known[jurisdiction_id]
