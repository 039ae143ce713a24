"""Ask the Management Activity API of one tenant: subscriptions, lists of content, content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from schemas.polled_tenant import AuditContent, Microsoft365Settings
from streams.intake.microsoft365.access_token import AccessTokens, check_address
from streams.intake.microsoft365.request_failures import (
    ExpiredContent,
    MissingSubscription,
    RefusedAccess,
    RequestFailure,
    ThrottledRequest,
    UnreachableService,
)

RETENTION = timedelta(days=7)
"""How long Microsoft keeps content."""
MOST_BYTES = 256 * 1024 * 1024
"""Of one content; the largest are a few MiB."""
LONGEST_FETCH = timedelta(minutes=5)
MOST_PAGES = 10_000
LONGEST_RETRY_AFTER = 3600.0
_CODE = re.compile(r"AF\d{3,6}")
_UNSUBSCRIBED = {"AF20022", "AF20023"}
_ENABLED_BEFORE = "AF20024"
_GONE = {"AF20050", "AF20051"}


@dataclass(frozen=True, slots=True)
class ContentItem:
    """Content that is available: a file of audit records."""

    id: str
    address: str
    created: datetime
    expires: datetime


class ManagementApi:
    """Requests for one tenant. Every method raises RequestFailure."""

    def __init__(
        self,
        tenant: Microsoft365Settings,
        client: httpx.Client,
        now: Callable[[], datetime],
    ) -> None:
        self._tenant = tenant
        self._client = client
        self._tokens = AccessTokens(tenant, client)
        self._now = now
        self._root = f"{tenant.api}/api/v1.0/{tenant.tenant}/activity/feed/subscriptions"

    def list_subscribed(self) -> set[str]:
        """List the content types that are subscribed to."""
        rows = self._read_list(self._ask("GET", f"{self._root}/list"))
        return {str(row.get("contentType")) for row in rows if row.get("status") == "enabled"}

    def subscribe(self, content_type: AuditContent) -> None:
        """Subscribe to a content type; nothing changes where it is subscribed to."""
        response = self._send("POST", f"{self._root}/start?contentType={content_type}")
        if not response.is_success and _find_code(response) != _ENABLED_BEFORE:
            raise self._build_failure(response)

    def list_content(
        self, content_type: AuditContent, begin: datetime, end: datetime
    ) -> Iterator[Sequence[ContentItem]]:
        """Iterate over pages of the content that became available in that time (24 hours at most)."""
        address = (
            f"{self._root}/content?contentType={content_type}"
            f"&startTime={_format_time(begin)}&endTime={_format_time(end)}"
        )
        addresses: set[str] = set()
        while address:
            if address in addresses or len(addresses) >= MOST_PAGES:
                raise self._fail("the pages of a list of content never end")
            addresses.add(address)
            response = self._ask("GET", address)
            yield [self._read_item(row) for row in self._read_list(response)]
            address = response.headers.get("NextPageUri", "").strip()

    def fetch_content(self, item: ContentItem) -> bytes:
        """Fetch one content whole: a JSON array."""
        response = self._ask("GET", item.address)
        body = response.content.strip()
        if not (body.startswith(b"[") and body.endswith(b"]")):
            raise self._fail("content came broken off, or is no list of records")
        return body

    def _ask(self, method: str, address: str) -> httpx.Response:
        response = self._send(method, address)
        if not response.is_success:
            raise self._build_failure(response)
        return response

    def _send(self, method: str, address: str) -> httpx.Response:
        """Send a request; a token that is refused is replaced once."""
        check_address(address, self._tenant.api, self._tenant.source_name)
        address = self._add_publisher(address)
        response = self._send_once(method, address)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens.forget()
            response = self._send_once(method, address)
        return response

    def _send_once(self, method: str, address: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._tokens.get_token()}"}
        try:
            with self._client.stream(method, address, headers=headers) as response:
                return self._read_whole(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnreachableService(
                f"the Management Activity API does not answer ({type(error).__name__})",
                place=self._tenant.source_name,
            ) from None

    def _read_whole(self, response: httpx.Response) -> httpx.Response:
        """Read the body up to the limits of size and time."""
        latest = self._now() + LONGEST_FETCH
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MOST_BYTES or self._now() > latest:
                raise self._fail("an answer is too long, or comes too slowly")
        headers = {
            name: value
            for name, value in response.headers.items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        }
        return httpx.Response(response.status_code, headers=headers, content=bytes(body))

    def _add_publisher(self, address: str) -> str:
        """Name the tenant as the publisher: each publisher has a quota of its own."""
        if "PublisherIdentifier=" in address:
            return address
        mark = "&" if "?" in address else "?"
        return f"{address}{mark}PublisherIdentifier={self._tenant.tenant}"

    def _read_list(self, response: httpx.Response) -> Sequence[Mapping[str, Any]]:
        try:
            rows = orjson.loads(response.content or b"[]")
        except orjson.JSONDecodeError:
            raise self._fail("an answer is no JSON") from None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self._fail("an answer is no list")
        return rows

    def _read_item(self, row: Mapping[str, Any]) -> ContentItem:
        try:
            created = _parse_time(row["contentCreated"])
            expires = row.get("contentExpiration")
            return ContentItem(
                id=str(row["contentId"]),
                address=str(row["contentUri"]),
                created=created,
                expires=_parse_time(expires) if expires else created + RETENTION,
            )
        except (KeyError, TypeError, ValueError):
            raise self._fail("a list of content lacks an id, an address or a time") from None

    def _build_failure(self, response: httpx.Response) -> RequestFailure:
        status, code = response.status_code, _find_code(response)
        words = f"{status} {code}".strip()
        place = self._tenant.source_name
        if status in (429, 503) or code == "AF429":
            return ThrottledRequest(
                f"the Management Activity API asks us to wait ({words})",
                place=place,
                retry_after=self._read_retry_after(response),
            )
        if code in _UNSUBSCRIBED:
            return MissingSubscription(
                f"a content type is not subscribed to ({words})", place=place
            )
        if code in _GONE or status == httpx.codes.GONE:
            return ExpiredContent(f"content has expired ({words})", place=place)
        if status in (401, 403):
            return RefusedAccess(
                f"the Management Activity API refuses access ({words})",
                place=place,
                remedy="Grant ActivityFeed.Read (and ActivityFeed.ReadDlp for DLP.All) with admin"
                " consent, and turn on auditing in the tenant.",
            )
        return self._fail(f"the Management Activity API answers {words}")

    def _read_retry_after(self, response: httpx.Response) -> float | None:
        text = response.headers.get("Retry-After", "").strip()
        try:
            seconds = (
                float(text)
                if text.isdigit()
                else (parsedate_to_datetime(text) - self._now()).total_seconds()
            )
        except (TypeError, ValueError):
            return None
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)

    def _fail(self, problem: str) -> RequestFailure:
        return RequestFailure(problem, place=self._tenant.source_name)


def _find_code(response: httpx.Response) -> str:
    match = _CODE.search(response.content[:2000].decode("latin-1"))
    return match[0] if match else ""


def _format_time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _parse_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
