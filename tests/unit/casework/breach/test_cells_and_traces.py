"""Texts from outside in files for a spreadsheet, and in the traces that a program leaves."""

from __future__ import annotations

import pytest

from breachdesk.casework.breach.register import format_cell
from notifiers.testing.channels import FACTS, STORED, build_recipient


@pytest.mark.parametrize(
    "text",
    ["=1+1", " =1+1", "\n=1+1", "\u00a0=1", "\uff1d1+1", "+44", "-x", "@SUM(1)", "\t=1"],
)
def test_no_cell_begins_a_formula(text: str) -> None:
    assert format_cell(text).startswith("'")


def test_an_ordinary_cell_stays_as_it_is() -> None:
    assert format_cell("Kit Reed, 2 calls = 1 answer") == "Kit Reed, 2 calls = 1 answer"


def test_what_a_log_prints_of_a_document_holds_no_address_and_no_name() -> None:
    traces = "".join(map(repr, (STORED, *STORED.acts, FACTS, build_recipient())))

    for personal in ("@", "Hartwell", "01632", "Recalls", "hartwell-dental"):
        assert personal not in traces
