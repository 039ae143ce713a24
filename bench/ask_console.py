"""Ask the console's overview as the demo's analyst, ten times a second, until stdin says stop;
every fifth time also comment on an alert: an act, which waits for the pipeline's writes.

Says `ready` once it is signed in, and at the end what it waited, in milliseconds.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Sequence

import httpx

from breachdesk.demo.feed import PASSWORD

ACT_EACH = 5
SEE_OTHER = 303


def sign_in(address: str) -> httpx.Client:
    client = httpx.Client(base_url=address, follow_redirects=True, timeout=30)
    for _ in range(100):
        try:
            page = client.get("/sign-in")
            break
        except httpx.TransportError:
            time.sleep(0.1)
    token = re.search(r'name="csrf"[^>]*value="([^"]*)"', page.text)
    form = {"user": "analyst", "password": PASSWORD, "csrf": token.group(1) if token else ""}
    client.post("/sign-in", data=form).raise_for_status()
    return client


def main() -> None:
    os.sched_setaffinity(0, range(os.cpu_count() or 1))  # a browser is on another machine
    client = sign_in(f"http://127.0.0.1:{sys.argv[1]}")
    client.get("/").raise_for_status()
    print("ready", flush=True)
    stopped = threading.Event()
    threading.Thread(target=wait_for_stop, args=(stopped,), daemon=True).start()
    waits: list[float] = []
    acts: list[float] = []
    form = None
    while not stopped.is_set():
        begun = time.perf_counter()
        client.get("/").raise_for_status()
        waits.append((time.perf_counter() - begun) * 1000)
        if len(waits) % ACT_EACH == 0:
            form = form or find_comment_form(client)
            if form is not None:
                acts.append(post_comment(client, *form))
        time.sleep(0.1)
    result = {"asked": len(waits), **compute_quantiles(sorted(waits))}
    print(json.dumps({**result, "acts": {"done": len(acts), **compute_quantiles(sorted(acts))}}))


def find_comment_form(client: httpx.Client) -> tuple[str, str] | None:
    """The address to post a comment to, and its token; None while there is no alert."""
    alert = re.search(r'href="(/alerts/[A-Za-z0-9-]+)"', client.get("/alerts").text)
    if alert is None:
        return None
    page = client.get(alert[1]).text
    token = re.search(r'name="csrf"[^>]*value="([^"]*)"', page)
    return f"{alert[1]}/comment", token[1] if token else ""


def post_comment(client: httpx.Client, address: str, token: str) -> float:
    """Milliseconds until the act is durable."""
    form = {"comment": "Looked at it.", "csrf": token}
    begun = time.perf_counter()
    response = client.post(address, data=form, follow_redirects=False)
    took = (time.perf_counter() - begun) * 1000
    if response.status_code != SEE_OTHER:
        raise SystemExit(f"the comment was answered with {response.status_code}")
    return took


def wait_for_stop(stopped: threading.Event) -> None:
    sys.stdin.readline()
    stopped.set()


def compute_quantiles(ordered: Sequence[float]) -> dict[str, float]:
    if not ordered:
        return {}
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[int(s * (len(ordered) - 1))], 1) for name, s in shares.items()}


if __name__ == "__main__":
    main()
