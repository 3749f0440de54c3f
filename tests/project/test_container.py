"""The image of the pinned environment: built where a tool for it works, else read."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

FILE = "envs/Containerfile"
BUILDERS = ("podman", "docker", "buildah")


def working_builder() -> str | None:
    """A program that can build images here; its daemon may be missing."""
    for name in BUILDERS:
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, timeout=60).returncode == 0:
            return name
    return None


def test_the_file_builds_on_the_lock_and_the_oldest_python(repository):
    lines = re.sub(r"\\\n", "", (repository / FILE).read_text()).splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    assert [step for step, _ in steps] == ["FROM", "RUN", "COPY", "RUN", "ENV"]
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (repository / "pyproject.toml").read_text())[1]
    assert f"/python:{oldest}-slim" in steps[0][1]
    source, target = steps[2][1].split()
    assert (repository / source).is_file() and source == "envs/requirements.txt"
    assert f"-r {target}" in steps[3][1]
    imported = re.search(r'"import (.*?)"', steps[3][1])[1].split(", ")
    pins = (repository / source).read_text().lower()
    assert all(f"\n{name}==" in pins for name in imported)


@pytest.mark.slow
def test_the_image_can_be_built(repository):
    builder = working_builder()
    if builder is None:
        pytest.skip(f"none of {', '.join(BUILDERS)} works here")
    words = [builder, "build", "-f", FILE, "-t", "videossl-test", "."]
    done = subprocess.run(words, cwd=repository, text=True, capture_output=True, timeout=3000)
    assert done.returncode == 0, done.stderr[-3000:]
