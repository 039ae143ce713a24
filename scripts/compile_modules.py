"""Compile the modules that cost most per record to C, in a copy of the packages.

    .venv/bin/python scripts/compile_modules.py build/compiled
    PYTHONPATH=build/compiled .venv/bin/breachdesk run          what runs is the copy

Optional: without it everything works the same, slower (docs/reference/performance.md). Sources are
never touched: a compiled module next to its source would hide every later edit. It needs a C
compiler and mypyc, which comes with mypy.

Exit codes: 0 done; 1 a module does not compile; 3 there is no C compiler.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("breachdesk", "streams", "schemas", "notifiers", "templates", "rules")
COMPILED = (
    "streams/correlate/*.py",
    "streams/normalise/*.py",
    "streams/parsers/apache_access.py",
    "streams/parsers/draytek_vigor.py",
    "streams/parsers/ecs_json.py",
    "streams/parsers/linux_iptables.py",
    "streams/parsers/linux_sshd/*.py",
    "streams/parsers/microsoft365_audit/*.py",
    "streams/parsers/nginx_access.py",
    "streams/parsers/sonicwall_firewall/*.py",
    "streams/sigma/engine.py",
    "streams/sigma/expressions.py",
    "streams/sigma/fields.py",
    "streams/sigma/grouping.py",
    "streams/sigma/literals.py",
    "streams/sigma/mandatory.py",
    "streams/sigma/plans.py",
    "streams/sigma/routing.py",
    *(
        f"streams/tokenizers/{name}.py"
        for name in (
            *("addresses", "combined_log", "envelopes", "identifiers", "json_lines", "key_value"),
            *("numbers", "people", "stamps", "syslog", "web_access", "zones"),
        )
    ),
)
"""Pure: no input, no output, no dynamic classes. Of the parsers, those of the sources that send most;
every further one costs seconds of compiling. Detectors are not among them: their source is looked at. Patterns that match nothing are passed over."""
SETTINGS = "[mypy]\nexplicit_package_bases = true\nignore_missing_imports = true\n"
NO_COMPILER = 3
BUILD = """
import sys
from mypyc.primitives import registry
for name in ("lower", "upper"):
    registry.method_call_ops.pop(name)
from mypyc.build import mypycify
from setuptools import setup
names = sys.argv[1:]
setup(
    name="compiled",
    script_args=["-q", "build_ext", "--inplace"],
    ext_modules=mypycify(names, opt_level="3", debug_level="1"),
)
"""
"""Before Python 3.13 mypyc lowers letter by letter: it has no Greek sigma at the end of a word, so
that a name would get another group key, and its alert another id. Python's own methods are
called."""


def has_compiler() -> bool:
    return any(shutil.which(name) for name in ("cc", "gcc", "clang"))


def copy_packages(folder: Path) -> None:
    """Copy the packages; replace what the folder held."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "mypy.ini").write_text(SETTINGS, encoding="utf-8")


def list_modules(folder: Path) -> Sequence[str]:
    """List the modules to compile, as paths inside the copy."""
    paths = (path for pattern in COMPILED for path in folder.glob(pattern))
    return sorted(str(path.relative_to(folder)) for path in paths if path.name != "__init__.py")


def compile_modules(folder: Path, names: Sequence[str]) -> int:
    """Leave a shared object next to each source; return mypyc's exit code."""
    completed = subprocess.run(
        [sys.executable, "-c", BUILD, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(folder / "build", ignore_errors=True)
    if completed.returncode:
        errors = [
            line for line in (completed.stdout + completed.stderr).splitlines() if "error" in line
        ]
        print("\n".join(errors or [completed.stderr[-2000:]]), file=sys.stderr)
    return completed.returncode


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="replaced if it exists")
    folder = parser.parse_args(arguments).folder.resolve()
    if not has_compiler():
        print("There is no C compiler: install gcc or clang, or do without.", file=sys.stderr)
        return NO_COMPILER
    copy_packages(folder)
    names = list_modules(folder)
    print(f"Compiling {len(names)} modules into {folder} …", flush=True)
    return compile_modules(folder, names)


if __name__ == "__main__":
    sys.exit(main())
