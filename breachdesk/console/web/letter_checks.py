"""Render and check every text of a breach once: a few in the request that asks, thousands in the
background.

A request reads which texts are checked and how many remain. What is approved was checked whole:
the act checks the rest, and uses from here only texts that it would render itself."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from breachdesk.casework.release.letters import (
    CheckedText,
    CheckStamp,
    LetterChecker,
    LetterSet,
    TextKey,
    check_stamp,
    combine_texts,
    get_text_key,
)
from breachdesk.console.dependencies import ConsoleDependencies
from breachdesk.console.views.case_view import CaseFile
from breachdesk.console.views.own_parts import TextGroups, build_reader_text
from breachdesk.console.web.open_requests import OpenRequests
from breachdesk.gdpr.roles import CORRECTED_BY
from breachdesk.ports import UnitOfWork
from schemas.casework.affected import ContactChannel, Recipient
from schemas.casework.case import TaskKind
from schemas.casework.notice import RenderedText
from schemas.errors import EditConflict

AT_ONCE = 20
"""Texts that a request checks itself."""
KEEP = timedelta(minutes=10)
"""That nobody asks for them: another process may have erased the case."""
MOST_BREACHES = 3
REST = 0.25
"""Of the time that a text took: the rest of the program runs meanwhile."""
WAIT_SECONDS = 0.1
"""How long a text waits at most for the requests that are being answered."""
Key = tuple[object, ...]


class BreachTexts:
    """Texts for everybody of one breach, by one version of everything that they are rendered
    from."""

    def __init__(self, key: Key, reading: LetterChecker, former: Mapping[TextKey, CheckedText]):
        self.key = key
        self.reading = reading
        self.fault: Exception | None = None
        """What ended the check."""
        self.last_asked: datetime | None = None
        told_customers = reading.recipients
        self.recipients = (
            *(r for r in told_customers if r.channel is ContactChannel.EMAIL),
            *(r for r in told_customers if r.channel is not ContactChannel.EMAIL),
        )
        """Everybody who is told: by mail, then by telephone."""
        self.groups = TextGroups()
        self._former = former
        self._checked: dict[TextKey, CheckedText] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._gathered: tuple[int, LetterSet] | None = None

    @property
    def total(self) -> int:
        return len(self.recipients)

    @property
    def mails(self) -> int:
        """The first of them, as many as there are letters by mail."""
        return sum(r.channel is ContactChannel.EMAIL for r in self.recipients)

    @property
    def done(self) -> int:
        return len(self._checked)

    @property
    def complete(self) -> bool:
        return self.done == self.total

    @property
    def letters(self) -> LetterSet:
        """Those that are checked until now, in the manifest's order."""
        known = self._gathered
        if known is None or known[0] != self.done:
            texts = [self._checked.get(get_text_key(r)) for r in self.reading.recipients]
            present = [text for text in texts if text is not None]
            known = self._gathered = len(present), combine_texts(present)
        return known[1]

    def find(self, whose: TextKey) -> CheckedText | None:
        """Find the checked text, as `casework.release.letters` asks for it."""
        return self._checked.get(whose)

    @property
    def checked(self) -> Mapping[TextKey, CheckedText]:
        """Every text checked until now."""
        return self._checked

    def render(self, uow: UnitOfWork, number: int) -> RenderedText:
        """Render text `number` from 1, with its HTML, each time again."""
        recipient = self.recipients[number - 1]
        self.reading.read_customers(uow, [recipient])
        return self.reading.render_unchecked(recipient)

    def read_check_data(self, uow: UnitOfWork) -> None:
        """Read what the check needs from the store. Raises EditConflict where the register has
        changed."""
        if uow.customers.get_version() != self.reading.stamp.register_version:
            raise EditConflict("the register has changed", place="letters", remedy="Reload.")
        self.reading.read_customers(uow)
        self.reading.read_names(uow)

    def check_next(self) -> bool:
        """Check one text that nobody has begun. False: there is none."""
        with self._lock:
            number = self._next + 1
            if number > self.total:
                return False
            self._next = number
        self._check(number)
        return True

    def check_rest(self) -> None:
        """Check all remaining texts, whoever has begun them."""
        while self.check_next():
            pass
        for number, recipient in enumerate(self.recipients, 1):
            if get_text_key(recipient) not in self._checked:
                self._check(number)

    def _check(self, number: int) -> None:
        recipient = self.recipients[number - 1]
        text = self.reading.find_checked(recipient, self._former.get) or self.reading.check(
            recipient
        )
        if text.letter is not None and text.letter.html:
            # It is rendered again for each viewer: thousands of them are too much to keep.
            text = replace(text, letter=text.letter.model_copy(update={"html": ""}))
        with self._lock:
            if get_text_key(recipient) in self._checked:
                return
            self._checked[get_text_key(recipient)] = text
            self.groups.add(number, build_reader_text(text.main_text, text.context), text.context)


class LetterChecks:
    """The newest texts of the breaches that somebody reads."""

    def __init__(self, dependencies: ConsoleDependencies, requests: OpenRequests) -> None:
        self._dependencies = dependencies
        self._requests = requests
        self._breaches: OrderedDict[str, BreachTexts] = OrderedDict()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def read_texts(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> BreachTexts:
        """Read the texts of the newest documents; a few are checked now, many from now on. Raises
        what `casework.release.letters` raises, and what ended the check."""
        texts = self._get_current(uow, file, now)
        if texts.fault is not None:
            self._drop(texts)
            raise texts.fault
        if texts.complete:
            return texts
        if texts.total <= AT_ONCE:
            self._check_now(uow, texts)
        else:
            self._continue_checks()
        return texts

    def finish_texts(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> BreachTexts:
        """Check every text before returning. Raises as `read_texts`."""
        texts = self.read_texts(uow, file, now)
        if not texts.complete:
            self._check_now(uow, texts)
        return texts

    def drop_unread(self, now: datetime) -> None:
        """Drop what nobody has asked for lately."""
        with self._lock:
            for breach_id, texts in list(self._breaches.items()):
                if texts.last_asked and not timedelta() <= now - texts.last_asked < KEEP:
                    del self._breaches[breach_id]

    def _get_current(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> BreachTexts:
        dependencies, breach = self._dependencies, file.get_breach()
        stamp = check_stamp(uow, dependencies.settings, dependencies.renderer)
        key = _build_key(file, stamp)
        with self._lock:
            texts = self._breaches.get(breach.id)
        if texts is None or texts.key != key:
            former = {} if texts is None else texts.checked
            reading = LetterChecker(uow, breach.id, dependencies.settings, dependencies.renderer)
            texts = BreachTexts(key, reading, former)
            self._store_texts(breach.id, texts)
        texts.last_asked = now
        return texts

    def _drop(self, texts: BreachTexts) -> None:
        """Drop the texts; they are checked again when somebody asks."""
        with self._lock:
            for breach_id, each in list(self._breaches.items()):
                if each is texts:
                    del self._breaches[breach_id]

    def _store_texts(self, breach_id: str, texts: BreachTexts) -> None:
        with self._lock:
            self._breaches[breach_id] = texts
            self._breaches.move_to_end(breach_id)
            while len(self._breaches) > MOST_BREACHES:
                self._breaches.popitem(last=False)

    def _check_now(self, uow: UnitOfWork, texts: BreachTexts) -> None:
        texts.read_check_data(uow)
        texts.check_rest()

    def _continue_checks(self) -> None:
        """Begin the background check, unless it runs."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._check_waiting, name="letter-checks", daemon=True
                )
                self._thread.start()

    def _check_waiting(self) -> None:
        while (texts := self._find_waiting()) is not None:
            self._requests.wait_until_idle(WAIT_SECONDS)
            begin = time.perf_counter()
            try:
                if not texts.done:
                    self._dependencies.store.read(texts.read_check_data)
                more = texts.check_next()
            except Exception as fault:  # noqa: BLE001 - whoever asks next is told of it
                texts.fault = fault
                continue
            if not more:
                return
            time.sleep(REST * (time.perf_counter() - begin))

    def _find_waiting(self) -> BreachTexts | None:
        with self._lock:
            waiting = (t for t in self._breaches.values() if not t.complete and t.fault is None)
            return next(waiting, None)


def _build_key(file: CaseFile, stamp: CheckStamp) -> Key:
    """Build a key that changes with everything that a text is rendered from and checked against."""
    version = file.facts.version if file.facts else 0
    recipients: Sequence[Recipient] = file.manifest.recipients if file.manifest else ()
    corrects = any(r.kind in CORRECTED_BY for r in recipients)
    return (
        file.breach.version if file.breach else None,
        file.manifest.hash if file.manifest else None,
        file.decision.hash if file.decision else None,
        version,
        # What left before decides which number a letter bears and which one it replaces; a
        # correction follows a letter of the same version.
        tuple(
            (row.id, row.status, row.handed_over_at)
            for row in file.rows
            if row.version < version or corrects
        ),
        tuple((t.id, t.told) for t in file.case.tasks if t.kind is TaskKind.TELEPHONE and t.told),
        tuple(submission.jurisdiction for submission in file.submissions),
        stamp,
    )
