"""Model the part of a frozen list that most of casework needs, without thousands of excluded
exposures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from pydantic import Field

from schemas.casework.affected import Certainty, Exposure, Manifest, Recipient
from schemas.customer import DataRole, FrozenModel


@dataclass(frozen=True, slots=True)
class ExcludedExposures:
    """The excluded exposures of a list: `(customer_id, role) in excluded`."""

    by_role: Mapping[DataRole, frozenset[str]] = field(repr=False)

    def __contains__(self, whose: object) -> bool:
        match whose:
            case (str() as customer_id, DataRole() as role):
                return customer_id in self.by_role.get(role, ())
        return False


class ListOutline(FrozenModel):
    """A frozen list that names its excluded exposures without describing them. It is always stored
    with its list."""

    breach_id: str
    version: int
    frozen_by: str
    frozen_at: datetime
    exposures: tuple[Exposure, ...]
    """Those that are not excluded, in the order of the list."""
    corrected: tuple[Exposure, ...]
    """The excluded ones of customers who are told that it was not so."""
    not_reached: dict[DataRole, frozenset[str]] = Field(repr=False)
    """The customers of the excluded exposures."""
    customers: dict[Certainty, int]
    """Each counted once, by the gravest certainty of its exposures."""
    recipients: tuple[Recipient, ...] = Field(repr=False)
    hash: str
    """Of the list."""

    @classmethod
    def from_manifest(cls, manifest: Manifest) -> Self:
        """Build the outline of a list."""
        excluded: dict[DataRole, list[str]] = {}
        corrected: list[Exposure] = []
        to_correct = {r.customer_id for r in manifest.recipients if r.kind.corrects}
        for exposure in manifest.exposures:
            if exposure.certainty is Certainty.EXCLUDED:
                excluded.setdefault(exposure.role, []).append(exposure.customer_id)
                if exposure.customer_id in to_correct:
                    corrected.append(exposure)
        return cls(
            breach_id=manifest.breach_id,
            version=manifest.version,
            frozen_by=manifest.frozen_by,
            frozen_at=manifest.frozen_at,
            exposures=tuple(e for e in manifest.exposures if e.certainty is not Certainty.EXCLUDED),
            corrected=tuple(corrected),
            not_reached={role: frozenset(customers) for role, customers in excluded.items()},
            customers=count_by_certainty(manifest),
            recipients=manifest.recipients,
            hash=manifest.hash,
        )

    @property
    def excluded(self) -> ExcludedExposures:
        """The excluded exposures, by customer and role."""
        return ExcludedExposures(self.not_reached)


FrozenList = Manifest | ListOutline
"""Whoever takes either asks only for what is reached."""


def count_by_certainty(manifest: Manifest) -> dict[Certainty, int]:
    """Count customers, each once, by the highest certainty of their exposures."""
    order = list(Certainty)
    certainties: dict[str, Certainty] = {}
    for exposure in manifest.exposures:
        before = certainties.get(exposure.customer_id, Certainty.EXCLUDED)
        certainties[exposure.customer_id] = min(before, exposure.certainty, key=order.index)
    tally = Counter(certainties.values())
    return {certainty: tally[certainty] for certainty in order}
