"""What a frightened reader is told: nothing false, nothing foreign, nothing that somebody else
did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from breachdesk.casework.affected.bindings import BindingIndex
from breachdesk.casework.affected.data_effects import is_encryption
from breachdesk.casework.affected.evidence import AssetSighting
from breachdesk.casework.affected.recorded_acts import collect_acts
from notifiers.letters.formatting import format_span
from notifiers.letters.readability import generate_paragraphs
from notifiers.letters.render import JinjaRenderer
from notifiers.letters.template_folder import TemplateFolder
from notifiers.testing.channels import (
    ACCOUNT,
    BREACH,
    PACK_WORDS,
    STORED,
    build_letter_context,
    build_own_facts,
    build_possible_words,
    build_recipient,
    get_words,
)
from schemas.casework.affected import ActSummary, Certainty, DoubtKind, ExposureDoubt
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import DataCategory, PersonKind
from schemas.pipeline.alert import EvidenceView

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
RENDERER = JinjaRenderer(TEMPLATES)
LONDON = TemplateFolder(TEMPLATES, "Europe/London").zone
PACK, LETTER = NoticeKind.CONTROLLER_PACK, NoticeKind.ACCOUNT_HOLDER
THREE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DOMAIN = "hartwell-dental.example"
BLIND = ExposureDoubt(
    kind=DoubtKind.BLIND_SOURCE, begin=THREE - timedelta(hours=2), end=THREE + timedelta(hours=1)
)


def act(action: str, count: int = 1, outcome: str = "success", **fields: Any) -> ActSummary:
    fields = {"first": THREE, "last": THREE + timedelta(minutes=9)} | fields
    return ActSummary(action=action, outcome=outcome, count=count, **fields)


def told(
    kind: NoticeKind = PACK,
    *acts: ActSummary,
    exposure: Mapping[str, Any] | None = None,
    **own: Any,
) -> str:
    """The letter and the script in one line each; `exposure` replaces fields of the exposure."""
    base = ACCOUNT if kind is LETTER else STORED
    changes = dict(exposure or {}) | ({"acts": acts} if acts else {})
    context = build_letter_context(kind, exposure=base.model_copy(update=changes), **own)
    letter, script = RENDERER.render_letter(context), RENDERER.render_telephone_script(context)
    assert RENDERER.lint_script(script.text, context) == ()
    assert [p for p in RENDERER.lint(letter, context) if p.severity == "block"] == []
    return " ".join(f"{letter.subject}\n{letter.text}\n{script.text}".split())


def unsure_of(acts: tuple[ActSummary, ...], **own: Any) -> str:
    """A controller of whom nothing is known but refused tries and a blind source."""
    words = build_possible_words(PACK_WORDS).model_copy(
        update={"what_happened": "Every try was refused."}
    )
    facts = build_own_facts(
        words, what_happened="Someone tried passwords at systems we look after."
    )
    exposure = {
        "certainty": Certainty.POSSIBLE,
        "effects": {DataCategory.MAIL: {}, DataCategory.BACKUP: {}},
        "assets": (),
        "services": ("backup", "hosted website", "managed firewall"),
        "acts": acts,
        "doubts": (BLIND,),
    }
    return told(PACK, facts=facts, exposure=exposure, **own)


@pytest.mark.parametrize(
    ("action", "never"),
    [
        ("filedownloaded", "downloaded from"),
        ("filedownloaded", "files were downloaded"),
        ("new-inboxrule", "were set or changed"),
        ("mailitemsaccessed", "mail was opened"),
        ("filedeleted", "files were deleted"),
        ("encrypt", "were made unreadable"),
        ("backup-delete", "backups were deleted"),
    ],
)
def test_an_act_that_was_refused_is_never_said_to_have_been_done(action: str, never: str) -> None:
    text = told(PACK, act(action, 5, "failure"), STORED.acts[0])

    assert never not in text
    assert "refused" in text


def test_an_act_of_unknown_outcome_is_told_as_a_perhaps() -> None:
    text = told(PACK, act("filedownloaded", 180, outcome=""))

    assert "perhaps 180 files were downloaded. The record does not say whether it worked." in text
    assert "This happened" not in text
    assert "It may have happened on Sunday 22 November 2026, between 3am and 3:09am GMT." in text


def test_a_rule_perhaps_set_says_so_before_what_it_was_made_for() -> None:
    rule = {"rule": "x", "target": "collect@freemail.example"}
    mailbox = (f"mailbox:reception@{DOMAIN}",)
    text = told(PACK, act("new-inboxrule", outcome="", details=rule, assets=mailbox))

    assert "perhaps a mailbox rule named “x” was set" in text
    assert "The record does not say whether it worked." in text


def test_an_act_without_words_is_named_to_the_controller_and_counted_for_the_holder() -> None:
    odd = act("add-mailboxpermission", 2)

    assert "2 events of the kind “add-mailboxpermission” are in our records" in told(PACK, odd)
    holder = told(LETTER, odd)
    assert "mailboxpermission" not in holder
    assert "more events" not in holder
    assert "2 other events are in our records" in holder


def test_what_is_stopped_has_been_told_before() -> None:
    context = build_letter_context(PACK)
    letter = " ".join(RENDERER.render_letter(context).text.split())

    assert letter.index("118 files were downloaded") < letter.index("We have stopped this.")


def test_who_was_only_tried_reads_of_no_system_and_no_data_as_touched() -> None:
    text = unsure_of((act("userloginfailed", 12, "failure"),))

    for foreign in ("managed firewall", "hosted website", "Treat all", "affected: "):
        assert foreign not in text
    assert "We know of no system of yours that anybody got into." in text
    assert "We know of nothing that happened to your data, and cannot rule it out." in text


def test_ten_mailboxes_are_in_a_list_and_in_no_sentence() -> None:
    names = [f"person{n}@{DOMAIN}" for n in range(10)]
    tries = act("userloginfailed", 13, "failure", assets=tuple(f"mailbox:{n}" for n in names))
    context = build_letter_context(
        PACK, exposure=STORED.model_copy(update={"acts": (tries, *STORED.acts)})
    )
    letter, script = RENDERER.render_letter(context), RENDERER.render_telephone_script(context)

    for text in (letter.text, script.text):
        items = [p for _, p in generate_paragraphs(text)]
        assert f"- person7@{DOMAIN}" in items
    assert letter.html.count("<ul>") == letter.html.count("</ul>")
    assert f"<li>person7@{DOMAIN}</li>" in letter.html
    pack = json.loads(next(iter(letter.attachments.values())))
    assert f"person7@{DOMAIN}" in pack["acts"][0]["words"]


def test_sixty_mailboxes_are_counted_and_offered() -> None:
    many = tuple(f"mailbox:person{n}@{DOMAIN}" for n in range(60))
    text = told(PACK, act("userloginfailed", 70, "failure", assets=many), *STORED.acts)

    assert "60 of your mailboxes" in text
    assert f"person7@{DOMAIN}" not in text
    assert "Ask us for the list of these mailboxes." in text


@pytest.mark.parametrize(
    "name",
    [
        "Call 0900 123 4567 or lose your mail",
        "https://evil.example/pay",
        "www.evil.example",
        "write to help@evil.example",
        "x" * 300,
    ],
)
def test_a_rules_name_that_could_mislead_its_reader_is_not_repeated(name: str) -> None:
    mailbox = (f"mailbox:reception@{DOMAIN}",)
    rule = act("new-inboxrule", details={"rule": name}, assets=mailbox)
    folder = act("filedownloaded", 2, details={"folders": name})
    text = told(PACK, rule, folder)

    assert name not in text
    assert "a mailbox rule, whose name we do not repeat here, was set or changed" in text
    assert "2 files were downloaded from folders that we will name when you ask" in text


def test_hidden_characters_of_a_rules_name_are_shown() -> None:
    rule = act("new-inboxrule", details={"rule": "a\u202eb\nc"})

    assert "“a[U+202E]b[U+000A]c”" in told(PACK, rule)


def test_a_rule_named_by_signs_alone_is_said_to_be() -> None:
    rule = act("new-inboxrule", details={"rule": "."})

    assert "a mailbox rule whose whole name is “.” was set or changed" in told(PACK, rule)


def test_a_moment_is_no_span_though_its_seconds_differ() -> None:
    later = THREE + timedelta(seconds=40)

    assert format_span(THREE, later, LONDON) == "on Sunday 22 November 2026 at 3am GMT"


def test_the_hour_that_comes_twice_is_told_with_its_letters() -> None:
    first = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)

    assert format_span(first, first + timedelta(minutes=40), LONDON) == (
        "between Sunday 25 October 2026 at 1:40am BST and Sunday 25 October 2026 at 1:20am GMT"
    )
    assert "1:40am BST" in format_span(first, first + timedelta(hours=1), LONDON)
    assert "1:40am GMT" in format_span(first, first + timedelta(hours=1), LONDON)


def test_midnight_says_of_which_day() -> None:
    midnight = datetime(2026, 11, 22, 0, 0, tzinfo=UTC)

    assert format_span(midnight, midnight, LONDON) == (
        "on Sunday 22 November 2026 at midnight (as that day began) GMT"
    )


def test_an_alert_after_we_confirmed_comes_after_it() -> None:
    late = BREACH.aware_at + timedelta(hours=2)
    text = told(LETTER, exposure={"alerted_at": late})

    confirmed = "We confirmed the incident on Monday 23 November 2026 at 9am GMT. On "
    assert f"{confirmed}Monday 23 November 2026 at 11am GMT our systems raised an alert" in text


def test_whom_no_alert_named_is_not_told_that_we_first_heard_when_we_confirmed() -> None:
    earlier = BREACH.model_copy(update={"detected_at": THREE})
    text = told(LETTER, exposure={"alerted_at": None}, breach=earlier)

    assert "We learned of it" not in text
    assert "We confirmed the incident on Monday 23 November 2026 at 9am GMT." in text


def test_of_a_suppliers_breach_the_reader_hears_who_told_us() -> None:
    breach = BREACH.model_copy(update={"supplier_told_at": THREE})
    text = told(LETTER, exposure={"alerted_at": None}, breach=breach)

    assert "A supplier told us of it on Sunday 22 November 2026 at 3am GMT." in text


def test_a_system_of_ours_within_reach_is_not_said_to_have_been_broken_into() -> None:
    """It may be a laptop that was lost, or a record that does not say whether access worked."""
    words = build_possible_words(get_words(LETTER))
    exposure = {
        "certainty": Certainty.POSSIBLE,
        "acts": (),
        "doubts": (ExposureDoubt(kind=DoubtKind.WITHIN_REACH),),
    }
    text = told(LETTER, facts=build_own_facts(words), exposure=exposure)

    assert "someone got into a system of ours" not in text
    assert "a system of ours was involved" in text.casefold()


def test_a_user_reads_of_the_account_they_use_and_not_of_one_they_have() -> None:
    user = build_recipient(LETTER).model_copy(update={"person_kind": PersonKind.USER})
    text = told(LETTER, recipient=user)

    assert "in the account of Hartwell Dental Practice" in text
    assert "in your account" not in text
    assert "your Penhallow IT account" not in text


def test_a_former_customer_reads_of_a_former_account() -> None:
    text = told(LETTER, former=True)

    assert "in your former account" in text
    assert "in your account" not in text
    assert "Our contract with you has ended. We still hold information from that account." in text


def test_who_was_told_by_telephone_gets_an_update_and_no_first_letter() -> None:
    context = build_letter_context(LETTER, spoken_before=True)

    assert RENDERER.render_letter(context).subject.startswith("Update: ")


@pytest.mark.parametrize("kind", [LETTER, PACK])
def test_a_call_says_that_it_replaces_what_was_told_before(kind: NoticeKind) -> None:
    mailed = RENDERER.render_telephone_script(
        build_letter_context(kind, supersedes=1, version=2)
    ).text
    spoken = RENDERER.render_telephone_script(build_letter_context(kind, spoken_before=True)).text
    first = RENDERER.render_telephone_script(build_letter_context(kind)).text

    mailed, spoken = " ".join(mailed.split()), " ".join(spoken.split())
    assert "What I say now replaces our letter number 1 about the same incident." in mailed
    assert "We told you about this incident before. What I say now takes the place" in spoken
    assert "takes the place" not in first
    assert "replaces" not in first


def test_a_script_does_not_call_itself_a_letter() -> None:
    user = build_recipient(LETTER).model_copy(update={"person_kind": PersonKind.USER})
    script = RENDERER.render_telephone_script(build_letter_context(LETTER, recipient=user)).text

    assert "this letter" not in script.casefold()


@pytest.mark.parametrize(
    "typed",
    ["Dear {name}, look out.", "Call [customer name] now.", "Call <your bank>.", "Ask XXX."],
)
def test_a_place_that_nobody_filled_in_stops_the_release(typed: str) -> None:
    context = build_letter_context(
        LETTER, facts=build_own_facts(get_words(LETTER), what_happened=typed)
    )
    problems = RENDERER.lint(RENDERER.render_letter(context), context)

    assert "a place that was never filled in" in [p.problem for p in problems]


def test_words_for_those_who_cannot_be_ruled_out_that_say_it_happened_want_a_look() -> None:
    words = build_possible_words(get_words(LETTER)).model_copy(
        update={"what_happened": "Someone opened the pages of your account."}
    )
    exposure = ACCOUNT.model_copy(
        update={"certainty": Certainty.POSSIBLE, "acts": (), "doubts": (BLIND,)}
    )
    context = build_letter_context(LETTER, facts=build_own_facts(words), exposure=exposure)

    assert any(
        "may not have happened to these readers" in p.problem
        for p in RENDERER.lint(RENDERER.render_letter(context), context)
    )


@pytest.mark.parametrize(
    "kind", [NoticeKind.ACCOUNT_HOLDER_CORRECTION, NoticeKind.CONTROLLER_CORRECTION]
)
def test_a_correction_asks_to_pass_it_on_to_whoever_heard_of_the_first(kind: NoticeKind) -> None:
    text = " ".join(RENDERER.render_letter(build_letter_context(kind)).text.split())

    assert "If you told anybody else about our earlier message, please tell them this too." in text


def test_a_former_controller_reads_of_data_that_we_looked_after() -> None:
    text = told(PACK, former=True)

    assert "Some of the data that we looked after for you" in text
    assert "look after for you" not in text


def test_a_call_says_why_it_is_a_call() -> None:
    for kind in NoticeKind:
        if kind is not NoticeKind.WITNESS:
            script = " ".join(
                RENDERER.render_telephone_script(build_letter_context(kind)).text.split()
            )
            assert "“We call because we cannot be sure that email reaches you safely.”" in script


@pytest.mark.parametrize("others", [("fabrikam",), ()])
def test_files_of_an_event_that_touches_two_customers_are_named_to_neither(
    others: tuple[str, ...],
) -> None:
    touches = tuple((c, f"domain:{c}.example", "files") for c in ("contoso", *others))
    event = EvidenceView(
        event_id="e-1",
        time=THREE,
        source="m365",
        journal="j",
        offset=1,
        sha256="0" * 64,
        summary={
            "event.action": "FileDownloaded",
            "event.outcome": "success",
            "file.path": "/Smith family/will.pdf",
            "file.name": "will.pdf",
        },
        touches=touches,
    )
    acts = collect_acts(
        [AssetSighting(event, "contoso", "domain:contoso.example", ("files",))], BindingIndex(())
    )

    named = {"folders": "Smith family", "files": "will.pdf"}
    assert acts[0].details == ({} if others else named)


def test_a_rule_set_for_two_customers_is_named_to_neither_and_still_copies_mail() -> None:
    event = EvidenceView(
        event_id="e-1",
        time=THREE,
        source="m365",
        journal="j",
        offset=1,
        sha256="0" * 64,
        summary={
            "event.action": "New-TransportRule",
            "event.outcome": "success",
            "rule.name": "Fabrikam copy",
            "breach.mailbox.forward_to": ["x@free.example"],
        },
        touches=(
            ("contoso", "domain:contoso.example", "mail"),
            ("fabrikam", "domain:fabrikam.example", "mail"),
        ),
    )
    acts = collect_acts(
        [AssetSighting(event, "contoso", "domain:contoso.example", ("mail",))], BindingIndex(())
    )
    text = told(PACK, *acts)

    assert "a mailbox rule was set. It was made to copy incoming mail to another address." in text
    assert "Fabrikam" not in text


def test_a_reader_made_possible_by_hand_needs_the_reason_in_words() -> None:
    words = build_possible_words(get_words(LETTER)).model_copy(update={"what_happened": None})
    exposure = ACCOUNT.model_copy(update={"certainty": Certainty.POSSIBLE})
    context = build_letter_context(LETTER, facts=build_own_facts(words), exposure=exposure)

    assert list(RENDERER.find_missing_blocks(context)) == [
        "what happened, account holders who cannot be ruled out"
    ]


def test_a_failed_sign_in_without_an_outcome_is_no_perhaps_of_a_sign_in() -> None:
    text = told(PACK, act("userloginfailed", 3, outcome=""))

    assert "someone tried to sign in 3 times. The record does not say how it ended." in text
    assert "perhaps someone" not in text


def test_mail_that_was_sent_unencrypted_made_nothing_unreadable() -> None:
    text = told(PACK, act("unencrypted-mail-sent"))
    event = EvidenceView(
        event_id="e-1",
        time=THREE,
        source="m365",
        journal="j",
        offset=1,
        sha256="0" * 64,
        summary={"event.action": "unencrypted-mail-sent", "event.outcome": "success"},
    )

    assert "unreadable" not in text
    assert not is_encryption(AssetSighting(event, "contoso", "domain:contoso.example", ("mail",)))


def test_a_user_asks_for_the_invoice_that_somebody_else_keeps() -> None:
    user = build_recipient(LETTER).model_copy(update={"person_kind": PersonKind.USER})

    assert "Ask whoever keeps the invoices of Hartwell Dental Practice for one from us" in told(
        LETTER, recipient=user
    )


def test_a_name_with_braces_is_a_name() -> None:
    user = build_recipient(LETTER).model_copy(update={"person_kind": PersonKind.USER})
    letter = RENDERER.render_letter(
        build_letter_context(LETTER, recipient=user, customer_name="{account} & {Sons}")
    )

    assert "in the account of {account} & {Sons}" in " ".join(letter.text.split())


@pytest.mark.parametrize(
    "kind", [NoticeKind.ACCOUNT_HOLDER_CORRECTION, NoticeKind.CONTROLLER_CORRECTION]
)
def test_a_correction_of_a_letter_that_may_not_have_come_does_not_say_that_it_came(
    kind: NoticeKind,
) -> None:
    def both(**changes: Any) -> str:
        context = build_letter_context(kind, version=2, **changes)
        texts = RENDERER.render_letter(context).text, RENDERER.render_telephone_script(context).text
        return " ".join(" ".join(texts).split())

    assert "We told you" not in both(may_supersede=1)
    assert "A letter from us may have told you" in both(may_supersede=1)
    assert "A letter from us may have told you" not in both(supersedes=1)
    assert "We told you" in both(spoken_before=True)
