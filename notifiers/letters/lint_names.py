"""Check the names and the address of one letter."""

from __future__ import annotations

from collections.abc import Iterator

from schemas.addresses import find_address_problem
from schemas.casework.affected import ContactChannel
from schemas.casework.letter import LetterContext, LintProblem
from schemas.text_signs import find_name_problem, list_hidden

CORRECT_NAME = "Correct the name in the register, then freeze the affected list again."
CORRECT_PROFILE = "Correct the profile."
COMPARE = "Compare it with the contract, letter by letter."


def check_names(context: LetterContext) -> Iterator[LintProblem]:
    """Yield blocks for what is not allowed in a header, warnings for characters that hide or
    reorder."""
    yield from _check_recipient(context)
    profile = context.profile
    ours = {
        "profile, legal name": profile.legal_name,
        "profile, trading name": profile.trading_name,
        "profile, contact name": profile.contact_name,
    }
    for where, name in ours.items():
        yield from _check_name(where, name, CORRECT_PROFILE)


def _check_recipient(context: LetterContext) -> Iterator[LintProblem]:
    recipient = context.recipient
    whose = recipient.customer_id
    yield from _check_name(f"to {whose}, name", recipient.name, CORRECT_NAME)
    yield from _check_name(f"customer {whose}, name", context.customer_name, CORRECT_NAME)
    if recipient.channel is not ContactChannel.EMAIL:
        return
    why = find_address_problem(recipient.email)
    if why:
        problem = f"the address {why}"
        remedy = "Correct the address in the register, then freeze the affected list again."
        yield LintProblem(
            severity="block", where=f"to {whose}, address", problem=problem, remedy=remedy
        )
    elif not recipient.email.isascii():
        problem = "the address has letters beyond ASCII, which may look like others"
        yield LintProblem(
            severity="warn", where=f"to {whose}, address", problem=problem, remedy=COMPARE
        )


def _check_name(where: str, name: str, remedy: str) -> Iterator[LintProblem]:
    why = find_name_problem(name)
    if why:
        yield LintProblem(severity="block", where=where, problem=f"it {why}", remedy=remedy)
    hidden = list_hidden(name)
    if hidden and not why:
        problem = f"it holds {', '.join(hidden)}, which cannot be seen in a name"
        yield LintProblem(severity="warn", where=where, problem=problem, remedy=remedy)
