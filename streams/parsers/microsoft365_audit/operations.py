"""Map the name of an audited operation to ECS's `event.type`."""

from __future__ import annotations

import re

_FILE = re.compile(r"(?:file|folder|page)(?:sync|malware|version)?s?([a-z]+)")
_SHARING = re.compile(r"(?:anonymous|secure|company)link|sharing|addedtosecurelink")
_FILE_TYPES = {
    "downloaded": "access",
    "downloadedfull": "access",
    "accessed": "access",
    "accessedextended": "access",
    "previewed": "access",
    "viewed": "access",
    "uploaded": "creation",
    "uploadedfull": "creation",
    "copied": "creation",
    "deleted": "deletion",
    "recycled": "deletion",
}
_VERB_TYPES = {
    "new": "creation",
    "add": "creation",
    "remove": "deletion",
    "delete": "deletion",
    "harddelete": "deletion",
    "softdelete": "deletion",
    "movetodeleteditems": "deletion",
    "set": "change",
    "update": "change",
    "change": "change",
    "reset": "change",
    "enable": "change",
    "disable": "change",
    "consent": "change",
}
_PAST = re.compile(r"(creat|add|delet|remov|modif|chang|updat|renam)(?:i?ed)")
_PAST_TYPES = {"creat": "creation", "add": "creation", "delet": "deletion", "remov": "deletion"}
"""Of what was done, as SharePoint and Teams name it: `TeamCreated`."""
_WORD_ENDS = re.compile(r"[-\s.]")


def get_file_type(operation: str) -> str | None:
    """Return the type of a case-folded operation on files or links to them (`filedownloaded`);
    None: it is not one."""
    match = _FILE.match(operation)
    if match is not None:
        return _FILE_TYPES.get(match[1], "change")
    return "change" if _SHARING.match(operation) else None


def get_verb_type(operation: str) -> str:
    """Return the type of any other operation, by its first word (`add user.`, `set-mailbox`), or by
    what its last one says was done."""
    kind = _VERB_TYPES.get(_WORD_ENDS.split(operation, maxsplit=1)[0])
    past = _PAST.search(operation)
    return kind or ("info" if past is None else _PAST_TYPES.get(past[1], "change"))
