"""Define why a request to Microsoft gave nothing, branched by what the poller does next.

    RequestFailure              this request failed → the content is asked for again later
    ├── ThrottledRequest        too many requests, or overload → the tenant waits
    ├── UnreachableService      no answer → the tenant waits
    ├── RefusedAccess           a permission is missing → the content type waits
    │   └── RefusedSignIn       the credential does not suffice → the tenant waits
    ├── MissingSubscription     the content type is not subscribed to → subscribe again
    └── ExpiredContent          Microsoft no longer has it → a blind interval

Messages hold Microsoft's codes, never its texts: these may name people or repeat a secret."""

from __future__ import annotations

from schemas.errors import RetryableError


class RequestFailure(RetryableError):
    """A request that was not answered as asked. `retry_after`: seconds that the service asks for."""

    def __init__(
        self,
        problem: str,
        *,
        place: str = "",
        remedy: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem, place=place, remedy=remedy)
        self.retry_after = retry_after


class ThrottledRequest(RequestFailure):
    """The service asks for fewer requests, or is overloaded."""


class UnreachableService(RequestFailure):
    """The service did not answer, or the connection broke."""


class RefusedAccess(RequestFailure):
    """A permission does not suffice, or auditing is off in the tenant."""


class RefusedSignIn(RefusedAccess):
    """No token is given for the credential."""


class MissingSubscription(RequestFailure):
    """The content type is not subscribed to any more."""


class ExpiredContent(RequestFailure):
    """Microsoft no longer has the content."""
