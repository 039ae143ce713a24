"""Require a person to prove their identity again, for what a stolen session must not do: password
and code.

The try is counted and the password checked before the act begins; the code is spent inside it. An
act that is refused for another reason has not used the code up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from breachdesk.casework.accounts import second_factor
from breachdesk.console.views.forms import SubmittedForm
from breachdesk.console.web.attempt_throttle import AttemptReservation
from breachdesk.console.web.request_context import RequestContext
from breachdesk.ports import UnitOfWork
from schemas.audit_actions import AuditAction
from schemas.errors import BreachDeskError, NotAllowed, NotProven

T = TypeVar("T")
NOTHING = "Nothing was changed."
MISSING = "Your account has no second factor yet, and whoever approves needs one."


@dataclass(frozen=True, slots=True)
class RequiredProof:
    """What a form has to ask for. `missing`: the account must have a second factor and has none."""

    code: bool
    missing: bool = False

    @property
    def refusal(self) -> str:
        """Reason why the button is disabled, or empty."""
        return MISSING if self.missing else ""


def determine_proof(context: RequestContext) -> RequiredProof:
    """Determine which proof this person's account needs."""
    factor = context.look(lambda uow: uow.second_factors.get(context.user.id))
    confirmed = factor is not None and factor.confirmed
    must = second_factor.is_required(context.user, context.dependencies.settings)
    return RequiredProof(code=confirmed, missing=must and not confirmed)


def write_proven(
    context: RequestContext, form: SubmittedForm, prepare: Callable[[], Callable[[UnitOfWork], T]]
) -> T:
    """Act in one transaction after this form's password and code prove who the person is. `prepare`
    builds the act once the password is known to be right, outside the transaction. Raises what the
    act raises; NotProven, NotAllowed and RetryableError for the proof."""
    reservation = check_password(context, form)
    work = prepare()

    def write_with_code(uow: UnitOfWork) -> T:
        use_code(uow, context, form, reservation)
        return work(uow)

    try:
        return context.dependencies.store.write(write_with_code)
    except BreachDeskError as problem:
        settle_reservation(context, reservation, problem)
        raise


def check_password(context: RequestContext, form: SubmittedForm) -> AttemptReservation:
    """Count a try and check the form's password. Raises NotProven when it is wrong, NotAllowed
    when there were too many tries, RetryableError when too many passwords are being checked."""
    tries, user = context.app_state.throttle, context.user
    reservation = tries.reserve_again(user.id, context.session.token_hash, context.now)
    if reservation.full_until is not None:
        raise NotAllowed(
            "too many wrong passwords or codes in this session",
            place="Your password",
            remedy=f"{NOTHING} The next try is at "
            f"{context.app_state.pages.times.format_minute(reservation.full_until)}.",
        )
    if not context.app_state.checks.is_password_of_signed_in(user, form.get_exact("password")):
        problem = NotProven("this is not your password", place="Your password", remedy=NOTHING)
        settle_reservation(context, reservation, problem)
        raise problem
    return reservation


def use_code(
    uow: UnitOfWork, context: RequestContext, form: SubmittedForm, reservation: AttemptReservation
) -> None:
    """Spend the code inside the act: checks that the session is live, the account unchanged, and
    the code right, if the account has a second factor. Raises NotProven."""
    standing = uow.users.find_session(context.session.token_hash, context.now)
    if standing is None or standing[0] != context.user:
        raise NotProven("your session is over", place="Your session", remedy="Sign in again.")
    factor = uow.second_factors.get(context.user.id)
    if factor is not None and factor.confirmed:
        second_factor.use_code(uow, context.user.id, form.get_text("code"), context.now)
    uow.sign_ins.release(reservation.ids)


def require_second_factor(uow: UnitOfWork, context: RequestContext) -> None:
    """Raise NotAllowed for an account that must have a second factor and has none."""
    factor = uow.second_factors.get(context.user.id)
    if second_factor.is_required(context.user, context.dependencies.settings) and (
        factor is None or not factor.confirmed
    ):
        raise NotAllowed(
            "your account has no second factor",
            place="Second factor",
            remedy="Set it up on the page of your account; then release.",
        )


def settle_reservation(
    context: RequestContext, reservation: AttemptReservation, problem: BreachDeskError
) -> None:
    """Settle the try after a refused act: a wrong proof counts and is recorded; any other refusal
    does not."""

    def record_refusal(uow: UnitOfWork) -> None:
        if not isinstance(problem, NotProven):
            uow.sign_ins.release(reservation.ids)
            return
        uow.sign_ins.fail(reservation.ids)
        uow.audit.record(
            at=context.now,
            actor=context.user.id,
            action=AuditAction.USER_PROOF_REFUSED,
            subject=context.user.id,
        )

    context.dependencies.store.write(record_refusal)
