"""Compiled modules (scripts/compile_modules.py) do what their sources do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import compile_modules
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json, sys, tempfile
from pathlib import Path
from bench.pipeline_slices import PipelineSlices
from streams.correlate import groups
from streams.normalise import normaliser
from streams.parsers.sonicwall_firewall import parser
modules = (groups, normaliser, parser)
with tempfile.TemporaryDirectory() as folder:
    slices = PipelineSlices(Path(folder) / "data")
    slices.take(5_000)
    told = slices.count_alerts()
    slices.container.close()
print(json.dumps({**told, "compiled": [m.__file__.endswith(".so") for m in modules]}))
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not compile_modules.has_compiler(),
        reason="no C compiler (cc, gcc or clang): compiled modules are optional",
    ),
]


def run_program(packages: Path) -> dict[str, object]:
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=packages,
        env={**os.environ, "BENCH_TREE": str(packages), "PYTHONPATH": f"{packages}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return dict(json.loads(process.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled") / "packages"
    assert compile_modules.main([str(folder)]) == 0
    return folder


def test_compiled_modules_raise_the_alerts_that_their_sources_raise(compiled: Path) -> None:
    expected, raised = run_program(ROOT), run_program(compiled)

    assert raised["compiled"] == [True] * 3
    assert expected["compiled"] == [False] * 3
    assert (raised["alerts"], raised["digest"]) == (expected["alerts"], expected["digest"])


COMPILED_PARSERS = (
    *("apache_access", "draytek_vigor", "ecs_json", "linux_iptables", "linux_sshd"),
    *("microsoft365_audit", "nginx_access", "sonicwall_firewall"),
)
"""The others run as their sources do, in the suite."""
SUITES = (
    "conformance/test_parsers.py",
    "conformance/test_shipped_examples.py",
    "conformance/test_rules.py",
    "unit/streams/sigma/test_sigma_routing.py",
)
"""What asks the compiled modules: parsers, frames and recognition, routing of rules."""


def test_compiled_parsers_read_their_examples_and_rules_route_letters_of_any_script(
    compiled: Path,
) -> None:
    process = subprocess.run(
        [
            str(Path(sys.executable).with_name("pytest")),
            *(str(ROOT / "tests" / name) for name in SUITES),
            "-k", f"test_rules or test_sigma_routing or {' or '.join(COMPILED_PARSERS)}",
            "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:xdist",
        ],
        cwd=ROOT,
        env={
            **os.environ, "BREACHDESK_TEST_COMPILED": "1", "PYTHONSAFEPATH": "1",
            "PYTHONPATH": str(compiled), "PYTEST_ADDOPTS": "",
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )  # fmt: skip

    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-1000:]
