"""Map Sigma's names of fields and log sources to ECS.

Sources: the Sigma taxonomy appendix 2.1 and ECS 9.4. A field in no table keeps its name. Of several
candidates the first that the event has is compared, the rule's own name last, so that events which
were never normalised match as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigma.rule import SigmaLogSource

FIELDS: dict[str, tuple[str, ...]] = {
    "c-ip": ("source.ip",),
    "c-uri": ("url.original",),
    "c-uri-extension": ("url.extension",),
    "c-uri-query": ("url.query",),
    "c-uri-stem": ("url.path",),
    "c-useragent": ("user_agent.original",),
    "cs-host": ("url.domain",),
    "cs-method": ("http.request.method",),
    "cs-referer": ("http.request.referrer",),
    "cs-referrer": ("http.request.referrer",),
    "cs-uri": ("url.original",),
    # published rules look for paths in it too: the whole request target, if we have it
    "cs-uri-query": ("url.original", "url.query"),
    "cs-uri-stem": ("url.path",),
    "cs-user-agent": ("user_agent.original",),
    "cs-username": ("user.name",),
    "sc-bytes": ("http.response.body.bytes",),
    "sc-status": ("http.response.status_code",),
    "src_ip": ("source.ip",),
    "src_port": ("source.port",),
    "dst_ip": ("destination.ip",),
    "dst_port": ("destination.port",),
    "SourceIp": ("source.ip",),
    "SourcePort": ("source.port",),
    "DestinationIp": ("destination.ip",),
    "DestinationPort": ("destination.port",),
    "DestinationHostname": ("destination.domain",),
    "username": ("user.name",),
    "hostname": ("host.name",),
    "action": ("event.action",),
    "blocked": ("event.outcome",),
}

M365_FIELDS: dict[str, tuple[str, ...]] = {
    "Operation": ("event.action",),
    "Workload": ("event.provider",),
    "UserId": ("user.name",),
    "ClientIP": ("source.ip",),
    "ClientIPAddress": ("source.ip",),
    "ObjectId": ("file.path",),
    "SourceFileName": ("file.name",),
    "ResultStatus": ("event.outcome",),
    "UserAgent": ("user_agent.original",),
}

PRODUCT_FIELDS = {"m365": M365_FIELDS}


@dataclass(frozen=True, slots=True)
class LogSourceGate:
    """Which events a rule's log source admits. Empty: all; an event that names neither its dataset
    nor a category is admitted too, as there is nothing to tell it by."""

    datasets: tuple[str, ...] = ()
    """Dataset names or their first part."""
    categories: tuple[str, ...] = ()

    def admits(self, dataset: str, categories: Sequence[str]) -> bool:
        """Whether the log source admits the event. `categories`: a plain text is one category."""
        if isinstance(categories, str):
            categories = (categories,) if categories else ()
        if not (self.datasets or self.categories) or not (dataset or categories):
            return True
        return (
            not self.datasets
            or dataset in self.datasets
            or dataset.partition(".")[0] in self.datasets
        ) and (not self.categories or not set(self.categories).isdisjoint(categories))


CATEGORIES: dict[str, tuple[str, ...]] = {
    "authentication": ("authentication",),
    "firewall": ("network", "authentication", "configuration"),
    "proxy": ("web",),
    "webserver": ("web",),
}

DATASETS: dict[tuple[str | None, str | None], tuple[str, ...]] = {
    ("linux", "sshd"): ("linux.sshd",),
    ("linux", None): ("linux",),
    ("m365", None): ("microsoft365", "m365", "o365"),
    ("nginx", None): ("nginx",),
    ("apache", None): ("apache",),
    ("sonicwall", None): ("sonicwall",),
    ("draytek", None): ("draytek",),
    (None, "nginx"): ("nginx",),
    (None, "apache"): ("apache",),
}


def build_gate(source: SigmaLogSource) -> LogSourceGate:
    """Build the gate of a log source; one in no table admits all."""
    datasets = DATASETS.get((source.product, source.service)) or DATASETS.get(
        (source.product, None), DATASETS.get((None, source.service), ())
    )
    return LogSourceGate(datasets, CATEGORIES.get(source.category or "", ()))


def list_names(field: str, source: SigmaLogSource | None) -> tuple[str, ...]:
    """List the ECS candidates for a field of a rule of this log source, the field's own name
    last."""
    own = PRODUCT_FIELDS.get(source.product or "", {}) if source else {}
    mapped = own.get(field) or FIELDS.get(field) or ()
    return (*(name for name in mapped if name != field), field)
