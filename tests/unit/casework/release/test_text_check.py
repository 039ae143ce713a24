"""The check of every text that can reach a person: where it looks, and what it says it did."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from breachdesk.casework.release.text_check import TextCheck, list_reader_problems, merge_problems
from breachdesk.gdpr.personal_data import text_parts
from breachdesk.gdpr.personal_data.folding import fold_text, split_tokens
from breachdesk.gdpr.personal_data.foreign_data import ForeignData, TextReader
from breachdesk.testing import make_customer, make_user
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import (
    PROFILE,
    STORED,
    build_letter_context,
    build_own_facts,
    get_words,
)
from schemas.casework.letter import LintProblem
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import Customer

RENDERER = JinjaRenderer(Path(__file__).resolve().parents[4] / "templates")
KINDS = (NoticeKind.ACCOUNT_HOLDER, NoticeKind.CONTROLLER_PACK)
READER = TextReader("c-017")


def check(*customers: Customer) -> TextCheck:
    own = Customer(id="c-017", name="Hartwell Dental Practice")
    data = ForeignData.from_customers([own, *customers], users=[make_user("sam")], profile=PROFILE)
    return TextCheck(data, wording=RENDERER.list_lint_targets())


def in_letter(
    checked: TextCheck, kind: NoticeKind = KINDS[0], **facts: object
) -> list[LintProblem]:
    context = build_letter_context(kind, facts=build_own_facts(get_words(kind), **facts))
    return checked.check_letter(RENDERER.render_letter(context), context)


@pytest.mark.parametrize("kind", KINDS)
def test_our_own_letters_and_scripts_name_nobody_else(kind: NoticeKind) -> None:
    checked = check(make_customer("fabrikam"))
    context = build_letter_context(kind)

    assert in_letter(checked, kind) == []
    assert checked.check_script(RENDERER.render_telephone_script(context).text, context) == []


@pytest.mark.parametrize(
    "words",
    ["Fabrikam was attacked first.", "We saw fabrikam.example.", "Ask accounts@fabrikam.example"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_anothers_data_is_refused_in_mail_pack_and_script(words: str, kind: NoticeKind) -> None:
    checked = check(make_customer("fabrikam"))
    context = build_letter_context(kind, facts=build_own_facts(get_words(kind), measures=(words,)))
    letter = checked.check_letter(RENDERER.render_letter(context), context)
    script = checked.check_script(RENDERER.render_telephone_script(context).text, context)

    assert "block" in {p.severity for p in letter}
    assert [p.where.partition(",")[0] for p in script if p.severity == "block"] == ["script"]
    if kind is NoticeKind.CONTROLLER_PACK:
        assert any(p.where.startswith("attachment:") for p in letter) or letter


def test_a_pack_whose_file_alone_names_another_is_refused_with_the_field() -> None:
    context = build_letter_context(NoticeKind.CONTROLLER_PACK)
    letter = RENDERER.render_letter(context)
    (name,) = letter.attachments
    pack = json.loads(letter.attachments[name]) | {"note": {"of": ["see Fabr\u0131kam Ltd"]}}
    changed = letter.model_copy(update={"attachments": {name: json.dumps(pack)}})
    problems = check(make_customer("fabrikam")).check_letter(changed, context)

    assert [(p.severity, p.where) for p in problems] == [("block", f"attachment:{name}, note.of")]


@pytest.mark.parametrize(
    "markup",
    [
        '<p title="Fabrikam Ltd">x</p>',
        "<!-- Fabrikam -->",
        "<p>Fab<b>rik</b>am</p>",
        "<p>Fabrikam</p>",
        "<style>.Fabrikam {}</style>",
        "<p>&#x46;abrikam</p>",
    ],
)
def test_a_name_that_only_the_html_holds_is_found(markup: str) -> None:
    context = build_letter_context()
    letter = RENDERER.render_letter(context)
    changed = letter.model_copy(update={"html": letter.html.replace("</main>", f"{markup}</main>")})
    problems = check(make_customer("fabrikam")).check_letter(changed, context)

    assert [p.severity for p in problems] == ["block"]
    assert problems[0].where.startswith("html")


def test_the_same_words_in_text_and_html_are_one_problem_with_its_block() -> None:
    problems = in_letter(check(make_customer("fabrikam")), measures=("Fabrikam was hit.",))

    assert [(p.where, p.problem) for p in problems] == [
        ("text, What we have done", "a short name of another customer")
    ]
    assert problems[0].quote == "Fabrikam"
    assert "Fabrikam" not in repr(problems[0])


def test_the_account_counts_what_was_read_and_says_what_no_list_finds() -> None:
    checked = check(make_customer("fabrikam"), make_customer("contoso"))
    pack, holder = build_letter_context(NoticeKind.CONTROLLER_PACK), build_letter_context()
    assert checked.account.texts == 0
    for context in (pack, holder, holder):
        checked.check_letter(RENDERER.render_letter(context), context)
    checked.check_script(RENDERER.render_telephone_script(holder).text, holder)
    account = checked.account

    assert account.read == ("3 mails", "1 attached file", "1 telephone script")
    assert (account.other_customers, account.staff) == (2, 1)
    assert "links" in account.wording
    assert "nicknames" in account.unseen


def test_a_problem_of_many_letters_is_listed_once_with_its_readers() -> None:
    context = build_letter_context()
    (problem,) = in_letter(check(make_customer("fabrikam")), measures=("Fabrikam was hit.",))
    each = [
        *list_reader_problems(context, [problem]),
        problem.model_copy(update={"customers": ("c-2",)}),
    ]

    assert [p.customers for p in merge_problems(each)] == [("c-017", "c-2")]


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_our_own_templates_stops_every_letter_when_a_customer_is_called_so(
    kind: NoticeKind,
) -> None:
    context = build_letter_context(kind)
    letter, script = RENDERER.render_letter(context), RENDERER.render_telephone_script(context).text
    typed = context.model_dump_json()
    spoken = {
        t.word for t in split_tokens(fold_text(f"{letter.text}\n{script}")) if t.word.isalpha()
    }
    words = sorted(w for w in spoken if len(w) > 3 and w not in typed.casefold())
    firms = [Customer(id=f"x{n}", name=f"{word.title()} Ltd") for n, word in enumerate(words)]
    checked = check(*firms)
    values = [*checked.check_letter(letter, context), *checked.check_script(script, context)]

    assert len(words) > 50
    assert [(p.where, p.quote) for p in values if p.severity == "block"] == []


def test_blocks_keep_their_lines_and_their_headings() -> None:
    text = "Dear you\n\nWhat happened\n-------------\nFabrikam\nLtd was\n\nNext\n----\nend"

    assert [where for where, _ in text_parts.split_blocks("text", text)] == [
        "text, opening",
        "text, What happened",
        "text, Next",
    ]
    assert "Fabrikam\nLtd" in dict(text_parts.split_blocks("text", text))["text, What happened"]


def test_a_file_that_is_no_json_is_read_whole() -> None:
    assert list(text_parts.split_attachment("a.txt", "{Fabrikam")) == [
        ("attachment:a.txt", "{Fabrikam")
    ]


def test_a_controllers_own_folders_and_mailboxes_may_be_named_whatever_they_are_called() -> None:
    act = STORED.acts[1].model_copy(
        update={
            "details": {"folders": "Fabrikam, Recalls"},
            "assets": ("mailbox:fabrikam.project@hartwell-dental.example",),
        }
    )
    exposure = STORED.model_copy(update={"acts": (act,)})
    context = build_letter_context(NoticeKind.CONTROLLER_PACK, exposure=exposure)
    letter = RENDERER.render_letter(context)
    actual = check(make_customer("fabrikam")).check_letter(letter, context)

    assert "from the folders “Fabrikam” and “Recalls”" in " ".join(letter.text.split())
    assert [p for p in actual if p.severity == "block"] == []


def test_a_controllers_own_folder_lets_no_typed_word_through() -> None:
    act = STORED.acts[1].model_copy(update={"details": {"folders": "Fabrikam, Recalls"}})
    exposure = STORED.model_copy(update={"acts": (act,)})
    facts = build_own_facts(
        get_words(NoticeKind.CONTROLLER_PACK), consequences=("Fabrikam Ltd was attacked first.",)
    )
    context = build_letter_context(NoticeKind.CONTROLLER_PACK, exposure=exposure, facts=facts)
    letter = check(make_customer("fabrikam")).check_letter(RENDERER.render_letter(context), context)

    assert "block" in {p.severity for p in letter}
