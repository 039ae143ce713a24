"""Kinds of notice. Each is one file of `schemas.casework.notice_kinds`, named by its id, with a `SPEC`.

A kind that is a letter also has its folder `templates/notices/<locale>/<id>/`. Nothing else names
a kind but the code whose act exists for this kind alone.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic_core import CoreSchema, core_schema

from schemas.customer import DataRole


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a letter: the template in the kind's folder, and how the file's name ends."""

    template: str
    name: str
    """`controller-pack` makes `BR-0001-controller-pack-1.json`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeKindSpec:
    """Everything that the rest of the program asks about a kind of notice."""

    role: DataRole | None
    """Our role for the exposure that the letter is about. None: it is about no exposure."""
    is_owed: bool = False
    """Whether each reader of an exposure in this role gets this letter."""
    corrects: str | None = None
    """Id of the kind of letter that this one corrects."""
    needs_manifest: bool = True
    """Whether the reader is a recipient of the frozen list, whose change voids the approval."""
    pausable: bool = True
    """Whether a stop of the breach's mail, and the wait for the witness, hold it back."""
    needs_receipt: bool = False
    """Whether the reader is asked to confirm receipt."""
    bound_by_contract: int | None = None
    """Rank among the letters that a customer's contract can mean. None: it means no such letter."""
    required_blocks: tuple[str, ...] = ()
    """Names of `notifiers.letters.required_content.BLOCKS`: what approval refuses to be without."""
    names_assets: bool = True
    """Whether the letter may name mailboxes, folders and rules of the reader."""
    asset_words: str = "stored"
    """Whether data is `yours` or `stored` with us for the reader (words.toml)."""
    allows_attachments: bool = True
    attachments: tuple[Attachment, ...] = ()
    call_title: str = ""
    """Whom a telephone task rings, after the customer's name."""
    label: str
    """On a screen: `Account holder’s letter`."""
    readers: str
    """On a screen, after a number of letters: `to account holders`."""
    record: str
    """In the case file: `letter to an account holder`."""


class _NoticeKindType(type):
    """Makes `NoticeKind` iterable, and `NoticeKind.WITNESS` the kind of `notice_kinds/witness.py`."""

    def __iter__(cls) -> Iterator[NoticeKind]:
        return iter(_load().values())

    def __getattr__(cls, name: str) -> NoticeKind:
        kind = _load().get(name.lower()) if name.isupper() else None
        if kind is None:
            raise AttributeError(name)
        return kind


class NoticeKind(str, metaclass=_NoticeKindType):
    """The id of a kind. There is one object of each, so that kinds compare by `is`."""

    __slots__ = ()

    def __new__(cls, value: str) -> NoticeKind:  # noqa: PYI034 - there is one object of each kind
        """Raises ValueError for an id that no file has."""
        kind = _load().get(value)
        if kind is None:
            raise ValueError(f"{value!r} is no kind of notice")
        return kind

    @property
    def value(self) -> str:
        """Return the id as a plain `str`, as a member of an enumeration does."""
        return str(self)

    @property
    def spec(self) -> NoticeKindSpec:
        """Return the `SPEC` of the kind's file."""
        return _SPECS[self]

    @property
    def correction(self) -> NoticeKind | None:
        """Return the kind of letter that corrects this one, or None."""
        return next((kind for kind in NoticeKind if kind.spec.corrects == self), None)

    @property
    def corrects(self) -> NoticeKind | None:
        """Return the kind of letter that this one corrects, or None if it corrects none."""
        corrected = self.spec.corrects
        return None if corrected is None else NoticeKind(corrected)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> CoreSchema:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema())


PACKAGE = f"{__package__}.notice_kinds"
_KINDS: dict[str, NoticeKind] = {}
_SPECS: dict[str, NoticeKindSpec] = {}


def load_kinds() -> None:
    """Read the files of `schemas.casework.notice_kinds` that are not read yet."""
    package = importlib.import_module(PACKAGE)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name not in _KINDS:
            loaded = importlib.import_module(f"{PACKAGE}.{module.name}")
            _SPECS[module.name] = loaded.SPEC
            _KINDS[module.name] = str.__new__(NoticeKind, module.name)


def _load() -> dict[str, NoticeKind]:
    if not _KINDS:
        load_kinds()
    return _KINDS
