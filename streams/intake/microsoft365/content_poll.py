"""Read one content type of one tenant into the event log: list, fetch, append, remember.

The order is the guarantee: content is remembered after its records are durable, and the position
moves after all content before it is remembered. A process that dies in between reads some content
twice; copies of an audit record are one event."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event

from schemas.pipeline.source import BlindInterval, IncomingRecord
from schemas.polled_tenant import AuditContent, Microsoft365Settings
from streams.intake.microsoft365.management_api import RETENTION, ContentItem, ManagementApi
from streams.intake.microsoft365.poll_memory import PollMemory, UnreadContent
from streams.intake.microsoft365.request_failures import (
    ExpiredContent,
    MissingSubscription,
    RefusedSignIn,
    RequestFailure,
    ThrottledRequest,
)
from streams.intake.splitting.record_splitter import RecordSplitter
from streams.ports import EventLog
from streams.ports.metrics import PollMetrics

LONGEST_WINDOW = timedelta(hours=24)
"""The most that one list of content may span."""
MARGIN = timedelta(minutes=10)
"""Kept from the end of the retention, so that a list that is asked for is not refused."""
ACT_DELAY = timedelta(hours=24)
"""How long after an act its record may become available."""
APPENDED_AT_ONCE = 1000
MOST_UNREAD = 1000
MOST_FAILURES = 3
"""Of one content after the other: then it is the service that fails."""
LONGEST_RETRY = timedelta(hours=1)
KEPT = RETENTION + timedelta(days=1)
"""How long the id of content that is read is kept."""
LISTED_WHOLE_EVERY = timedelta(hours=24)
"""The whole retention is listed at the first round and so often after it: for content that is
listed later than the look-back covers."""
NOTED_EVERY = timedelta(hours=1)
_EMPTY = b"[]"


@dataclass(frozen=True, slots=True)
class PollSurroundings:
    """What all polls of a process share."""

    log: EventLog
    memory: PollMemory
    now: Callable[[], datetime]
    max_line_bytes: int
    meter: PollMetrics
    stop: Event


class ContentPoll:
    """Reads one content type of one tenant. Used by one thread at a time."""

    def __init__(
        self,
        tenant: Microsoft365Settings,
        content_type: AuditContent,
        api: ManagementApi,
        around: PollSurroundings,
    ) -> None:
        self._tenant = tenant
        self.content_type = content_type
        self._api = api
        self._around = around
        self._key = (tenant.tenant, content_type.value)
        self._failures = 0
        self._noted_at: datetime | None = None
        self._listed_whole_at: datetime | None = None

    def run(self) -> None:
        """Read all content that is available. Raises RequestFailure, and RetryableError when the
        event log or the disk refuses."""
        around, now = self._around, self._around.now().replace(microsecond=0)
        oldest = now - RETENTION + MARGIN
        position = self._get_past_position(now)
        whole = self._listed_whole_at is None or now - self._listed_whole_at >= LISTED_WHOLE_EVERY
        self._failures = 0
        try:
            self._retry_unread()
            first = oldest if whole else self._find_begin(position, oldest)
            for begin, end in _split_time(first, now):
                for page in self._api.list_content(self.content_type, begin, end):
                    self._note_missed(position, oldest)
                    self._read_page(page)
                if around.stop.is_set():
                    return
                self._advance(end if position is None else max(position, end))
        except RequestFailure:
            if self._noted_at is None or now - self._noted_at >= NOTED_EVERY:
                self._note_missed(position, oldest)
                self._noted_at = now
            raise
        if whole:
            self._listed_whole_at = now
        self._report_progress(now)

    def get_position(self) -> datetime | None:
        """Return the time up to which all available content is read."""
        return self._around.memory.get_position(*self._key)

    def note_unsubscribed(self, since: datetime, end: datetime | None) -> None:
        """Note that no content was collected; `end` is None as long as that goes on."""
        reason = f"{self.content_type} was not subscribed to, so Microsoft collected none of it"
        self._note_gap(since, end, reason, 1)

    def _get_past_position(self, now: datetime) -> datetime | None:
        """Return the position; the present time where the clock went back behind it."""
        position = self.get_position()
        return None if position is None else min(position, now)

    def _find_begin(self, position: datetime | None, oldest: datetime) -> datetime:
        if position is None:
            return oldest
        return max(oldest, position - timedelta(hours=self._tenant.look_back_hours))

    def _read_page(self, page: Sequence[ContentItem]) -> None:
        memory = self._around.memory
        for item in page:
            if self._around.stop.is_set():
                return
            if not memory.has_content(*self._key, item.id):
                self._read_content(item, tries=0)

    def _retry_unread(self) -> None:
        unread = self._around.memory.list_unread(*self._key)
        for content in unread:
            if self._around.stop.is_set():
                return
            if content.retry_at <= self._around.now():
                item = ContentItem(content.id, content.address, content.created, content.expires)
                self._read_content(item, content.tries)
        if len(unread) >= MOST_UNREAD:
            raise RequestFailure(
                f"{len(unread)} contents of {self.content_type} cannot be read; no more are listed"
                " until some can",
                place=self._tenant.source_name,
            )

    def _read_content(self, item: ContentItem, tries: int) -> None:
        """Read one content; one that fails is stored for another try, and the others go on."""
        if item.expires <= self._around.now():
            self._give_up(item)
            return
        try:
            body = self._api.fetch_content(item)
        except (MissingSubscription, RefusedSignIn):
            raise
        except ExpiredContent:
            self._give_up(item)
        except RequestFailure as failure:
            self._store_unread(item, tries + 1)
            self._failures += 1
            if isinstance(failure, ThrottledRequest) or self._failures >= MOST_FAILURES:
                raise
        else:
            self._failures = 0
            self._append(body)
            self._around.memory.add_content(*self._key, item.id, self._around.now())

    def _append(self, body: bytes) -> None:
        if body.replace(b" ", b"") == _EMPTY:
            return
        arrived, source = self._around.now(), self._tenant.source_name
        splitter = RecordSplitter(self._around.max_line_bytes)
        records = [
            IncomingRecord(source, framed.raw, arrived, "microsoft365", piece=framed.piece)
            for framed in splitter.feed(body) + splitter.finish()
        ]
        for begin in range(0, len(records), APPENDED_AT_ONCE):
            self._around.log.append(records[begin : begin + APPENDED_AT_ONCE])
        self._around.meter.record_content(source, self.content_type, len(records))

    def _store_unread(self, item: ContentItem, tries: int) -> None:
        wait = min(timedelta(minutes=1) * 2 ** min(tries, 10), LONGEST_RETRY)
        self._around.memory.add_unread(
            *self._key,
            UnreadContent(
                item.id,
                item.address,
                item.created,
                item.expires,
                tries,
                self._around.now() + wait,
            ),
        )

    def _give_up(self, item: ContentItem) -> None:
        """Note a blind interval for content that is gone. Its begin is a different one for each
        content, since an interval is known by its source and begin."""
        digest = hashlib.sha256(item.id.encode()).digest()
        shift = timedelta(microseconds=int.from_bytes(digest[:4]) % 900_000)
        self._around.log.note_gap(
            BlindInterval(
                source=self._tenant.source_name,
                begin=item.created.replace(microsecond=0) - ACT_DELAY + shift,
                end=max(item.created, item.created.replace(microsecond=0) + shift),
                reason=f"a content of {self.content_type} expired at Microsoft before it was read",
            )
        )
        self._around.memory.add_content(*self._key, item.id, self._around.now())

    def _note_missed(self, position: datetime | None, oldest: datetime) -> None:
        """Note a blind interval when content became available after the position and expired."""
        if position is not None and position < oldest:
            reason = f"{self.content_type} expired at Microsoft before it was read"
            self._note_gap(position - ACT_DELAY, oldest, reason, 0)

    def _note_gap(self, begin: datetime, end: datetime | None, reason: str, kind: int) -> None:
        """Note a blind interval; its begin differs by content type, since an interval is known by
        its source and begin."""
        number = 2 * list(AuditContent).index(self.content_type) + kind
        shift = timedelta(microseconds=900_000 + number)
        self._around.log.note_gap(
            BlindInterval(
                source=self._tenant.source_name,
                begin=begin.replace(microsecond=0) + shift,
                end=end,
                reason=reason,
            )
        )

    def _advance(self, until: datetime) -> None:
        self._around.memory.advance(*self._key, until, self._around.now() - KEPT)

    def _report_progress(self, now: datetime) -> None:
        source, meter = self._tenant.source_name, self._around.meter
        unread = len(self._around.memory.list_unread(*self._key))
        meter.set_success(source, self.content_type, now.timestamp())
        meter.set_unread(source, self.content_type, unread)


def _split_time(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    while begin < end:
        last = min(begin + LONGEST_WINDOW, end)
        yield begin, last
        begin = last
