"""The image: what it copies is there, what it installs is locked, and nobody is root in it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    line
    for line in re.sub(r"\\\n\s*", " ", TEXT).splitlines()
    if line.strip() and not line.startswith("#")
]
LAST_STAGE = INSTRUCTIONS[max(n for n, i in enumerate(INSTRUCTIONS) if i.startswith("FROM ")) :]


def copied() -> list[str]:
    """What is copied out of the build context."""
    copies = [i.split()[1:-1] for i in INSTRUCTIONS if i.startswith("COPY ")]
    return [part for parts in copies if not parts[0].startswith("--from") for part in parts]


def admitted(path: str) -> bool:
    """.dockerignore: nothing, but what it names."""
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert rules[1] == "*"
    return any(fnmatch(path, rule[1:]) for rule in rules if rule.startswith("!"))


def test_every_base_is_pinned_to_a_version() -> None:
    bases = [i.split()[1] for i in INSTRUCTIONS if i.startswith("FROM ")]

    assert len(bases) > 1
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)


def test_what_is_copied_is_there_and_admitted() -> None:
    assert copied()
    assert [path for path in copied() if not (ROOT / path).exists()] == []
    assert [path for path in copied() if not admitted(path)] == []


def test_secrets_data_and_history_stay_out_of_the_build() -> None:
    assert not any(map(admitted, ["deploy", "deploy/secrets", ".git", "data", "demo-data", ".env"]))


def test_the_image_installs_locked_packages_only() -> None:
    installs = [i for i in INSTRUCTIONS if re.search(r"\bpip\b[^&]* (install|wheel) -", i)]

    assert len(installs) == 4
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


def test_either_set_of_packages_can_be_chosen() -> None:
    (default,) = [i.partition("=")[2] for i in INSTRUCTIONS if i.startswith("ARG REQUIREMENTS")]

    assert default == "app.txt"
    assert (ROOT / "requirements" / "distributed.txt").is_file()
    assert "faust-streaming==" not in (ROOT / "requirements" / default).read_text(encoding="utf-8")


def test_the_image_has_no_build_tools_and_runs_under_an_account_without_rights() -> None:
    text = "\n".join(LAST_STAGE)

    assert "pip uninstall --yes setuptools wheel pip" in text
    assert " install -r" not in text
    assert "apt-get" not in text
    assert [i for i in LAST_STAGE if i.startswith("USER ")] == ["USER 10001:10001"]


def test_the_image_says_what_it_is_and_how_it_is() -> None:
    text = "\n".join(LAST_STAGE)
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)

    assert version is not None
    assert f'org.opencontainers.image.version="{version[1]}"' in text
    assert "/healthz" in next(i for i in LAST_STAGE if i.startswith("HEALTHCHECK"))
