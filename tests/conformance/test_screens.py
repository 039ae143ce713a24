"""Every screen is one file, found by its name, that declares who may use it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_harness import HASH, ConsoleHarness, open_console

import breachdesk.console.screens
from breachdesk.console.screens import load_screens
from breachdesk.console.web.permissions import SIGNED_IN, get_required_permissions
from breachdesk.console.web.screen import Screen
from breachdesk.testing import make_user
from schemas.user import Permission

FOLDER = Path(breachdesk.console.screens.__file__).parent
SCREENS = {screen.id: screen for screen in load_screens()}
EVERY = pytest.mark.parametrize("screen", SCREENS.values(), ids=list(SCREENS))
WITH_ENTRY = [screen for screen in SCREENS.values() if screen.navigation]
ENTRIES = pytest.mark.parametrize("screen", WITH_ENTRY, ids=[screen.id for screen in WITH_ENTRY])
WITH_FORM = [
    screen
    for screen in SCREENS.values()
    if any(get_required_permissions(route.endpoint) for route in screen.routes)
]
FORMS = pytest.mark.parametrize("screen", WITH_FORM, ids=[screen.id for screen in WITH_FORM])


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleHarness]:
    with open_console(tmp_path) as opened:
        for permission in Permission:
            user = make_user(permission.value, permission)
            stored = user.model_copy(update={"password_hash": HASH})
            opened.store.write(lambda uow, stored=stored: uow.users.save(stored))
        yield opened


def test_the_plug_ins_are_the_files() -> None:
    files = [path.stem for path in FOLDER.glob("*/*.py") if path.stem != "__init__"]

    assert sorted(screen.id for screen in load_screens()) == sorted(files)


def test_no_two_screens_have_the_same_route() -> None:
    routes = Counter(
        (method, route.path)
        for screen in SCREENS.values()
        for route in screen.routes
        for method in route.methods
    )

    assert [route for route, count in routes.items() if count > 1] == []


def test_the_entries_of_a_group_differ_in_their_order() -> None:
    places = Counter(
        (s.navigation.group, s.navigation.order) for s in SCREENS.values() if s.navigation
    )

    assert [place for place, count in places.items() if count > 1] == []


@EVERY
def test_each_form_of_a_screen_declares_who_may_send_it(screen: Screen) -> None:
    undeclared = [
        route.path
        for route in screen.routes
        if "POST" in route.methods and get_required_permissions(route.endpoint) is None
    ]

    assert undeclared == [] or screen.is_public


@ENTRIES
async def test_a_page_is_in_the_navigation_of_those_who_may_open_it(
    console: ConsoleHarness, screen: Screen
) -> None:
    entry = screen.navigation
    endpoint = next(route.endpoint for route in screen.routes if route.path == entry.path)
    needed = get_required_permissions(endpoint) or SIGNED_IN
    for permission in Permission:
        may_open = not needed or permission in needed
        visitor = console.visitor()
        await visitor.sign_in(permission.value)
        page = await visitor.client.get(entry.path)
        account = (await visitor.client.get("/account")).text

        assert page.status_code == (200 if may_open else 403), permission
        assert (f'href="{entry.path}"' in account) is may_open, permission
        assert not may_open or entry.label in account, permission


@FORMS
async def test_a_form_is_refused_to_those_without_the_permission(
    console: ConsoleHarness, screen: Screen
) -> None:
    forms = [route for route in screen.routes if "POST" in route.methods]
    for permission in Permission:
        visitor = console.visitor()
        await visitor.sign_in(permission.value)
        for form in forms:
            needed = get_required_permissions(form.endpoint)
            if needed and permission not in needed:
                parts = ("7" if part.startswith("{") else part for part in form.path.split("/"))
                answer = await visitor.client.post("/".join(parts), data={"csrf": visitor.csrf})

                assert answer.status_code == 403, form.path
                assert "You may not do that." in answer.text
