"""Model the decision memo: the reasons, for a lawyer, an insurer or a regulator."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.customer import FrozenModel


class MemoRow(FrozenModel):
    """One line: what it is about, and what is to be said of it."""

    label: str
    text: str = Field(repr=False)


class MemoSection(FrozenModel):
    """Rows under one heading."""

    heading: str
    rows: tuple[MemoRow, ...]


class DecisionMemo(FrozenModel):
    """One sealed decision as a document. It names no customer, and no person affected."""

    breach_id: str
    case_id: str
    title: str
    drill: bool
    version: int
    decided_by: str
    decided_at: datetime
    hash: str
    zone: str
    """Of every time that a row tells."""
    sections: tuple[MemoSection, ...]
