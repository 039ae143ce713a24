"""Measures how names are formed: a table of shares, for any tree (docs/reference/names.md).

    .venv/bin/python scripts/measure_names.py [FOLDER...]      default: our four packages
    .venv/bin/python scripts/measure_names.py --check          exit 1 if a class name exists twice

Dunder methods, properties' setters and overloads are not counted; a leading underscore is dropped.
`is_`, `has_` and their like count as verbs. A module's words are its file name's.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("schemas", "streams", "notifiers", "breachdesk")
VERBS = frozenset(
    """
    abort absorb accept access acknowledge acquire activate adapt add adjust administer advance
    align allocate allow amend analyse analyze anchor announce answer append apply approve archive
    arrange ask assemble assert assess assign attach attribute authenticate authorize await back
    backfill bind block boot build bypass calculate call can cancel capitalise capture cast catch
    change check choose clamp classify clean cleanup clear clip close coalesce collapse collect
    combine come commit compare compile complete compose compress compute concat configure confirm
    connect consume contain continue convert copy correct correlate count cover create cut
    deactivate debug decide declare decode decompress decrypt decrement deduplicate defer define
    delete deliver demote deny deploy derive describe deserialize destroy detach detect determine
    did digest disable discard disconnect discover dismiss dispatch display divide do does download
    draw drop dump duplicate edit eject elect emit empty enable encode encrypt enforce enqueue
    enrich enrol ensure enter enumerate erase escape establish estimate evaluate evict examine
    exchange exclude execute exist exists exit expand expect expire explain export extend extract
    fail feed fetch fill filter finalize find finish fit fix flatten flush fold follow forget format
    forward found freeze gather generate get give go grant guard guess halt halve hand handle has
    hash have hide hold identify ignore import include increment infer inform ingest inherit init
    initialise initialize insert inspect install instrument interpret invalidate invoke is isolate
    iterate join keep kill lead learn leave limit link lint list listen load locate lock login
    logout look lookup loop make mark match may measure merge migrate minimise modify monitor mount
    move must narrow need negotiate normalise normalize note notify observe obtain omit open overlap
    override pad parse partition pass patch pause peek perform persist pick ping play poll pop
    populate post prepare press preserve prevent preview print probe process produce prompt propose
    protect prove provide prune publish pull purge push put query quit raise read realign reassign
    rebalance rebuild recall receive recognise recognize reconcile reconnect record recover redact
    redirect reduce refresh refuse register reject release reload remember remind remove rename
    render renew reopen reorder repair repeat replace replay reply report represent request require
    reserve reset resolve respond restart restore resume retain retrieve retry return reuse revert
    revoke rewind rewrite roll rotate round route run sanitise sanitize save scan schedule scrape
    seal search see seek select send serialise serialize serve set settle setup shift should show
    shorten shrink shut shutdown sign simulate skip sleep slice solve sort spawn split start stop
    store strip submit subscribe substitute subtract succeed suggest sum summarise summarize supply
    supports suspend swap sweep switch sync take tell terminate test throttle toggle tokenize touch
    track transform translate traverse trim truncate try tune turn unbind undo unlink unlock unpack
    unquote unregister unsubscribe unwrap update upgrade upload use uses validate verify visit vote
    wait waive wake walk want warn was watch withdraw withhold wrap write yield
    """.split()  # noqa: SIM905 - a word list is easier to read and to diff than a column of strings
)


@dataclass(frozen=True)
class Named:
    """One name of ours."""

    kind: str
    name: str
    owner: str
    path: Path
    line: int

    @property
    def words(self) -> list[str]:
        """`_load_rules` and `RuleBook` as their words."""
        return [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", self.name)]

    @property
    def begins_with_verb(self) -> bool:
        return bool(self.words) and self.words[0] in VERBS

    @property
    def is_one_word(self) -> bool:
        return len(self.words) == 1


def names_in(path: Path) -> Iterator[Named]:
    """Classes, functions and methods of one module, outer ones first."""
    yield Named("module", path.parent.name if path.stem == "__init__" else path.stem, "", path, 1)
    yield from _inside(ast.parse(path.read_text(encoding="utf-8")), "", path)


def _inside(node: ast.AST, owner: str, path: Path) -> Iterator[Named]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield Named("class", child.name, owner, path, child.lineno)
            yield from _inside(child, f"{owner}{child.name}.", path)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            if not (child.name.startswith("__") or _is_repeated(child)):
                yield Named(_kind(child, node), child.name, owner, path, child.lineno)
            yield from _inside(child, f"{owner}{child.name}.", path)
        else:
            yield from _inside(child, owner, path)


def _kind(function: ast.FunctionDef | ast.AsyncFunctionDef, parent: ast.AST) -> str:
    if not isinstance(parent, ast.ClassDef):
        return "function"
    decorators = {ast.unparse(d) for d in function.decorator_list}
    return "property" if decorators & {"property", "cached_property"} else "method"


def _is_repeated(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    decorators = [ast.unparse(d) for d in function.decorator_list]
    return any(d.endswith((".setter", ".deleter", "overload")) for d in decorators)


def sources(folders: Sequence[Path]) -> list[Path]:
    """Python files, without migrations: their names are numbers."""
    return [p for f in folders for p in sorted(f.rglob("*.py")) if "versions" not in p.parts]


def repeated_classes(names: Sequence[Named]) -> dict[str, list[Named]]:
    """Class names that mean more than one thing."""
    counted = Counter(n.name for n in names if n.kind == "class")
    return {
        name: [n for n in names if n.kind == "class" and n.name == name]
        for name, count in sorted(counted.items())
        if count > 1
    }


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "–"


def measured(names: Sequence[Named]) -> list[tuple[str, str]]:
    """The rows of the table."""
    every = [n for n in names if n.kind in ("function", "method", "property")]
    called = [n for n in every if n.kind != "property"]
    classes = [n for n in names if n.kind == "class"]
    modules = [n for n in names if n.kind == "module"]
    folders = Counter(n.path.parent for n in modules)
    largest, size = folders.most_common(1)[0] if folders else (Path(), 0)
    return [
        ("functions, methods, properties", str(len(every))),
        ("begin with a verb", share(sum(n.begins_with_verb for n in every), len(every))),
        ("… without properties", share(sum(n.begins_with_verb for n in called), len(called))),
        (
            "one word, no verb",
            share(sum(n.is_one_word and not n.begins_with_verb for n in every), len(every)),
        ),
        ("classes", str(len(classes))),
        ("one-word classes", share(sum(n.is_one_word for n in classes), len(classes))),
        ("class names that exist twice", str(len(repeated_classes(names)))),
        ("largest folder (.py files)", f"{size} {largest.name}"),
        (
            "folders over 26",
            ", ".join(f"{p.name} {n}" for p, n in folders.most_common() if n > 26) or "none",
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, default=[ROOT / p for p in PACKAGES])
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    names = [n for path in sources(arguments.folders) for n in names_in(path)]
    for title, value in measured(names):
        print(f"{title:32} {value}")
    repeated = repeated_classes(names)
    for name, places in repeated.items():
        print(f"  {name}: {', '.join(f'{n.path}:{n.line}' for n in places)}")
    return 1 if arguments.check and repeated else 0


if __name__ == "__main__":
    sys.exit(main())
