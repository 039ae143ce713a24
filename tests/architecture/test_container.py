"""The container's files name what is there."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def test_compose_builds_our_image_and_publishes_on_loopback_only() -> None:
    desk = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["desk"]

    assert (ROOT / desk["build"] / "Dockerfile").is_file()
    assert all(port.startswith("127.0.0.1:") for port in desk["ports"])


def test_the_image_installs_locked_packages_only() -> None:
    installs = [
        line
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if "pip install" in line or "pip wheel" in line
    ]

    assert installs
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
