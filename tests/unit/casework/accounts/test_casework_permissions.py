"""Every act of casework asks for a permission before it does anything else."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import breachdesk.casework
from schemas.errors import NotAllowed
from schemas.user import Actor, Permission

NOBODY = Actor(id="nobody", permissions=frozenset())
NOT_AN_ACT = {
    "breachdesk.casework.authority.require_permission": "is the check itself",
    "breachdesk.casework.authority.require_operator": "is the check itself",
    "breachdesk.casework.authority.require_own": "is the check itself",
    "breachdesk.casework.imports.register_changes.record_customer": "writes the entry of an import",
    "breachdesk.casework.imports.register_changes.record_bindings": "writes the entry of an import",
    "breachdesk.casework.opening.cases.record_case_audit": "writes the entry of an act",
    "breachdesk.casework.release.second_person.check_second_person": "refuses; does nothing itself",
}


class Untouched:
    """Stands for a store, a document or a text: any use of it fails the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used before the permission was asked for")

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("it was read before the permission was asked for")


def acts() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in pkgutil.walk_packages(breachdesk.casework.__path__, "breachdesk.casework."):
        for name, function in inspect.getmembers(
            importlib.import_module(module.name), inspect.isfunction
        ):
            whole = f"{module.name}.{name}"
            own = function.__module__ == module.name and not name.startswith("_")
            actor = inspect.signature(function).parameters.get("actor")
            if own and actor is not None and actor.annotation == "Actor":
                yield whole, function


ACTS = dict(acts())


@pytest.mark.parametrize("name", sorted(ACTS.keys() - NOT_AN_ACT.keys()))
def test_an_actor_without_a_permission_is_refused_before_anything_is_read(name: str) -> None:
    parameters = inspect.signature(ACTS[name]).parameters.values()
    values = {p.name: Untouched() for p in parameters if p.default is inspect.Parameter.empty}
    call = inspect.signature(ACTS[name]).bind(**{**values, "actor": NOBODY})

    with pytest.raises(NotAllowed, match=r"needs the permission|only the operator's"):
        ACTS[name](*call.args, **call.kwargs)


def test_no_act_is_left_out_and_no_exception_is_stale() -> None:
    assert len(ACTS) > 30
    assert NOT_AN_ACT.keys() <= ACTS.keys()


def test_the_four_permissions_are_those_that_these_tests_know() -> None:
    assert [permission.value for permission in Permission] == [
        "analyst",
        "responder",
        "approver",
        "registrar",
    ]
