"""`make setup`: makes the virtual environment, looks at it quickly, and mends it."""

from __future__ import annotations

import base64
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

BACKEND = """
import zipfile, pathlib
def get_requires_for_build_editable(settings=None): return []
def build_editable(folder, settings=None, metadata=None):
    name = "videossl-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        info = "videossl-1.0.dist-info"
        files = {"videossl_here.pth": str(pathlib.Path().resolve()),
                 f"{info}/METADATA": "Metadata-Version: 2.1\\nName: videossl\\nVersion: 1.0\\n",
                 f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
                 f"{info}/entry_points.txt": "[console_scripts]\\nvideossl = one:main\\n"}
        for path, text in {**files, f"{info}/RECORD": "".join(f"{path},,\\n" for path in files)}.items():
            wheel.writestr(path, text)
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "videossl"
version = "1.0"
"""


def write_wheel(folder: Path, name: str, **modules: str) -> None:
    """A wheel of modules, as small as can be."""
    info = f"{name}-1.0.dist-info"
    files = {f"{module}.py": text for module, text in modules.items()} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(text)}\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(path, text)


OUTSIDE = {"VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
"""Of an environment or a `make` in which the tests run themselves."""


class Project:
    """A project with two packages to install, both from a folder of wheels."""

    def __init__(self, root: Path, repository: Path) -> None:
        self.root, self.wheels = root / "project", root / "wheels"
        (self.root / "envs").mkdir(parents=True)
        self.wheels.mkdir()
        shutil.copy(repository / "envs/environment.py", self.root / "envs")
        shutil.copy(repository / "Makefile", self.root)
        (self.root / "envs/requirements.txt").write_text("# pins\nOne.pkg==1.0\nabsent==1.0 ; sys_platform == 'none'\n")
        (self.root / "envs/requirements-dev.txt").write_text("-r requirements.txt\ntwo==1.0\n")
        (self.root / "pyproject.toml").write_text(PROJECT)
        (self.root / "backend.py").write_text(BACKEND)
        write_wheel(self.wheels, "one_pkg", one="def main(): print('one')\n", other="x = 1\n")
        write_wheel(self.wheels, "two", two="y = 2\n")

    def start(self) -> subprocess.Popen[str]:
        outside = {key: value for key, value in os.environ.items() if key not in OUTSIDE}
        return subprocess.Popen(
            ["make", "setup", f"PYTHON={sys.executable}"],
            cwd=self.root, env={**outside, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)},
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def setup(self) -> str:
        """What `make setup` says; it must succeed, and the environment must work."""
        process = self.start()
        said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, said
        code = "import one, other, two; print(other.x + two.y)"
        assert subprocess.check_output([self.root / ".venv/bin/python", "-c", code], text=True) == "3\n"
        assert subprocess.check_output([self.root / ".venv/bin/videossl"], text=True) == "one\n"
        assert not (self.root / ".venv/.tmp").exists()
        return said

    @property
    def packages(self) -> Path:
        return next(self.root.glob(".venv/lib/python3*/site-packages"))


@pytest.fixture
def project(tmp_path: Path, repository: Path) -> Project:
    return Project(tmp_path, repository)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Project:
    """One whose environment is made once."""
    return Project(tmp_path_factory.mktemp("lasting"), repository)


def test_an_environment_is_made_looked_at_and_mended(lasting):
    project = lasting
    assert "Installing the pinned packages into .venv (1-3 minutes)" in project.setup()
    write_wheel(project.wheels, "mine", mine="")
    pip = [
        project.root / ".venv/bin/pip",
        "install",
        "--quiet",
        "--no-index",
        project.wheels / "mine-1.0-py3-none-any.whl",
    ]
    subprocess.run(pip, check=True)

    assert project.setup() == ""
    stamp = (project.root / ".venv/.installed").stat().st_mtime_ns

    damages = {
        "one-pkg lacks one.py and 1 more files, two is missing\n": lambda: [
            (project.packages / "one.py").unlink(),
            (project.packages / "other.py").write_text(""),
            shutil.rmtree(project.packages / "two-1.0.dist-info"),
        ],
        "pip lacks main.py, two is half installed, videossl lacks videossl\n": lambda: [
            next(project.packages.glob("pip/_internal/main.py")).write_text(""),
            (project.packages / "two-1.0.dist-info/RECORD").unlink(),
            (project.packages / "~wo").mkdir(),
            (project.root / ".venv/bin/videossl").unlink(),
        ],
    }
    for said, damage in damages.items():
        damage()
        assert project.setup().startswith(f"Mending .venv: {said}")
    assert not list(project.packages.glob("~*")) and (project.packages / "mine.py").exists()
    assert project.setup() == "" and (project.root / ".venv/.installed").stat().st_mtime_ns > stamp

    # Other pins: what is asked for is installed; nothing else changes.
    (project.root / "envs/requirements.txt").write_text("one-pkg==1.0\nmine==1.0\n")
    assert project.setup() == "Installing the pinned packages into .venv (1-3 minutes)\n"


def test_an_environment_that_was_moved_or_lost_its_python_is_made_anew(lasting):
    project = lasting
    project.setup()
    anew = "Installing the pinned packages into .venv anew (it was moved, or its Python is gone) (1-3 minutes)\n"
    project.root = project.root.rename(project.root.with_name("moved"))
    assert project.setup() == anew
    python = project.root / ".venv/bin/python3"
    for link in (project.root / ".venv/bin").glob("python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")
    assert project.setup() == anew and python.exists()


def test_a_set_up_that_was_killed_is_taken_up(project):
    process = project.start()
    time.sleep(random.uniform(0.3, 6))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    project.setup()
    assert project.setup() == ""


def test_without_packages_the_set_up_fails_and_says_so(project):
    next(project.wheels.glob("two*")).unlink()
    process = project.start()
    said = process.communicate(timeout=120)[0]
    assert process.returncode and "No matching distribution found for two==1.0" in said
