"""A new kind of letter is one file and one template folder: nothing else names it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest
import release_scenario
import waiting_letters
from release_scenario import ReleaseScenario

from breachdesk.casework.release import notice_facts
from breachdesk.testing import make_actor
from notifiers.letters.render import JinjaRenderer
from notifiers.testing.channels import build_letter_context, build_recipient
from schemas.casework import notice_kind, notice_kinds
from schemas.casework.notice import DeliveryStatus, NoticeRow, SendOutcome, SendResult
from schemas.casework.notice_kind import NoticeKind
from schemas.errors import IncompleteDocument
from schemas.user import Permission

NAME = "account_holder_summary"
MODULE = '''
"""One page for the holder of an account, with the measures as a file."""

from schemas.customer import DataRole
from schemas.casework.notice_kind import Attachment, NoticeKindSpec

SPEC = NoticeKindSpec(
    role=DataRole.CONTROLLER,
    is_owed=True,
    required_blocks=("measures",),
    names_assets=False,
    asset_words="yours",
    attachments=(Attachment("measures.json.j2", "measures"),),
    call_title="account holder, to read the summary",
    label="Summary",
    readers="to account holders, as a summary",
    record="summary for an account holder",
)
'''
FILES = {
    "subject.txt.j2": "A summary of the incident, ref {{ reference }}",
    "body.txt.j2": (
        "Dear {{ recipient.name }},\\n\\nThis is what we did: {{ own.measures | join('; ') }}. Reference {{ reference }}."
    ),
    "body.html.j2": "<!doctype html><p>This is what we did: {{ own.measures | join('; ') }}. Reference {{ reference }}.</p>",
    "script.txt.j2": "Good day. This is what we did: {{ own.measures | join('; ') }}. Reference {{ reference }}.",
    "measures.json.j2": '{"measures": {{ own.measures | list | tojson }}}',
}
BOUNCED = SendResult(outcome=SendOutcome.BOUNCED, reply="550 5.1.1")
TEMPLATES = waiting_letters.TEMPLATES


@pytest.fixture
def renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JinjaRenderer]:
    """The kind's file where kinds are looked for, and the shipped templates with its folder."""
    modules, templates = tmp_path / "modules", tmp_path / "templates"
    modules.mkdir()
    (modules / f"{NAME}.py").write_text(MODULE, encoding="utf-8")
    copytree(TEMPLATES, templates)
    folder = templates / "notices" / "en-GB" / NAME
    folder.mkdir()
    for file, text in FILES.items():
        (folder / file).write_text(text, encoding="utf-8")
    monkeypatch.setattr(notice_kinds, "__path__", [*notice_kinds.__path__, str(modules)])
    notice_kind.load_kinds()
    renderer_with_kind = JinjaRenderer(templates)
    monkeypatch.setattr(release_scenario, "renderer", lambda: renderer_with_kind)
    yield renderer_with_kind
    notice_kind._SPECS.pop(NAME)
    notice_kind._KINDS.pop(NAME)
    sys.modules.pop(f"{notice_kinds.__name__}.{NAME}")
    vars(notice_kinds).pop(NAME, None)


@pytest.fixture
def scenario(renderer: JinjaRenderer, tmp_path: Path) -> Iterator[ReleaseScenario]:
    with release_scenario.release_scenario("sqlite", tmp_path) as opened:
        opened.write_all()
        yield opened


def summaries(scenario: ReleaseScenario) -> list[NoticeRow]:
    return [row for row in scenario.rows() if row.kind == NAME]


def test_the_new_kind_is_rendered_and_linted(renderer: JinjaRenderer) -> None:
    kind = NoticeKind(NAME)
    context = build_letter_context(kind, recipient=build_recipient(kind))
    letter = renderer.render_letter(context)
    linked = letter.model_copy(update={"text": "See https://breach.example/now"})

    assert letter.kind is kind
    assert list(letter.attachments) == ["BR-0001-measures-1.json"]
    assert renderer.render_telephone_script(context).text.startswith("Good day.")
    assert renderer.find_missing_blocks(context) == {}
    assert not [p for p in renderer.lint(letter, context) if p.severity == "block"]
    assert [p.severity for p in renderer.lint(linked, context) if "link" in p.problem] == ["block"]


def test_a_required_block_of_the_new_kind_stops_approval(scenario: ReleaseScenario) -> None:
    scenario.write(measures=())

    with pytest.raises(IncompleteDocument, match="measures"):
        scenario.seal()


def test_the_new_kind_is_frozen_approved_and_handed_over(scenario: ReleaseScenario) -> None:
    approval = scenario.approve()
    queued = summaries(scenario)
    sent = [scenario.send(row) for row in scenario.due() if row.kind == NAME]

    assert [row.customer_id for row in queued] == ["contoso", "fabrikam"]
    assert {row.approval_hash for row in queued} == {approval.hash}
    assert len(scenario.rows()) == 2 * len(queued)
    assert sent == [True, True]
    assert {row.status for row in summaries(scenario)} == {DeliveryStatus.HANDED_OVER}


def test_a_stop_holds_the_new_kind_back(scenario: ReleaseScenario) -> None:
    scenario.approve()
    who = make_actor(Permission.RESPONDER, user_id="rowan")
    scenario.store.write(
        lambda uow: notice_facts.pause_notices(
            uow, who, scenario.breach.id, paused=True, now=scenario.now()
        )
    )

    assert scenario.due() == []


def test_a_bounced_letter_of_the_new_kind_opens_a_telephone_task(scenario: ReleaseScenario) -> None:
    scenario.approve()
    row = summaries(scenario)[0]
    scenario.send(row, BOUNCED)
    (task,) = [task for task in scenario.tasks().values() if task.notice_kind == NAME]

    assert task.title == "Telephone Contoso Ltd, account holder, to read the summary"
    assert (task.breach_id, task.customer_id, task.notice_version) == (
        scenario.breach.id,
        "contoso",
        row.version,
    )
    assert task.script.startswith("Good day.")


def test_an_id_without_a_file_is_no_kind_of_notice() -> None:
    with pytest.raises(ValueError, match="no kind of notice"):
        NoticeKind(NAME)
    assert NAME not in list(NoticeKind)
