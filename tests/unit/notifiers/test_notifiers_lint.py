from __future__ import annotations

from pathlib import Path

import pytest

from notifiers.letters.lint import lint_letter
from notifiers.letters.readability import compute_reading_age, split_sentences
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import (
    PROFILE,
    STORED,
    build_letter_context,
    build_own_facts,
    get_words,
)
from schemas.casework.letter import LetterContext, LintProblem
from schemas.casework.notice_kind import NoticeKind

RENDERER = JinjaRenderer(Path(__file__).resolve().parents[3] / "templates")
HOLDER = get_words(NoticeKind.ACCOUNT_HOLDER)


def findings(context: LetterContext) -> list[LintProblem]:
    return list(RENDERER.lint(RENDERER.render_letter(context), context))


def blocked(words: str, kind: NoticeKind = NoticeKind.ACCOUNT_HOLDER) -> list[str]:
    """Problems that the words bring with them when they stand in `measures`."""
    facts = build_own_facts(get_words(kind), measures=(words,))
    actual = findings(build_letter_context(kind, facts=facts))
    return sorted({p.problem for p in actual if p.severity == "block"})


@pytest.mark.parametrize("kind", [NoticeKind.ACCOUNT_HOLDER, NoticeKind.CONTROLLER_PACK])
@pytest.mark.parametrize("drill", [False, True])
def test_our_own_letters_have_nothing_to_find(kind: NoticeKind, drill: bool) -> None:
    assert findings(build_letter_context(kind, drill=drill)) == []


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("See https://penhallow.example/help", "a link"),
        ("See www.penhallow.example", "a link"),
        ("Go to penhallow.co.uk/reset now", "a link"),
        ("The sign-in came from 198.51.100.23.", "an IP address, an indicator of the attack"),
        ("It came from 2001:db8::7334 at night.", "an IP address, an indicator of the attack"),
        ("It came from 2001:db8:0:0:8:800:200c:417a.", "an IP address, an indicator of the attack"),
        (f"The file was {'0a' * 32}.", "a hash, an indicator of the attack"),
        ("Your password was: Hunter2!", "something that looks like a password"),
        ("Your new password is Summer2026", "something that looks like a password"),
        ("Card 4111 1111 1111 1111 was read.", "a full card number"),
        ("Sort code 20-00-00, account 55779911", "full bank details"),
        ("IBAN GB29 NWBK 6016 1331 9268 19", "full bank details"),
        ("We told [NAME] on [DATE].", "a place that was never filled in"),
        ("Dear {{ customer }}", "a place that was never filled in"),
        ("You get a discount on our new backup.", "advertising"),
        ("Please fill in our survey", "advertising"),
        ("The letter was delivered.", "“delivered” is more than we can know"),
        ("We have no evidence that data was taken.", "“no evidence of access” may only mean"),
        ("The problem is fully resolved.", "a promise that nobody can keep"),
        ("It was your own mistake.", "blame"),
        ("This was human error.", "blame"),
        ("We offer you compensation.", "an offer of compensation"),
        ("Our engineer Sam Field clicked on a false page.", "blame"),
        ("Sam Field clicked on a false page.", "blame"),
        ("One of our colleagues fell for a trick.", "blame"),
        ("An employee was taken in by a false page.", "blame"),
        ("Our team failed to install an update.", "blame"),
        ("She clicked the attachment.", "blame"),
    ],
)
@pytest.mark.parametrize("kind", [NoticeKind.ACCOUNT_HOLDER, NoticeKind.CONTROLLER_PACK])
def test_what_must_not_be_in_a_letter_stops_approval(
    words: str, problem: str, kind: NoticeKind
) -> None:
    actual = blocked(words, kind)

    assert len(actual) == 1
    assert actual[0].startswith(problem)


@pytest.mark.parametrize(
    "words",
    [
        "On 22 November 2026 at 9:12am we changed 1,204 passwords.",
        "We moved to version 10.2.1 of the program at 09:12:44.",
        "Ring 0300 123 2040 or 01632 960123.",
        "The oaks in the yard are not customers.",
        "The password was changed.",
        "Order 4929 1234 5678 9012 fails the check of card numbers.",
        "Company number 09999123 is ours.",
        "If you clicked on the attachment, change your password.",
        "Do not click on attachments that you do not expect.",
        "The backup failed to run on Sunday. The intruder failed to sign in.",
        "Our engineers failed the false sign-ins at once and closed the account.",
        "Windows Update failed to install on two machines.",
        "Our staff were told on Monday. Your users should change their passwords.",
    ],
)
def test_innocent_words_pass(words: str) -> None:
    assert blocked(words) == []


@pytest.mark.parametrize("kind", [NoticeKind.ACCOUNT_HOLDER, NoticeKind.CONTROLLER_PACK])
def test_our_own_script_has_nothing_to_find(kind: NoticeKind) -> None:
    context = build_letter_context(kind)

    assert RENDERER.lint_script(RENDERER.render_telephone_script(context).text, context) == ()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("The intruder, 203.0.113.9, signed in.", "an IP address"),
        ("No evidence of access elsewhere.", "“no evidence of access”"),
        ("Compensation will follow.", "an offer of compensation"),
        ("Go to www.penhallow.example.", "a link"),
    ],
)
def test_what_stops_a_letter_stops_a_telephone_script(words: str, problem: str) -> None:
    context = build_letter_context(
        facts=build_own_facts(HOLDER, measures=(f"On 22 November 2026. {words}",))
    )
    actual = RENDERER.lint_script(RENDERER.render_telephone_script(context).text, context)

    assert [p.severity for p in actual] == ["block"]
    assert actual[0].problem.startswith(problem)
    assert actual[0].where.startswith("script")


def test_every_finding_says_where_what_and_what_to_do() -> None:
    facts = build_own_facts(HOLDER, measures=("On 22 November 2026 see www.penhallow.example",))

    actual = findings(build_letter_context(facts=facts))

    assert {p.where for p in actual} == {"text, What we have done", "html"}
    assert all(p.problem and p.remedy and p.severity == "block" for p in actual)


def test_a_controllers_own_systems_may_be_named_in_its_pack_only() -> None:
    exposure = STORED.model_copy(update={"assets": ("ip:203.0.113.9", "mailbox:jo@h.example")})
    pack = build_letter_context(NoticeKind.CONTROLLER_PACK, exposure=exposure)
    facts = build_own_facts(HOLDER, measures=("We closed 203.0.113.9.",))

    assert findings(pack) == []
    assert findings(build_letter_context(exposure=exposure, facts=facts)) != []


def test_an_account_holders_letter_has_no_attachment_and_no_markup_that_fetches() -> None:
    context = build_letter_context()
    letter = RENDERER.render_letter(context)
    pixel = letter.html.replace("</main>", '<img src="x.png" width="1"></main>')
    changed = letter.model_copy(update={"attachments": {"a.json": "{}"}, "html": pixel})

    actual = lint_letter(changed, context)

    assert [p.where for p in actual] == ["html", "html", "attachment:a.json"]


def test_our_published_promise_is_quoted_as_it_is() -> None:
    promise = "We will tell you, e.g. by email, if a parcel of data was delivered to a stranger."
    profile = PROFILE.model_copy(update={"promise": promise})

    assert findings(build_letter_context(profile=profile)) == []


def test_nothing_is_called_uninvolved_without_evidence() -> None:
    facts = build_own_facts(HOLDER, not_involved_evidence=None)

    actual = findings(build_letter_context(facts=facts))

    assert [(p.severity, p.where) for p in actual] == [
        ("block", "facts, not involved, account holders who were reached")
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"steps": ("Change your password.",)}, "1 steps"),
        ({"next_update": None}, "no day for the next letter"),
        ({"what_happened": "Your data was seen"}, "the letter itself says"),
        ({"what_happened": "A laptop, e.g. a small one, was lost"}, "Latin"),
        ({"what_happened": "word " * 26}, "a sentence of 26 words"),
        (
            {"measures": ("Organisational implementation necessitates authentication.",) * 40},
            "reading age",
        ),
    ],
)
def test_style_is_a_warning_and_never_stops_approval(
    changes: dict[str, object], problem: str
) -> None:
    actual = findings(build_letter_context(facts=build_own_facts(HOLDER, **changes)))

    assert {p.severity for p in actual} == {"warn"}
    assert any(p.problem.startswith(problem) for p in actual)


def test_reading_age_rises_with_long_words_and_long_sentences() -> None:
    plain = split_sentences("We lost a file. We are sorry. Please ring us.")
    heavy = split_sentences(
        "Unauthorised dissemination necessitates organisational countermeasures immediately."
    )

    assert compute_reading_age([]) == 0
    assert compute_reading_age(plain) < 9
    assert compute_reading_age(heavy) > 16


@pytest.mark.parametrize(
    ("changes", "severity", "where", "message"),
    [
        ({"name": "Ann \u202eHartwell"}, "warn", "to c-017, name", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ({"name": "Ann\nBcc: x"}, "block", "to c-017, name", "a control character or a line end"),
        ({"name": "=?utf-8?q?Ann?="}, "block", "to c-017, name", "encoded text"),
        ({"email": "a@x..example"}, "block", "to c-017, address", "no usable domain"),
        ({"email": "аnn@customers.example"}, "warn", "to c-017, address", "beyond ASCII"),
    ],
)
def test_a_recipients_name_and_address_are_looked_at(
    changes: dict[str, str], severity: str, where: str, message: str
) -> None:
    plain = build_letter_context()
    context = build_letter_context(recipient=plain.recipient.model_copy(update=changes))
    letter = RENDERER.render_letter(context)
    problems = RENDERER.lint(letter, context)

    assert any(
        (p.severity, p.where) == (severity, where) and message in p.problem and p.remedy
        for p in problems
    )


def test_a_controllers_own_folders_stop_nothing_whatever_they_are_called() -> None:
    act = STORED.acts[1].model_copy(update={"details": {"folders": "Newsletter, Refunds 2026"}})
    exposure = STORED.model_copy(update={"acts": (act,)})

    assert findings(build_letter_context(NoticeKind.CONTROLLER_PACK, exposure=exposure)) == []


def test_a_rule_that_is_called_by_a_dot_hides_no_link() -> None:
    act = STORED.acts[1].model_copy(update={"details": {"rule": ".", "folders": "Newsletter"}})
    exposure = STORED.model_copy(update={"acts": (act,)})
    facts = build_own_facts(
        get_words(NoticeKind.CONTROLLER_PACK),
        measures=("On 22 November 2026 see www.penhallow.example; read our newsletter.",),
    )
    context = build_letter_context(NoticeKind.CONTROLLER_PACK, exposure=exposure, facts=facts)

    assert {p.problem for p in findings(context)} == {"a link", "advertising"}
