"""Proving once more who one is, for what a stolen session must not do: password and code.

The try is counted and the password checked before the act begins; the code is spent inside it. An
act that is refused for another reason has not used the code up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from breachdesk.casework import second_factor
from breachdesk.console.desk import Desk
from breachdesk.console.forms import Form
from breachdesk.console.tries import Reservation
from breachdesk.ports import UnitOfWork
from schemas.errors import BreachDeskError, NotAllowed, NotProven

T = TypeVar("T")
NOTHING = "Nothing was changed."
MISSING = "Your account has no second factor yet, and whoever approves needs one."


@dataclass(frozen=True, slots=True)
class Proof:
    """What a form has to ask for. `missing`: the account must have a second factor and has none."""

    code: bool
    missing: bool = False

    @property
    def refusal(self) -> str:
        """Why the button is off, or empty."""
        return MISSING if self.missing else ""


def needed_proof(desk: Desk) -> Proof:
    """What this person's account is asked for."""
    factor = desk.look(lambda uow: uow.second_factors.get(desk.user.id))
    confirmed = factor is not None and factor.confirmed
    must = second_factor.must_have(desk.user, desk.house.settings)
    return Proof(code=confirmed, missing=must and not confirmed)


def act_proven(desk: Desk, form: Form, prepare: Callable[[], Callable[[UnitOfWork], T]]) -> T:
    """Act in one transaction for somebody who proves with this form's password and code who they
    are. `prepare` makes the act once the password is known to be right, outside the transaction.
    Raises what the act raises; NotProven, NotAllowed and Retryable for the proof."""
    reservation = prove_password(desk, form)
    work = prepare()

    def proven(uow: UnitOfWork) -> T:
        spend_code(uow, desk, form, reservation)
        return work(uow)

    try:
        return desk.house.store.act(proven)
    except BreachDeskError as problem:
        settle(desk, reservation, problem)
        raise


def prove_password(desk: Desk, form: Form) -> Reservation:
    """Count a try and check the form's password. Raises NotProven when it is wrong, NotAllowed
    when there were too many tries, Retryable when too many passwords are being checked."""
    tries, user = desk.hall.tries, desk.user
    reservation = tries.reserve_again(user.id, desk.session.token_hash, desk.now)
    if reservation.full_until is not None:
        raise NotAllowed(
            "too many wrong passwords or codes in this session",
            place="Your password",
            remedy=f"{NOTHING} The next try is at "
            f"{desk.hall.pages.times.minute(reservation.full_until)}.",
        )
    if not desk.hall.checks.matches_signed_in(user, form.exact("password")):
        problem = NotProven("this is not your password", place="Your password", remedy=NOTHING)
        settle(desk, reservation, problem)
        raise problem
    return reservation


def spend_code(uow: UnitOfWork, desk: Desk, form: Form, reservation: Reservation) -> None:
    """Inside the act: the session still lives, the account is what it was, and the code, if the
    account has a second factor, is spent. Raises NotProven."""
    standing = uow.users.session(desk.session.token_hash, desk.now)
    if standing is None or standing[0] != desk.user:
        raise NotProven("your session is over", place="Your session", remedy="Sign in again.")
    factor = uow.second_factors.get(desk.user.id)
    if factor is not None and factor.confirmed:
        second_factor.spend(uow, desk.user.id, form.text("code"), desk.now)
    uow.sign_ins.release(reservation.ids)


def require_second_factor(uow: UnitOfWork, desk: Desk) -> None:
    """Raises NotAllowed for an account that must have a second factor and has none."""
    factor = uow.second_factors.get(desk.user.id)
    if second_factor.must_have(desk.user, desk.house.settings) and (
        factor is None or not factor.confirmed
    ):
        raise NotAllowed(
            "your account has no second factor",
            place="Second factor",
            remedy="Set it up on the page of your account; then release.",
        )


def settle(desk: Desk, reservation: Reservation, problem: BreachDeskError) -> None:
    """After a refused act: a wrong proof counts and is recorded; any other refusal does not."""

    def work(uow: UnitOfWork) -> None:
        if not isinstance(problem, NotProven):
            uow.sign_ins.release(reservation.ids)
            return
        uow.sign_ins.fail(reservation.ids)
        uow.audit.record(
            at=desk.now, actor=desk.user.id, act="user:proof:refused", subject=desk.user.id
        )

    desk.house.store.act(work)
