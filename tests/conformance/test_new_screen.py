"""A new screen is one module and its page: nothing else names it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_harness import TEMPLATES, ConsoleHarness, open_console

from breachdesk.console.screens import alerts as package
from breachdesk.console.screens import load_screens
from breachdesk.console.web.screen import sort_routes
from schemas.errors import ConfigurationError
from schemas.pipeline.plugin import load_plugins

NAME = "rota"
MODULE = '''
"""Who is on call."""

from fastapi import APIRouter
from starlette.responses import Response

from breachdesk.console.views.navigation import NavigationEntry, NavigationGroup
from breachdesk.console.web.permissions import APPROVER, RESPONDER_OR_APPROVER, requires
from breachdesk.console.web.request_context import Posted, SignedIn, redirect_to
from breachdesk.console.web.screen import Screen

router = APIRouter()


@router.get("/rota/{day}")
def show_day(day: str, context: SignedIn) -> Response:
    return context.render_page("rota.html", day=day)


@router.get("/rota")
@requires(RESPONDER_OR_APPROVER)
def show_rota(context: SignedIn) -> Response:
    return context.render_page("rota.html", day="this week")


@router.get("/rota/next")
def show_next_week(context: SignedIn) -> Response:
    return context.render_page("rota.html", day="next week")


@router.post("/rota")
@requires(APPROVER)
def submit_rota(context: SignedIn, form: Posted) -> Response:
    return redirect_to("/rota/" + form.get_text("day"))


SCREEN = Screen(
    id="rota",
    router=router,
    navigation=NavigationEntry(
        "/rota", "On call", NavigationGroup.RECORDS, order=2, query=lambda uow: 4_711
    ),
)
'''
PAGE = """{% extends "layout.html" %}
{% block title %}Rota{% endblock %}
{% block page %}<h1>On call: {{ day }}.</h1>{% endblock %}
"""
WITHOUT_PERMISSION = MODULE.replace("@requires(APPROVER)\n", "")
ELSEWHERE = MODULE.replace('"/rota", "On call"', '"/on-call", "On call"')
ANOTHER_ID = MODULE.replace('id="rota"', 'id="roster"')


@pytest.fixture
def module(request: pytest.FixtureRequest) -> str:
    """Text of the screen's module."""
    return str(getattr(request, "param", MODULE))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> Iterator[Path]:
    """Templates with the page, and the module where screens are looked for."""
    modules, templates = tmp_path / "modules", tmp_path / "templates"
    modules.mkdir()
    shutil.copytree(TEMPLATES / "console", templates / "console")
    (templates / "console" / f"{NAME}.html").write_text(PAGE, encoding="utf-8")
    (modules / f"{NAME}.py").write_text(module, encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(modules)])
    load_plugins.cache_clear()
    yield templates
    load_plugins.cache_clear()
    sys.modules.pop(f"{package.__name__}.{NAME}", None)
    vars(package).pop(NAME, None)


@pytest.fixture
def console(installed: Path, tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path / "data", templates_dir=installed) as opened:
        yield opened


@pytest.mark.parametrize(("user", "may_open"), [("ana", False), ("rhea", True), ("april", True)])
async def test_it_is_in_the_navigation_of_those_who_may_open_it(
    console: ConsoleHarness, user: str, may_open: bool
) -> None:
    visitor = console.visitor()
    await visitor.sign_in(user)
    home = (await visitor.client.get("/")).text
    page = await visitor.client.get("/rota")

    assert ('href="/rota"' in home) is may_open
    assert ("4,711" in home) is may_open
    assert page.status_code == (200 if may_open else 403)
    assert ("On call: this week." in page.text) is may_open


async def test_it_is_listed_in_its_group_at_its_place(console: ConsoleHarness) -> None:
    visitor = console.visitor()
    await visitor.sign_in("rhea")
    home = (await visitor.client.get("/")).text
    places = [home.index(f'href="{path}"') for path in ("/register", "/rota", "/complaints")]

    assert places == sorted(places)


async def test_its_entry_is_the_current_one_on_its_pages(console: ConsoleHarness) -> None:
    visitor = console.visitor()
    await visitor.sign_in("rhea")
    page = (await visitor.client.get("/rota/next")).text
    entry = page.partition('href="/rota"')[2].partition(">")[0]

    assert 'aria-current="page"' in entry


@pytest.mark.parametrize(("user", "may_send"), [("ana", False), ("rhea", False), ("april", True)])
async def test_its_form_demands_its_permission(
    console: ConsoleHarness, user: str, may_send: bool
) -> None:
    visitor = console.visitor()
    await visitor.sign_in(user)
    answer = await visitor.post("/rota", day="monday")

    assert answer.status_code == (303 if may_send else 403)
    assert ("Only an approver may do this." in answer.text) is not may_send


async def test_nobody_uses_it_without_signing_in(console: ConsoleHarness) -> None:
    visitor = console.visitor()
    answers = [
        await visitor.client.get("/rota"),
        await visitor.client.get("/rota/next"),
        await visitor.client.post("/rota", data={"day": "monday"}),
    ]

    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert all("/sign-in" in answer.headers["location"] for answer in answers)


async def test_a_fixed_address_is_found_before_a_parameter(console: ConsoleHarness) -> None:
    visitor = console.visitor()
    await visitor.sign_in("ana")
    pages = [(await visitor.client.get(f"/rota/{day}")).text for day in ("next", "monday")]

    assert "On call: next week." in pages[0]
    assert "On call: monday." in pages[1]


def test_the_order_of_the_screens_does_not_change_which_route_answers(installed: Path) -> None:
    del installed
    screens = load_screens()
    addresses = ["/rota/next", "/rota/monday", "/cases/new", "/cases/CASE-1", "/customers/import"]

    def find_endpoints(routes):
        return [next(r.endpoint for r in routes if r.path_regex.match(a)) for a in addresses]

    forward, backward = sort_routes(screens), sort_routes(reversed(screens))

    assert find_endpoints(forward) == find_endpoints(backward)


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        (WITHOUT_PERMISSION, "the form /rota does not declare who may send it"),
        (ELSEWHERE, "the navigation leads to /on-call"),
        (ANOTHER_ID, "no SCREEN whose id is the name of its file"),
    ],
    indirect=["module"],
)
def test_an_incomplete_screen_is_not_loaded(installed: Path, problem: str) -> None:
    del installed
    with pytest.raises(ConfigurationError, match=problem) as error:
        load_screens()

    assert error.value.place.endswith("screens.alerts/rota.py")
    assert error.value.remedy


@pytest.mark.parametrize(
    "file",
    ["breachdesk/console/app.py", "breachdesk/console/web/permissions.py",
     "breachdesk/console/views/navigation.py"],
)  # fmt: skip
def test_the_console_itself_names_no_screen(file: str) -> None:
    text = (TEMPLATES.parent / file).read_text(encoding="utf-8")
    paths = {route.path for screen in load_screens() for route in screen.routes} - {"/"}

    assert [path for path in sorted(paths) if f'"{path}"' in text] == []
    assert "console.screens." not in text


def test_the_layout_names_no_screen_but_the_first_page_and_the_end_of_the_session() -> None:
    layout = (TEMPLATES / "console" / "layout.html").read_text(encoding="utf-8")
    paths = {route.path for screen in load_screens() for route in screen.routes}

    assert {path for path in paths if f'"{path}"' in layout} == {"/", "/sign-out"}
