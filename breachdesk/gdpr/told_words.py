"""Describe how many people were notified, for a regulator: each person counted once."""

from __future__ import annotations

from breachdesk.gdpr.filing import NotifiedCount

WORDS = (
    ("by_letter", "by a letter that their mail server took"),
    ("by_telephone", "by telephone"),
    ("in_person", "in person"),
    ("by_post", "by a letter that was posted"),
    ("by_other_means", "by other means, each with its proof"),
    ("waiting", "waiting for a letter or a call"),
    ("returned", "whose letter came back and who has not been reached since"),
    ("not_reached", "telephoned and not reached"),
    ("unknown", "where we do not know whether the letter arrived"),
    ("not_begun", "to whom nothing was sent yet"),
    ("decided_not", "whom we decided not to tell"),
)
"""By the field of ToldCount, those who were told first."""


def describe_notified(notified: NotifiedCount, people: str = "people") -> str:
    """Describe like `2 of 3 people told: 1 by letter …`; empty: nobody is to be notified of
    this."""
    parts = [f"{count:,} {words}" for name, words in WORDS if (count := getattr(notified, name))]
    counted = f"{notified.notified:,} of {notified.people:,} {people} told: {'; '.join(parts)}."
    sentences = [counted] if notified.people else []
    if notified.unnumbered:
        groups = "1 group is" if notified.unnumbered == 1 else f"{notified.unnumbered:,} groups are"
        beside = "Beside them, " if notified.people else ""
        sentences.append(f"{beside}{groups} not all told, and nobody knows yet how many they are.")
    return " ".join(sentences)
