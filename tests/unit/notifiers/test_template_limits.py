"""Whatever is wrong with a template is said with its name; none can eat the process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from notifiers.letters.template_folder import TemplateFolder
from schemas.errors import BadInput

GREEDY = {
    "range": "{{ range(10**7) | list }}",
    "times": "{{ 'a' * 10**9 }}",
    "power": "{{ 9**(9**9) }}",
    "numbers": "{% set n = namespace(n=9) %}{% for i in range(60) %}{% set n.n = n.n * n.n %}{% endfor %}",
    "loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% set x = 1 %}{% endfor %}{% endfor %}",
    "recursion": "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}",
    "branches": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "joined": "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "added": "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "blocks": "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set x %}{{ n.s }}{{ n.s }}{% endset %}"
    "{% set n.s = x %}{% endfor %}",
    "center": "{{ 'a' | center(10**9) }}",
    "ljust": "{{ 'a'.ljust(10**9) }}",
    "zfill": "{{ '1'.zfill(10**9) }}",
    "format %": "{{ '%999999999d' % 1 }}",
    "format * ": "{{ '%*d' % (10**9, 1) }}",
    "format method": "{{ '{:>999999999}'.format(1) }}",
    "format nested": "{{ '{:{}}'.format(1, 10**9) }}",
    "format filter": "{{ '%999999999d' | format(1) }}",
    "join": "{{ (['a' * 99999] * 9) | join('b' * 9999) }}",
    "replace": "{{ ('a' * 9999) | replace('a', 'b' * 9999) }}",
    "replace method": "{{ ('a' * 9999).replace('a', 'b' * 9999) }}",
    "translate": "{{ ('a' * 999).translate({97: 'b' * 9999}) }}",
    "indent": "{{ ('\\n' * 9999) | indent(9999) }}",
    "tabs": "{{ ('\\t' * 9999).expandtabs(9999) }}",
    "batch": "{{ [1] | batch(10**9, 1) | list }}",
    "slice": "{{ [1] | slice(10**8) | list }}",
    "round": "{{ 1 | round(10**9) }}",
    "json": "{{ [1] | tojson(indent=10**9) }}",
    "lipsum": "{{ lipsum(10**6) }}",
    "include": "{% include 'include.txt.j2' %}",
    "brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "nesting": "{% for a in [1] %}" * 30 + "x" + "{% endfor %}" * 30,
}
WRONG = {
    "division": "{{ 1 / 0 }}",
    "index": "{{ [1][5] }}",
    "undefined": "{{ nobody }}",
    "attribute": "{{ ''.__class__.__mro__ }}",
    "format attribute": "{{ '{0.__class__}'.format(1) }}",
    "syntax": "{% if %}",
    "type": "{{ 1 + 'a' }}",
    "key": "{{ {}['a'] }}",
    "overflow": "{{ 2.0 ** 5000 }}",
    "missing": "{% include 'nowhere.txt.j2' %}",
}


def folder_with(tmp_path: Path, source: str | bytes) -> TemplateFolder:
    (tmp_path / "include.txt.j2").write_bytes(
        source if isinstance(source, bytes) else source.encode()
    )
    return TemplateFolder(tmp_path, "Europe/London")


@pytest.mark.parametrize("fault", [*GREEDY, *WRONG])
def test_a_template_that_fails_or_wants_too_much_is_bad_input_that_names_it(
    tmp_path: Path, fault: str
) -> None:
    folder = folder_with(tmp_path, (GREEDY | WRONG)[fault])
    begun = time.thread_time()

    with pytest.raises(BadInput, match=r"template include\.txt\.j2"):
        folder.render_template("include.txt.j2", {})
    assert time.thread_time() - begun < 30


def test_a_template_that_is_no_text_is_bad_input_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"template include\.txt\.j2"):
        folder_with(tmp_path, b"\xff\xfe\x00").render_template("include.txt.j2", {})


def test_what_templates_do_every_day_still_works(tmp_path: Path) -> None:
    source = (
        "{{ 'a' ~ 1 ~ ('<b>' | e) }} {{ ['a', 'b'] | join(', ') }} {{ '%s-%03d' % ('x', 7) }} "
        "{% for i in range(3) %}{{ loop.index }}{% endfor %} {{ 2**10 + 3 * 4 }} {{ [1] + [2] }} "
        "{{ 'x'.ljust(3) }}| {{ '{} {}'.format(1, 'y') }} {{ 'aXb' | replace('X', '--') }}"
    )

    filled = folder_with(tmp_path, source).render_template("include.txt.j2", {})

    assert filled == "a1&lt;b&gt; a, b x-007 123 1036 [1, 2] x  | 1 y a--b"


def test_one_filling_that_wanted_too_much_costs_the_next_nothing(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path, "{% for i in range(n) %}{% for j in range(n) %}{% endfor %}{% endfor %}x"
    )
    with pytest.raises(BadInput, match="steps"):
        folder.render_template("include.txt.j2", {"n": 9999})

    assert folder.render_template("include.txt.j2", {"n": 3}) == "x"


@pytest.mark.parametrize("name", ["n.txt.j2", "n.html.j2"])
def test_hidden_characters_are_shown_in_whatever_is_filled_in(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{% macro p(t) %}[{{ t }}]{% endmacro %}{{ p(name) }} {{ list }}")
    folder = TemplateFolder(tmp_path, "Europe/London")
    filled = folder.render_template(name, {"name": "a\u202eb<i>\u200b", "list": ["\u202e"]})

    assert "[U+202E]b" in filled
    assert "\u202e" not in filled
    assert "\u200b" not in filled
    assert ("<i>" in filled) is (name == "n.txt.j2")


def test_data_for_a_computer_keeps_every_character(tmp_path: Path) -> None:
    (tmp_path / "n.json.j2").write_text("{{ name | tojson }}")
    folder = TemplateFolder(tmp_path, "Europe/London")

    assert folder.render_template("n.json.j2", {"name": "a\u202eb"}) == '"a\u202eb"'
