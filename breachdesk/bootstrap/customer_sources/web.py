"""Fetch a delivery over HTTPS: every address, with all of its pages.

Headers with tokens go to the host that the settings name and to no other: a redirect or a next page
elsewhere is refused. What an answer says never appears in a message, since it may name people."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx
import orjson

from breachdesk.casework.imports.column_presets import VENDORS
from breachdesk.casework.imports.deliveries import DeliveredPart
from breachdesk.casework.imports.json_records import find_list, read_value
from breachdesk.casework.imports.vendor_profile import PageRule, VendorProfile
from schemas.customer_source import CustomerSourceSettings
from schemas.errors import BadInput, ConfigurationError, RetryableError

MOST_PAGES = 1_000
MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class FetchedDelivery:
    """What the addresses answered."""

    parts: tuple[DeliveredPart, ...]
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class _Limits:
    """What is left of a fetch's size and time."""

    most_bytes: int
    latest: float


def fetch_delivery(
    source: CustomerSourceSettings, *, etag: str = "", last_modified: str = ""
) -> FetchedDelivery | None:
    """Fetch everything that the source's addresses answer. None: nothing changed since the answer
    with this tag or time.

    Raises RetryableError where a host does not answer or refuses, BadInput for an answer that is too
    large or leads elsewhere, ConfigurationError for files that cannot be read."""
    fetcher = _DeliveryFetcher(source)
    asks_for_changes = len(source.addresses) == 1
    with _open_client(source) as client:
        for address in source.addresses:
            tags = (etag, last_modified) if asks_for_changes else ("", "")
            if not fetcher.fetch_pages(client, address, *tags):
                return None
    return fetcher.build_delivery()


class _DeliveryFetcher:
    """One fetch of a source."""

    def __init__(self, source: CustomerSourceSettings) -> None:
        self._source = source
        self._headers = _read_headers(source.header_file)
        self._left = int(source.most_mib * 1024 * 1024)
        self._latest = time.monotonic() + source.seconds
        self._parts: list[DeliveredPart] = []
        self._tags: list[tuple[str, str]] = []

    def build_delivery(self) -> FetchedDelivery:
        """Build the delivery; only a single page's tag says that nothing changed."""
        etag, last_modified = self._tags[0] if len(self._tags) == 1 else ("", "")
        return FetchedDelivery(tuple(self._parts), etag, last_modified)

    def fetch_pages(
        self, client: httpx.Client, address: str, etag: str, last_modified: str
    ) -> bool:
        """Fetch the address and its further pages. False: it did not change."""
        following, fetched, seen = address, 0, set[str]()
        while following:
            if following in seen or len(seen) >= MOST_PAGES:
                raise self._fail("its pages never end")
            seen.add(following)
            response = self._fetch(client, following, etag, last_modified)
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return False
            self._tags.append(
                (response.headers.get("ETag", ""), response.headers.get("Last-Modified", ""))
            )
            name = f"{urlsplit(address).path.rpartition('/')[2] or 'answer'} page {len(seen)}"
            self._parts.append(DeliveredPart(name, response.content))
            following, fetched = self._find_next(following, response, fetched)
            etag = last_modified = ""
        return True

    def _fetch(
        self, client: httpx.Client, address: str, etag: str, last_modified: str
    ) -> httpx.Response:
        headers = dict(self._headers)
        headers |= {"If-None-Match": etag} if etag else {}
        headers |= {"If-Modified-Since": last_modified} if last_modified else {}
        for _ in range(MOST_REDIRECTS + 1):
            response = self._request(client, address, headers)
            if response.status_code not in _REDIRECTS:
                break
            address = self._check_same_host(
                address, urljoin(address, response.headers.get("Location", ""))
            )
        if response.status_code == httpx.codes.NOT_MODIFIED and (etag or last_modified):
            return response
        if response.status_code != httpx.codes.OK:
            raise RetryableError(
                f"the address answers {response.status_code}",
                place=self._source.name,
                remedy="Check the address and the file with the token.",
            )
        return response

    def _request(
        self, client: httpx.Client, address: str, headers: Mapping[str, str]
    ) -> httpx.Response:
        try:
            with client.stream("GET", address, headers=dict(headers)) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self._left:
                        raise self._fail("the delivery is too large")
                    if time.monotonic() > self._latest:
                        raise RetryableError("the answer takes too long", place=self._source.name)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RetryableError(
                f"the address does not answer ({type(error).__name__})",
                place=self._source.name,
                remedy="Check the address and the network.",
            ) from None
        self._left -= len(body)
        unpacked = ("content-encoding", "content-length", "transfer-encoding")
        plain = {n: v for n, v in response.headers.items() if n not in unpacked}
        return httpx.Response(response.status_code, headers=plain, content=bytes(body))

    def _find_next(self, address: str, response: httpx.Response, fetched: int) -> tuple[str, int]:
        """Find the address of the next page (empty: there is none), and how many records came so
        far."""
        link = response.links.get("next", {}).get("url", "")
        if link:
            return self._check_same_host(address, urljoin(address, link)), fetched
        document = _parse_document(response.content)
        vendor, count = self._find_vendor(document)
        if vendor is None:
            return "", fetched
        fetched += count
        rule = vendor.pages
        link = read_value(document, rule.next_link) if rule.next_link else ""
        if link:
            return self._check_same_host(address, urljoin(address, link)), fetched
        total = read_value(document, rule.total) if rule.total else ""
        if rule.parameter and count and total.isdigit() and fetched < int(total):
            return _replace_parameter(address, rule, fetched), fetched
        return "", fetched

    def _find_vendor(self, document: Any) -> tuple[VendorProfile | None, int]:
        """Find the vendor whose pages these are, and the number of records on this one."""
        for vendor in VENDORS.values():
            if self._source.vendor not in ("auto", vendor.id):
                continue
            for shape in vendor.shapes:
                records = find_list(document, shape.envelope) if shape.envelope else None
                if records is not None:
                    return vendor, len(records)
        return None, 0

    def _check_same_host(self, before: str, address: str) -> str:
        old, new = urlsplit(before), urlsplit(address)
        if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
            raise self._fail("it leads to another host")
        return address

    def _fail(self, problem: str) -> BadInput:
        return BadInput(
            problem, place=self._source.name, remedy="Correct the source; nothing was changed."
        )


@contextmanager
def _open_client(source: CustomerSourceSettings) -> Iterator[httpx.Client]:
    verify: Any = True
    if source.ca_file is not None:
        verify = httpx.create_ssl_context()
        try:
            verify.load_verify_locations(source.ca_file)
        except OSError:
            raise _build_file_error("ca_file") from None
    # Over http, which is for this machine alone, a proxy of the environment would see the token.
    proxied = all(address.startswith("https:") for address in source.addresses)
    with httpx.Client(
        verify=verify, timeout=source.seconds, follow_redirects=False, trust_env=proxied
    ) as client:
        yield client


def _read_headers(path: Path | None) -> Mapping[str, str]:
    """Read header lines, or a bearer token alone."""
    headers = {"Accept": "application/json, text/csv"}
    if path is None:
        return headers
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise _build_file_error("header_file") from None
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if not colon or " " in name.strip():
            name, value = "Authorization", f"Bearer {line.strip()}"
        headers[name.strip()] = value.strip()
    return headers


def _build_file_error(setting: str) -> ConfigurationError:
    return ConfigurationError(
        "the file cannot be read", place=f"customers.{setting}", remedy="Check the path."
    )


def _parse_document(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _replace_parameter(address: str, rule: PageRule, fetched: int) -> str:
    """Replace the page in the address: the next number, or the number of records so far."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    number = query.get(rule.parameter, "1")
    page = int(number) + 1 if number.isdigit() else 2
    query[rule.parameter] = str(fetched if rule.counts_records else page)
    return urlunsplit(parts._replace(query=urlencode(query)))
