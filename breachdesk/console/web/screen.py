"""Define what a console screen exports.

A screen is ONE file in a folder of `breachdesk/console/screens`, with its page in
`templates/console`. The file name is its id; it exports one constant, `SCREEN`. Routes, navigation
and permissions are read from it: no other file names the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from breachdesk.console.views.navigation import NavigationEntry
from breachdesk.console.web.permissions import Permissions, get_required_permissions
from schemas.errors import ConfigurationError

READING = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Screen:
    """One or more pages of the console, with their forms."""

    id: str
    router: APIRouter
    """Each route that is not a GET declares who may use it, with `@requires(...)`."""
    navigation: NavigationEntry | None = None
    """None: other screens link to this one."""
    is_public: bool = False
    """Whether people who are not signed in may use it."""

    @property
    def routes(self) -> tuple[APIRoute, ...]:
        return tuple(route for route in self.router.routes if isinstance(route, APIRoute))


def check_screen(screen: Screen, place: str) -> None:
    """Raise ConfigurationError for a form that declares no permissions, and for a navigation entry
    that leads to no page of the screen."""
    for route in screen.routes:
        undeclared = get_required_permissions(route.endpoint) is None
        if undeclared and not screen.is_public and not _is_page(route):
            raise ConfigurationError(
                f"the form {route.path} does not declare who may send it",
                place=place,
                remedy="Write @requires(...) below its @router.post(...).",
            )
    entry = screen.navigation
    if entry is not None and entry.path not in {r.path for r in screen.routes if _is_page(r)}:
        raise ConfigurationError(
            f"the navigation leads to {entry.path}, which is no page of this screen",
            place=place,
            remedy="Name the path of one of its GET routes.",
        )


def sort_routes(screens: Iterable[Screen]) -> list[BaseRoute]:
    """Sort the routes of the screens so that a fixed part of an address is compared before a
    parameter: /cases/new before /cases/{case_id}. The order of the screens has no effect."""
    routes = [route for screen in screens for route in screen.routes]
    return [*sorted(routes, key=lambda route: [_rank_part(p) for p in route.path.split("/")])]


def _rank_part(part: str) -> int:
    if not part.startswith("{"):
        return 0
    return 2 if part.endswith(":path}") else 1


def collect_page_permissions(screens: Iterable[Screen]) -> Mapping[str, Permissions]:
    """Collect, by path, the permissions that pages declare."""
    declared = {
        route.path: get_required_permissions(route.endpoint)
        for screen in screens
        for route in screen.routes
        if _is_page(route)
    }
    return {path: needed for path, needed in declared.items() if needed is not None}


def _is_page(route: APIRoute) -> bool:
    """Whether the route only reads."""
    return set(route.methods or ()) <= READING
