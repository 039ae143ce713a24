"""Read what Purview's endpoint agent saw on a device: files that were copied, printed, uploaded or
opened, and whether the policy let it happen."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.tokenizers import links
from streams.tokenizers.json_lines import to_mapping, to_number, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]
_TEXTS = (
    ("host.name", "DeviceName"),
    ("file.extension", "FileExtension"),
    ("file.hash.sha1", "Sha1"),
    ("file.hash.sha256", "Sha256"),
    ("process.name", "ProcessName"),
    ("process.name", "Application"),
    ("destination.domain", "TargetDomain"),
)
_MODES = {
    "1": ("allowed", "success", "Audit"),
    "2": ("allowed", "success", "Warn"),
    "3": ("allowed", "success", "WarnAndBypass"),
    "4": ("denied", "failure", "Block"),
    "5": ("allowed", "success", "Allow"),
}
"""EnforcementMode: verdict, outcome, and what the agent did."""
_MODE_NUMBERS = {"audit": "1", "warn": "2", "warnandbypass": "3", "block": "4", "allow": "5"}
_CREATIONS = ("created", "copied", "uploaded", "renamed", "written")


def is_endpoint(record: _Record) -> bool:
    """Whether it is the record of a device's agent."""
    return to_word(record.get("Workload")).casefold() == "endpoint"


def put_endpoint_act(fields: _Fields, record: _Record, key: str) -> None:
    kind = "access"
    if "deleted" in key:
        kind = "deletion"
    elif any(word in key for word in _CREATIONS):
        kind = "creation"
    fields |= {"event.category": ["file"], "event.type": [kind]}
    put_device(fields, record)


def put_device(fields: _Fields, record: _Record) -> None:
    """Set device, file, target and verdict, which stand in the record or in its metadata."""
    metadata = to_mapping(record.get("EndpointMetaData"))
    for name, key in _TEXTS:
        value = to_word(metadata.get(key)) or to_word(record.get(key))
        if value:
            fields[name] = value.casefold() if name == "host.name" else value
    _put_file_names(fields, record, metadata)
    size = to_number(metadata.get("FileSize") or record.get("FileSize"))
    if size is not None:
        fields["file.size"] = size
    mode = to_word(metadata.get("EnforcementMode")) or to_word(record.get("EnforcementMode"))
    verdict = _MODES.get(_MODE_NUMBERS.get(mode.casefold(), mode))
    if verdict is not None:
        kind, fields["event.outcome"], action = verdict
        kinds = [each for each in fields["event.type"] if each not in {"allowed", "denied"}]
        fields["event.type"] = [*kinds, kind]
        fields.setdefault("breach.dlp.actions", [action])
    _put_policy(
        fields, to_mapping(metadata.get("PolicyMatchInfo") or record.get("PolicyMatchInfo"))
    )


def _put_policy(fields: _Fields, policy: _Record) -> None:
    for name, key in (("rule.id", "RuleId"), ("rule.name", "RuleName")):
        if name not in fields and (text := to_word(policy.get(key))):
            fields[name] = [text]
    if "rule.ruleset" not in fields and (text := to_word(policy.get("PolicyName"))):
        fields["rule.ruleset"] = [text]


def _put_file_names(fields: _Fields, record: _Record, metadata: _Record) -> None:
    path = to_word(record.get("ObjectId"))
    path = path or to_word(metadata.get("SourceFilePath")) or to_word(metadata.get("FilePath"))
    if path:
        fields["file.path"] = path
        fields["file.name"] = path.replace("\\", "/").rpartition("/")[2]
    target = to_word(metadata.get("TargetFilePath")) or to_word(record.get("TargetFilePath"))
    if target:
        fields["file.target_path"] = target
    links.put_link(fields, to_word(metadata.get("TargetUrl")) or to_word(record.get("TargetUrl")))
