"""Every text of a breach, rendered and checked once: a few in the request that asks, thousands in the
background.

A request looks at what is checked and says how far the check is. What is approved was checked whole:
the act checks what is left, and takes from here only what it would make itself.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from breachdesk.casework.letters import (
    CheckedText,
    CheckStamp,
    LetterReading,
    Letters,
    Whose,
    check_stamp,
    gathered,
    whose_text,
)
from breachdesk.console.case_file import CaseFile
from breachdesk.console.house import House
from breachdesk.console.own_parts import TextGroups, reader_text
from breachdesk.gdpr.roles import CORRECTED_BY
from breachdesk.ports import UnitOfWork
from schemas.affected import Channel, Recipient
from schemas.case import TaskKind
from schemas.errors import Conflict
from schemas.notice import Rendered

AT_ONCE = 20
"""Texts that a request checks itself."""
KEEP = timedelta(minutes=10)
"""That nobody asks for them: another process may have erased the case."""
MOST_BREACHES = 3
REST = 0.25
"""Of the time that a text took: requests of others run meanwhile."""
Key = tuple[object, ...]


class BreachTexts:
    """What everybody of one breach is told, by one version of everything that it is made of."""

    def __init__(self, key: Key, reading: LetterReading, former: Mapping[Whose, CheckedText]):
        self.key = key
        self.reading = reading
        self.fault: Exception | None = None
        """What ended the check."""
        self.last_asked: datetime | None = None
        told = reading.told
        self.recipients = (
            *(r for r in told if r.channel is Channel.EMAIL),
            *(r for r in told if r.channel is not Channel.EMAIL),
        )
        """Everybody who is told: by mail, then by telephone."""
        self.groups = TextGroups()
        self._former = former
        self._checked: dict[Whose, CheckedText] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._gathered: tuple[int, Letters] | None = None

    @property
    def total(self) -> int:
        return len(self.recipients)

    @property
    def mails(self) -> int:
        """The first of them, as many as there are letters by mail."""
        return sum(r.channel is Channel.EMAIL for r in self.recipients)

    @property
    def done(self) -> int:
        return len(self._checked)

    @property
    def complete(self) -> bool:
        return self.done == self.total

    @property
    def letters(self) -> Letters:
        """Those that are checked until now, in the manifest's order."""
        known = self._gathered
        if known is None or known[0] != self.done:
            texts = [self._checked.get(whose_text(r)) for r in self.reading.told]
            present = [text for text in texts if text is not None]
            known = self._gathered = len(present), gathered(present)
        return known[1]

    def find(self, whose: Whose) -> CheckedText | None:
        """`casework.letters.KeptTexts`."""
        return self._checked.get(whose)

    @property
    def checked(self) -> Mapping[Whose, CheckedText]:
        """All of them until now."""
        return self._checked

    def rendered(self, uow: UnitOfWork, number: int) -> Rendered:
        """Text `number` from 1, with its HTML; made anew."""
        recipient = self.recipients[number - 1]
        self.reading.read_customers(uow, [recipient])
        return self.reading.rendered(recipient)

    def read(self, uow: UnitOfWork) -> None:
        """What the check asks the store for. Raises Conflict where the register has changed."""
        if uow.customers.version() != self.reading.stamp.register_version:
            raise Conflict("the register has changed", place="letters", remedy="Reload.")
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
        """All that are not checked yet, whoever has begun them."""
        while self.check_next():
            pass
        for number, recipient in enumerate(self.recipients, 1):
            if whose_text(recipient) not in self._checked:
                self._check(number)

    def _check(self, number: int) -> None:
        recipient = self.recipients[number - 1]
        text = self.reading.kept(recipient, self._former.get) or self.reading.check(recipient)
        if text.letter is not None and text.letter.html:
            # It is made anew for whoever looks at it: thousands of them are too much to keep.
            text = replace(text, letter=text.letter.model_copy(update={"html": ""}))
        with self._lock:
            if whose_text(recipient) in self._checked:
                return
            self._checked[whose_text(recipient)] = text
            self.groups.add(number, reader_text(text.told, text.context), text.context)


class LetterChecks:
    """The newest texts of the breaches that somebody reads."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._breaches: OrderedDict[str, BreachTexts] = OrderedDict()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def texts(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> BreachTexts:
        """By the newest documents; a few are checked now, many are from now on. Raises what
        `casework.letters` raises, and what ended the check."""
        texts = self._current(uow, file, now)
        if texts.fault is not None:
            self._drop(texts)
            raise texts.fault
        if texts.complete:
            return texts
        if texts.total <= AT_ONCE:
            self._check_now(uow, texts)
        else:
            self._go_on()
        return texts

    def finished(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> BreachTexts:
        """Every text is checked before it returns. Raises as `texts`."""
        texts = self.texts(uow, file, now)
        if not texts.complete:
            self._check_now(uow, texts)
        return texts

    def drop_unread(self, now: datetime) -> None:
        """What nobody has asked for lately goes."""
        with self._lock:
            for breach_id, texts in list(self._breaches.items()):
                if texts.last_asked and not timedelta() <= now - texts.last_asked < KEEP:
                    del self._breaches[breach_id]

    def _current(self, uow: UnitOfWork, file: CaseFile, now: datetime) -> BreachTexts:
        house, breach = self._house, file.known_breach()
        stamp = check_stamp(uow, house.settings, house.renderer)
        key = _key(file, stamp)
        with self._lock:
            texts = self._breaches.get(breach.id)
        if texts is None or texts.key != key:
            former = {} if texts is None else texts.checked
            reading = LetterReading(uow, breach.id, house.settings, house.renderer)
            texts = BreachTexts(key, reading, former)
            self._keep(breach.id, texts)
        texts.last_asked = now
        return texts

    def _drop(self, texts: BreachTexts) -> None:
        """It is checked anew when somebody asks again."""
        with self._lock:
            for breach_id, each in list(self._breaches.items()):
                if each is texts:
                    del self._breaches[breach_id]

    def _keep(self, breach_id: str, texts: BreachTexts) -> None:
        with self._lock:
            self._breaches[breach_id] = texts
            self._breaches.move_to_end(breach_id)
            while len(self._breaches) > MOST_BREACHES:
                self._breaches.popitem(last=False)

    def _check_now(self, uow: UnitOfWork, texts: BreachTexts) -> None:
        texts.read(uow)
        texts.check_rest()

    def _go_on(self) -> None:
        """Begin the background check, unless it runs."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._check_waiting, name="letter-checks", daemon=True
                )
                self._thread.start()

    def _check_waiting(self) -> None:
        while (texts := self._waiting()) is not None:
            begin = time.perf_counter()
            try:
                if not texts.done:
                    self._house.store.look(texts.read)
                more = texts.check_next()
            except Exception as fault:  # noqa: BLE001 - whoever asks next is told of it
                texts.fault = fault
                continue
            if not more:
                return
            time.sleep(REST * (time.perf_counter() - begin))

    def _waiting(self) -> BreachTexts | None:
        with self._lock:
            waiting = (t for t in self._breaches.values() if not t.complete and t.fault is None)
            return next(waiting, None)


def _key(file: CaseFile, stamp: CheckStamp) -> Key:
    """Changes with everything that a text is made of and checked against."""
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
