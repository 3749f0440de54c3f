"""The floors of the library: `lint-imports` finds no import that goes up, and would find one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

LINT = Path(sys.executable).with_name("lint-imports")


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """Look at the library in `root`, by the contract in its `pyproject.toml`."""
    environment = {"PYTHONPATH": str(root / "src"), "PATH": ""}
    return subprocess.run([LINT, "--no-cache"], cwd=root, env=environment, capture_output=True, text=True)


def test_no_import_goes_up(repository):
    done = lint(repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_import_that_goes_up_and_a_module_without_a_floor_are_found(repository, tmp_path):
    shutil.copy(repository / "pyproject.toml", tmp_path)
    shutil.copytree(repository / "src", tmp_path / "src")
    library = tmp_path / "src/videossl"
    (library / "loose.py").touch()
    assert "loose" in lint(tmp_path).stdout
    (library / "loose.py").unlink()
    up = "def late():\n    from videossl.cli import main\n"
    typing = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from videossl.report import style\n"
    (library / "data/up.py").write_text(typing)  # what only a type checker reads is nobody's floor
    assert lint(tmp_path).returncode == 0
    (library / "data/up.py").write_text(typing + up)
    done = lint(tmp_path)
    assert done.returncode == 1 and "videossl.data.up -> videossl.cli (l.5)" in done.stdout, done.stdout
