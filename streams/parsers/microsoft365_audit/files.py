"""Read operations on files of SharePoint and OneDrive."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.pipeline.event import Value
from streams.parsers.microsoft365_audit import operations
from streams.parsers.microsoft365_audit.actors import put_recipient
from streams.tokenizers import links
from streams.tokenizers.json_lines import to_number, to_word

_Fields = dict[str, Value]
_Record = Mapping[str, Value]


def put_file(fields: _Fields, record: _Record, key: str) -> None:
    fields |= {"event.category": ["file"], "event.type": [operations.get_file_type(key)]}
    if name := to_word(record.get("SourceFileName")):
        fields["file.name"] = name
    if extension := to_word(record.get("SourceFileExtension")):
        fields["file.extension"] = extension
    if where := to_word(record.get("ObjectId")):
        fields["file.path"] = where
        links.put_link(fields, where)
    if directory := to_word(record.get("SourceRelativeUrl")):
        fields["file.directory"] = directory
    put_recipient(fields, record)
    size = to_number(record.get("FileSizeBytes"))
    if size is not None:
        fields["file.size"] = size
