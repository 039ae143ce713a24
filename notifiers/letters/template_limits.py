"""Limit what a template may use: a sandbox in which each step is small and the number of steps is
bounded.

Every text that a template makes stays below LONGEST_TEXT, so that no filter, method or operator can
make a huge one out of two of them; every pass of a loop and every call of a macro is counted.
Exceeding a limit raises TooMuch, which is a TemplateError."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, TemplateRuntimeError, Undefined, nodes
from jinja2.filters import FILTERS
from jinja2.runtime import markup_join, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

LONGEST_TEXT = 1_000_000
"""Characters of one text."""
MOST_PUT_OUT = 8 * LONGEST_TEXT
"""Characters of all expressions that one filling puts out, those inside others counted again."""
MOST_STEPS = 200_000
"""Passes of loops and calls of macros in one filling."""
MOST_SECONDS = 20.0
"""CPU time of the thread in one filling."""
LARGEST_POWER = 10_000
"""Bits of a number that `**` may make."""
WIDE_FORMAT = re.compile(r"\d{5}|\{[^{}]*\{|\*")
"""A format with a width of five digits, or one that is taken from its arguments."""
OMITTED_FILTERS = frozenset({"random", "pprint", "urlize", "xmlattr"})
"""Filters that are not the same each time, or have no use in a letter."""


class TemplateLimitExceeded(TemplateRuntimeError):
    """The template would use up more than it may."""

    def __init__(self, what: str) -> None:
        super().__init__(f"it would make {what}")


@dataclass(slots=True)
class _TemplateUsage:
    steps: int
    characters: int
    until: float


_USED: ContextVar[_TemplateUsage | None] = ContextVar("template_used", default=None)


@contextmanager
def count_usage() -> Iterator[None]:
    """Count steps and characters of one rendering from zero while the context is open."""
    token = _USED.set(_TemplateUsage(0, 0, time.thread_time() + MOST_SECONDS))
    try:
        yield
    finally:
        _USED.reset(token)


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox in which operators, filters and calls are weighed before they are made."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self, loader: BaseLoader, show: Callable[[str], str], *, autoescape: bool) -> None:
        """Create the sandbox; `show` is applied to every text that the template outputs."""
        super().__init__(
            loader=loader,
            autoescape=autoescape,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_build_finalizer(show),
        )
        self.globals.pop("lipsum", None)
        self.filters = {n: _limit_filter(f) for n, f in FILTERS.items() if n not in OMITTED_FILTERS}
        self.step = _count_step
        self.joined = partial(_join_parts, markup_join if autoescape else str_join)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        return _CountingTransformer().visit(tree)  # type: ignore[no-any-return]  # jinja2 types its visitors loosely

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Check an intercepted operator (Jinja's hook) before it runs."""
        if operator == "**":
            _check_power(left, right)
        elif operator == "%" and isinstance(left, str):
            _check_format(left)
        elif operator == "+":
            _check_sum(left, right)
        elif operator == "*":
            _check_product([left, right])
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, called: Any, /, *args: Any, **named: Any) -> Any:
        """Check a call (Jinja's hook): methods of texts and numbers are limited by their
        arguments."""
        owner = getattr(getattr(called, "__wrapped__", called), "__self__", None)
        if isinstance(owner, str | bytes | int | list | tuple):
            if getattr(called, "__name__", "") in ("format", "format_map"):
                _check_format(str(owner))
            _check_product([owner, *args, *named.values()])
        return super().call(context, called, *args, **named)


class _CountingTransformer(NodeTransformer):
    """Adds a count to the body of each loop and macro, and weighs what `~` joins."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - jinja2's name
        return self._add_count(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802 - jinja2's name
        return self._add_count(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802 - jinja2's name
        return self._add_count(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - jinja2's name
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        weigh = nodes.EnvironmentAttribute("joined", lineno=node.lineno)
        return nodes.Call(weigh, [parts], [], None, None, lineno=node.lineno)

    def _add_count(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        step = nodes.EnvironmentAttribute("step", lineno=node.lineno)
        call = nodes.Call(step, [], [], None, None, lineno=node.lineno)
        node.body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))
        return node  # type: ignore[no-any-return]  # jinja2 types its visitors loosely


def _count_step() -> None:
    used = _USED.get()
    if used is None:
        return
    used.steps += 1
    if used.steps > MOST_STEPS:
        raise TemplateLimitExceeded(f"more than {MOST_STEPS:,} steps")
    if used.steps % 256 == 0 and time.thread_time() > used.until:
        raise TemplateLimitExceeded(f"more than {MOST_SECONDS:.0f} seconds of work")


def _build_finalizer(show: Callable[[str], str]) -> Callable[[Any], Any]:
    def finalize(value: Any) -> Any:
        if value is None or isinstance(value, Undefined | int | float):
            return value
        text = value.__html__() if hasattr(value, "__html__") else str(value)
        _count_characters(text)
        # Escaped before, and `show` adds no sign of HTML.
        return Markup(show(text)) if hasattr(value, "__html__") else show(text)  # noqa: S704

    return finalize


def _count_characters(text: str) -> None:
    used = _USED.get()
    if used is not None:
        used.characters += len(text)
        if used.characters > MOST_PUT_OUT:
            raise TemplateLimitExceeded(f"more than {MOST_PUT_OUT:,} characters in all")
    if len(text) > LONGEST_TEXT:
        raise TemplateLimitExceeded(f"a text of more than {LONGEST_TEXT:,} characters")


def _join_parts(join: Callable[[list[Any]], str], parts: list[Any]) -> str:
    if sum(len(part) for part in parts if isinstance(part, str)) > LONGEST_TEXT:
        raise TemplateLimitExceeded(f"a text of more than {LONGEST_TEXT:,} characters")
    return join(parts)


def _limit_filter(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter_)
    def apply_limited(*args: Any, **named: Any) -> Any:
        if filter_.__name__ == "do_format":
            _check_format(str(args[0]))
        _check_product([*args, *named.values()])
        return filter_(*args, **named)

    return apply_limited


def _check_product(values: list[Any]) -> None:
    """Check the product of the two largest values, an upper bound for what an operation can make of
    them."""
    first, second = sorted([1, 1, *map(_compute_size, values)], reverse=True)[:2]
    if first * second > LONGEST_TEXT:
        raise TemplateLimitExceeded(f"something of more than {LONGEST_TEXT:,} characters")


def _check_sum(left: Any, right: Any) -> None:
    if (
        isinstance(left, str | list | tuple)
        and _compute_size(left) + _compute_size(right) > LONGEST_TEXT
    ):
        raise TemplateLimitExceeded(f"something of more than {LONGEST_TEXT:,} characters")


def _check_power(base: Any, exponent: Any) -> None:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and base.bit_length() * abs(exponent) > LARGEST_POWER:
        raise TemplateLimitExceeded("a number too large to use")


def _check_format(text: str) -> None:
    if WIDE_FORMAT.search(text):
        raise TemplateLimitExceeded("a format too wide for a letter")


def _compute_size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, int):
        return abs(value)
    if isinstance(value, list | tuple):
        return sum(
            1 + (_compute_size(part) if isinstance(part, str | bytes) else 0) for part in value
        )
    return len(value) if isinstance(value, dict) else 1
