from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from notifiers.letters.formatting import wrap_text
from notifiers.letters.render import JinjaRenderer, compute_letter_hash
from notifiers.testing.channels import (
    ACCOUNT,
    PROFILE,
    WILL_TELL,
    build_letter_context,
    build_own_facts,
    get_words,
)
from schemas.casework.affected import BreachEffect, EffectCertainty
from schemas.casework.decision import NotificationBasis
from schemas.casework.letter import SentenceKind
from schemas.casework.letter_facts import describe_readers
from schemas.casework.notice_kind import NoticeKind
from schemas.customer import DataCategory, PersonKind
from schemas.errors import BadInput, ConfigurationError
from schemas.profile_fields import MANDATORY_FIELDS

ROOT = Path(__file__).resolve().parents[3]
HOLDER = get_words(NoticeKind.ACCOUNT_HOLDER)
LETTERS = [NoticeKind.ACCOUNT_HOLDER, NoticeKind.CONTROLLER_PACK]


@pytest.fixture(scope="module")
def renderer() -> JinjaRenderer:
    return JinjaRenderer(ROOT / "templates")


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "templates", tmp_path / "templates"))


class Reader(HTMLParser):
    """The words of a page, its headings, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.headings: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "title"} & set(self.open):
            self.words += data.split()
            if self.open[-1:] == ["h2"]:
                self.headings.append(data)


def headings(text: str) -> list[str]:
    lines = text.splitlines()
    return [line for line, under in pairwise(lines) if set(under) == {"-"}]


@pytest.mark.parametrize("kind", LETTERS)
def test_the_same_context_gives_the_same_bytes(renderer: JinjaRenderer, kind: NoticeKind) -> None:
    first = renderer.render_letter(build_letter_context(kind))
    again = JinjaRenderer(ROOT / "templates").render_letter(build_letter_context(kind))

    assert first == again
    assert first.hash == compute_letter_hash(
        first.subject, first.text, first.html, first.attachments
    )


@pytest.mark.parametrize("kind", LETTERS)
def test_text_and_html_say_the_same_words(renderer: JinjaRenderer, kind: NoticeKind) -> None:
    letter = renderer.render_letter(build_letter_context(kind))
    page = Reader(letter.html)

    def plain(words: list[str]) -> list[str]:
        return re.sub(r"^\d+\. |[-:*]|\b\d\. ", "", " ".join(words)).split()

    text = re.sub(r"(?m)^(?:- |\d\. )", "", letter.text.replace("[", "").replace("]", ""))
    title = page.words[: page.words.index(letter.text.split()[0])]
    shown = " ".join(page.words[len(title) :]).replace("[", "").replace("]", "").split()

    assert page.open == []
    assert page.headings == headings(letter.text)
    assert sorted(set(plain(shown)) - set(plain(text.split()))) == []
    assert sorted(set(plain(text.split())) - set(plain(shown))) == []


def test_an_account_holders_letter_has_every_block_in_order(renderer: JinjaRenderer) -> None:
    letter = renderer.render_letter(build_letter_context())

    assert headings(letter.text) == [
        "What happened",
        "Information that is involved",
        "What is not involved",
        "What this could mean for you",
        "What we have done",
        "What you should do",
        "What happens next",
        "How to check that this letter is from us",
        "Who to ask, and how to complain",
        "Who we are, and why we write",
    ]
    assert letter.subject == (
        "Important: a security incident involving your Penhallow IT account, ref BR-0001-hartwell"
    )
    assert "Report Fraud on 0300 123 2040" in " ".join(letter.text.split())
    assert "Police Scotland on 101" in letter.text
    assert "Company number: 09999123" in letter.text
    assert letter.attachments == {}


def test_a_controllers_pack_has_its_nine_parts_and_a_file_for_a_computer(
    renderer: JinjaRenderer,
) -> None:
    letter = renderer.render_letter(build_letter_context(NoticeKind.CONTROLLER_PACK))
    pack = json.loads(letter.attachments["BR-0001-controller-pack-1.json"])
    answers = {entry["key"]: entry for entry in pack["article_33_3"]}

    assert [h[:2] for h in headings(letter.text)[:9]] == [f"{n}." for n in range(1, 10)]
    assert answers["nature"]["who"] == "from us"
    assert answers["nature"]["answer"].startswith("Someone guessed a password")
    assert answers["people_count"] == {
        "key": "people_count",
        "article": "33(3)(a)",
        "question": "About how many people",
        "who": "you decide",
        "answer": None,
    }
    assert pack["written_at"] == "2026-11-23T12:00:00+00:00"
    assert "your 72 hours start" not in letter.text.casefold()


@pytest.mark.parametrize("kind", LETTERS)
@pytest.mark.parametrize("surety", list(EffectCertainty))
def test_a_letter_says_was_seen_or_may_have_been_seen_and_never_both(
    renderer: JinjaRenderer, kind: NoticeKind, surety: EffectCertainty
) -> None:
    effects = {DataCategory.CONTACT: {BreachEffect.SEEN: surety}}
    exposure = ACCOUNT.model_copy(update={"effects": effects})

    text = " ".join(
        renderer.render_letter(build_letter_context(kind, exposure=exposure)).text.split()
    )

    assert ("was seen" in text) == (surety is EffectCertainty.HAPPENED)
    assert ("may have been seen" in text) == (surety is EffectCertainty.POSSIBLE)


@pytest.mark.parametrize("kind", LETTERS)
def test_a_drills_subject_begins_with_drill_and_its_body_says_so(
    renderer: JinjaRenderer, kind: NoticeKind
) -> None:
    drill = renderer.render_letter(build_letter_context(kind, drill=True))
    real = renderer.render_letter(build_letter_context(kind))

    assert drill.subject.startswith("DRILL: ")
    assert "This is a drill." in drill.text
    assert "drill" not in f"{real.subject} {real.text}".casefold()


@pytest.mark.parametrize("kind", LETTERS)
def test_lines_of_text_are_short_and_letters_hold_no_link_or_image(
    renderer: JinjaRenderer, kind: NoticeKind
) -> None:
    letter = renderer.render_letter(build_letter_context(kind))

    assert max(map(len, letter.text.splitlines())) <= 75
    assert not re.search(r"http|www\.|href|src=|<a |<img", f"{letter.text}{letter.html}")
    assert '<html lang="en-GB">' in letter.html


def test_what_a_person_typed_is_escaped_in_html_and_left_alone_in_text(
    renderer: JinjaRenderer,
) -> None:
    facts = build_own_facts(HOLDER, what_happened='A <script>alert("x")</script> & more')

    letter = renderer.render_letter(build_letter_context(facts=facts))

    assert "<script>" not in letter.html
    assert "&lt;script&gt;" in letter.html
    assert 'A <script>alert("x")</script> & more.' in letter.text


def test_without_a_promise_the_law_or_the_contract_is_named(renderer: JinjaRenderer) -> None:
    silent = PROFILE.model_copy(update={"promise": "", "promise_source": ""})
    by_law = renderer.render_letter(build_letter_context(profile=silent)).text
    by_contract = renderer.render_letter(
        build_letter_context(profile=silent, bases={NotificationBasis.OWN_PROMISE})
    ).text
    by_promise = renderer.render_letter(
        build_letter_context(bases={NotificationBasis.OWN_PROMISE})
    ).text

    assert "Article 34" in by_law
    assert "promise" not in by_law
    assert "because of our contract with you" in by_contract
    assert "as soon as feasible" in by_promise
    assert "Article 34" not in by_promise


@pytest.mark.parametrize(
    ("ico", "expected"),
    [
        (SentenceKind.TOLD, "We have told the Information Commissioner’s Office"),
        (SentenceKind.WILL_TELL, "We are going to tell the Information Commissioner’s Office"),
        (SentenceKind.NOT_TOLD, "We have not told the Information Commissioner’s Office"),
        (SentenceKind.TOLD_OF_OTHERS, "(ICO) about another part of this incident"),
    ],
)
def test_what_is_said_of_the_regulator_is_what_is_true_of_this_reader(
    renderer: JinjaRenderer, ico: SentenceKind, expected: str
) -> None:
    sentence = WILL_TELL.model_copy(update={"kind": ico})
    text = " ".join(
        renderer.render_letter(build_letter_context(regulators=(sentence,))).text.split()
    )

    assert expected in text
    assert ("We have not told" in text) is (ico is SentenceKind.NOT_TOLD)


def test_a_subscriber_reads_the_telecoms_law_and_not_the_other(renderer: JinjaRenderer) -> None:
    context = build_letter_context(
        bases={NotificationBasis.PECR_5A3, NotificationBasis.OWN_PROMISE}
    )

    text = " ".join(renderer.render_letter(context).text.split())

    assert "Privacy and Electronic Communications Regulations 2003; PECR reg. 5A(3)" in text
    assert "Article 34" not in text


def test_nothing_is_said_to_be_uninvolved_without_evidence(renderer: JinjaRenderer) -> None:
    facts = build_own_facts(HOLDER, not_involved_evidence=None)

    letter = renderer.render_letter(build_letter_context(facts=facts))

    assert "What is not involved" not in letter.text
    assert "card number" not in letter.text


def test_times_are_told_in_the_firms_zone_with_its_letters(renderer: JinjaRenderer) -> None:
    summer = datetime(2026, 7, 1, 2, 7, tzinfo=UTC)
    exposure = ACCOUNT.model_copy(update={"alerted_at": summer})

    text = " ".join(renderer.render_letter(build_letter_context(exposure=exposure)).text.split())

    assert "raised an alert on Wednesday 1 July 2026 at 3:07am BST." in text


@pytest.mark.parametrize("locale", ["cy-GB", "", "../../etc", "en-GB/../../x"])
def test_an_unknown_locale_falls_back_to_english(renderer: JinjaRenderer, locale: str) -> None:
    assert renderer.render_letter(build_letter_context(locale=locale)) == renderer.render_letter(
        build_letter_context()
    )


def test_a_locale_of_its_own_is_used(templates: Path) -> None:
    welsh = templates / "notices/cy-GB/account_holder"
    shutil.copytree(templates / "notices/en-GB/account_holder", welsh)
    (welsh / "subject.txt.j2").write_text("Pwysig: {{ reference }}\n", encoding="utf-8")

    letter = JinjaRenderer(templates).render_letter(build_letter_context(locale="cy-GB"))

    assert letter.subject == "Pwysig: BR-0001-hartwell"
    assert '<html lang="cy-GB">' in letter.html


def test_an_unknown_variable_names_template_line_and_variable(templates: Path) -> None:
    broken = templates / "notices/en-GB/account_holder/letter.j2"
    broken.write_text("{{ page.p('x') }}\n\n{{ customer_nmae }}\n", encoding="utf-8")

    with pytest.raises(BadInput) as refusal:
        JinjaRenderer(templates).render_letter(build_letter_context())

    assert refusal.value.place == "template notices/en-GB/account_holder/letter.j2, line 3"
    assert "customer_nmae" in refusal.value.problem
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("one\n{% if %}", "expression"),
        ("one\n{% include 'notices/none.j2' %}", "notices/none.j2"),
        ("one\n{{ customer_name.__class__.__mro__ }}", "unsafe"),
        ("one\n{{ told_at | day(1, 2) }}", "TypeError"),
        ("one\n{% include '../outside.j2' %}", "outside"),
    ],
)
def test_a_broken_template_is_bad_input_without_personal_data(
    templates: Path, source: str, word: str
) -> None:
    (templates / "notices/en-GB/account_holder/body.txt.j2").write_text(source, encoding="utf-8")
    (templates.parent / "outside.j2").write_text("stolen", encoding="utf-8")

    with pytest.raises(BadInput) as refusal:
        JinjaRenderer(templates).render_letter(build_letter_context())

    assert word in str(refusal.value)
    assert "Hartwell" not in str(refusal.value)


def test_a_link_that_leads_out_of_the_folder_is_refused(templates: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    body = templates / "notices/en-GB/account_holder/body.txt.j2"
    body.unlink()
    body.symlink_to(tmp_path / "secret.txt")

    with pytest.raises(BadInput, match="outside the templates folder"):
        JinjaRenderer(templates).render_letter(build_letter_context())


def test_a_pack_that_is_no_json_is_refused(templates: Path) -> None:
    pack = templates / "notices/en-GB/controller_pack/pack.json.j2"
    pack.write_text('{"name": {{ customer_name }} }', encoding="utf-8")

    with pytest.raises(BadInput, match="makes no JSON"):
        JinjaRenderer(templates).render_letter(build_letter_context(NoticeKind.CONTROLLER_PACK))


def test_a_missing_folder_or_zone_stops_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no templates folder"):
        JinjaRenderer(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="no time zone"):
        JinjaRenderer(ROOT / "templates", "Europe/Lundon")


@pytest.mark.parametrize("kind", LETTERS)
def test_the_telephone_script_says_the_same_facts_and_asks_for_nothing(
    renderer: JinjaRenderer, kind: NoticeKind
) -> None:
    script = " ".join(renderer.render_telephone_script(build_letter_context(kind)).text.split())

    assert "Someone guessed a password and signed in to our billing system." in script
    assert "BR-0001-hartwell" in script
    assert "Ask for no password" in script
    assert get_words(kind).consequences[0] in script


@pytest.mark.parametrize("kind", LETTERS)
def test_a_whole_letter_lacks_nothing(renderer: JinjaRenderer, kind: NoticeKind) -> None:
    assert renderer.find_missing_blocks(build_letter_context(kind)) == {}


@pytest.mark.parametrize(
    ("field", "block"),
    [("what_happened", "nature"), ("consequences", "consequences"), ("measures", "measures")],
)
@pytest.mark.parametrize("kind", LETTERS)
def test_a_blank_mandatory_block_is_missing(
    renderer: JinjaRenderer, kind: NoticeKind, field: str, block: str
) -> None:
    blank = "  " if field == "what_happened" else (" ",)
    facts = build_own_facts(get_words(kind), **{field: blank})
    named = block if field == "what_happened" else f"{block}, {describe_readers(get_words(kind))}"

    assert list(renderer.find_missing_blocks(build_letter_context(kind, facts=facts))) == [named]


@pytest.mark.parametrize("field", MANDATORY_FIELDS)
def test_a_blank_in_the_profile_is_missing(renderer: JinjaRenderer, field: str) -> None:
    profile = PROFILE.model_copy(update={field: ""})

    assert list(renderer.find_missing_blocks(build_letter_context(profile=profile))) == [
        f"profile.{field}"
    ]


def test_sub_processors_that_nobody_was_asked_about_are_missing_and_never_called_none(
    renderer: JinjaRenderer,
) -> None:
    pack = get_words(NoticeKind.CONTROLLER_PACK)
    blank, question = (
        build_letter_context(
            NoticeKind.CONTROLLER_PACK,
            facts=build_own_facts(pack, sub_processors=None, no_sub_processors=text),
        )
        for text in (False, True)
    )

    assert list(renderer.find_missing_blocks(blank)) == [
        "sub-processors, controllers who were reached"
    ]
    assert "Other suppliers involved" not in renderer.render_letter(blank).text
    assert renderer.find_missing_blocks(question) == {}
    assert (
        "Other suppliers involved: none that we know of." in renderer.render_letter(question).text
    )


def test_colours_of_the_letter_have_enough_contrast() -> None:
    css = (ROOT / "templates/notices/_parts/page.html.j2").read_text(encoding="utf-8")
    pairs = [("#1d1d1f", "#ffffff"), ("#6b3a00", "#fff4e0"), ("#ececf0", "#17171a")]

    for ink, paper in [*pairs, ("#ffdca3", "#2e2210")]:
        assert ink in css
        assert paper in css
        assert _contrast(ink, paper) >= 4.5


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, 1.4.3"""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def told(renderer: JinjaRenderer, **changes: object) -> str:
    return " ".join(renderer.render_letter(build_letter_context(**changes)).text.split())


def test_a_user_reads_whose_promise_it_is_and_an_account_holder_is_asked_to_tell_users(
    renderer: JinjaRenderer,
) -> None:
    holder = build_letter_context().recipient
    user = holder.model_copy(update={"person_kind": PersonKind.USER, "name": "Una"})

    assert "promises the account holder:" in told(renderer, recipient=user)
    assert "because you use the account of Hartwell Dental Practice" in told(
        renderer, recipient=user
    )
    assert "please tell them. We have no contact details" in told(renderer)
    assert "We also tell the people who use your account" in told(renderer, users_told=2)


def test_without_an_alert_of_its_own_a_reader_learns_when_we_learned_of_it(
    renderer: JinjaRenderer,
) -> None:
    quiet = ACCOUNT.model_copy(update={"alerted_at": None})

    text = told(renderer, exposure=quiet)

    assert "We learned of it on Monday 23 November 2026 at 9am GMT." in text
    assert "raised an alert" not in text


def test_nobody_is_told_to_ring_or_of_a_time_at_the_letters_head(renderer: JinjaRenderer) -> None:
    for kind in LETTERS:
        context = build_letter_context(kind)
        texts = (
            renderer.render_letter(context).text,
            renderer.render_telephone_script(context).text,
        )
        for text in texts:
            assert not re.search(r"\b[Rr]ing(?:ing)?\b", text)
            assert "time at its head" not in " ".join(text.split())


def test_a_list_item_that_begins_with_a_figure_keeps_its_indent() -> None:
    wrapped = wrap_text("- 3 pages were opened " + "and read " * 12)

    assert re.match(r"  \S", wrapped.splitlines()[1])
