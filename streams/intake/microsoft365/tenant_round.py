"""Poll one tenant once: subscriptions, then each content type; say when to poll it again."""

from __future__ import annotations

from datetime import datetime, timedelta

from schemas.errors import RetryableError
from schemas.polled_tenant import AuditContent, Microsoft365Settings
from streams.intake.microsoft365.content_poll import ContentPoll, PollSurroundings
from streams.intake.microsoft365.management_api import ManagementApi
from streams.intake.microsoft365.request_failures import (
    MissingSubscription,
    RefusedSignIn,
    RequestFailure,
    ThrottledRequest,
    UnreachableService,
)
from streams.intake.trouble_reports import TroubleReports

CHECK_EVERY = timedelta(hours=1)
CHECK_SOONER = timedelta(minutes=10)
"""While a content type cannot be subscribed to."""
LONGEST_WAIT = 900.0
SHORTEST_WAIT = 1.0
_OF_THE_TENANT = (ThrottledRequest, UnreachableService, RefusedSignIn)


class TenantRound:
    """Rounds of one tenant. Used by one thread at a time."""

    def __init__(
        self,
        tenant: Microsoft365Settings,
        api: ManagementApi,
        around: PollSurroundings,
        reports: TroubleReports,
    ) -> None:
        self.tenant = tenant
        self._api = api
        self._around = around
        self._reports = reports
        self._polls = [ContentPoll(tenant, each, api, around) for each in tenant.content_types]
        self._subscribed: set[AuditContent] = set()
        self._check_at: datetime | None = None
        self._failed_rounds = 0

    def run(self) -> float:
        """Poll everything once; returns the seconds until the next round."""
        try:
            self._check_subscriptions()
            for poll in self._polls:
                if poll.content_type in self._subscribed and not self._around.stop.is_set():
                    self._run_poll(poll)
        except RetryableError as failure:
            self._failed_rounds += 1
            self._report(self.tenant.source_name, failure)
            return self._compute_wait(failure)
        finally:
            self._report_lag()
        self._failed_rounds = 0
        self._reports.end(self.tenant.source_name)
        return self.tenant.poll_seconds

    def _run_poll(self, poll: ContentPoll) -> None:
        """Run one poll; a failure that concerns its content type alone is reported."""
        subject = self._name_subject(poll)
        try:
            poll.run()
        except _OF_THE_TENANT:
            raise
        except MissingSubscription as failure:
            self._check_at = None
            self._report(subject, failure)
        except RequestFailure as failure:
            self._report(subject, failure)
        else:
            self._reports.end(subject)

    def _check_subscriptions(self) -> None:
        """Subscribe to what is not subscribed to, at the first round and then each hour."""
        now = self._around.now()
        if self._check_at is not None and now < self._check_at:
            return
        enabled = self._api.list_subscribed()
        self._subscribed = {
            poll.content_type
            for poll in self._polls
            if poll.content_type in enabled or self._subscribe(poll)
        }
        for poll in self._polls:
            if poll.content_type in self._subscribed:
                self._end_unsubscribed(poll)
        is_complete = len(self._subscribed) == len(self._polls)
        self._check_at = now + (CHECK_EVERY if is_complete else CHECK_SOONER)

    def _subscribe(self, poll: ContentPoll) -> bool:
        key = (self.tenant.tenant, poll.content_type.value)
        memory, since = self._around.memory, poll.get_position()
        if since is not None and memory.get_unsubscribed_since(*key) is None:
            memory.set_unsubscribed_since(*key, since)
        try:
            self._api.subscribe(poll.content_type)
        except _OF_THE_TENANT:
            raise
        except RequestFailure as failure:
            since = memory.get_unsubscribed_since(*key) or self._around.now().replace(microsecond=0)
            memory.set_unsubscribed_since(*key, since)
            poll.note_unsubscribed(since, None)
            self._report(self._name_subject(poll), failure)
            return False
        return True

    def _end_unsubscribed(self, poll: ContentPoll) -> None:
        """End the blind interval of a content type that is subscribed to again."""
        key = (self.tenant.tenant, poll.content_type.value)
        since = self._around.memory.get_unsubscribed_since(*key)
        if since is not None:
            poll.note_unsubscribed(since, self._around.now())
            self._around.memory.set_unsubscribed_since(*key, None)

    def _name_subject(self, poll: ContentPoll) -> str:
        return f"{self.tenant.source_name} {poll.content_type}"

    def _report(self, subject: str, failure: RetryableError) -> None:
        self._around.meter.record_failure(self.tenant.source_name, type(failure).__name__)
        self._reports.begin(subject, f"{subject}: {failure.problem}. {failure.remedy}".rstrip())

    def _compute_wait(self, failure: RetryableError) -> float:
        """Wait as long as the service asks, else twice as long after each failed round."""
        seconds = failure.retry_after if isinstance(failure, RequestFailure) else None
        if seconds is not None:
            return max(seconds, SHORTEST_WAIT)
        doubled = self.tenant.poll_seconds * 2.0 ** min(self._failed_rounds, 10)
        return min(doubled, LONGEST_WAIT)

    def _report_lag(self) -> None:
        now = self._around.now()
        for poll in self._polls:
            position = poll.get_position()
            if position is not None:
                lag = max((now - position).total_seconds(), 0.0)
                self._around.meter.set_lag(self.tenant.source_name, poll.content_type, lag)
