"""Make the virtual environment .venv, or mend it: `python3 envs/environment.py`, in the project's folder.

Quick where nothing is to be done: the environment is looked at whenever `make` runs. An installation that was killed, a
package that was removed or lost files, a folder that was moved or whose Python is gone: all are noticed and mended. A
package is whole if all files are there, in the sizes, that its own record (RECORD) lists.

Only the standard library, as there is nothing else before.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

VENV = Path(".venv")
PINS = Path("envs/requirements.txt"), Path("envs/requirements-dev.txt")
STAMP = VENV / ".installed"
"""Holds a digest of what was asked for when all of it was installed."""
TEMPORARY = VENV / ".tmp"
"""For pip: what a killed one leaves is gigabytes, and lies where it is found."""
OLDEST = (3, 11)


def main() -> int:
    """Exit code 0 if the environment is whole at the end."""
    with PINS[0].open() as handle:  # one at a time
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another process makes .venv; waiting for it.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        return make()


def make() -> int:
    """Look, and do what is to be done."""
    found = problems()
    asked = digest(*PINS, Path("pyproject.toml"))
    if found == {} and STAMP.exists() and STAMP.read_text() == asked:
        return 0
    if found is None:
        what = "" if not VENV.exists() else " anew (it was moved, or its Python is gone)"
        print(f"Installing the pinned packages into .venv{what} (1-3 minutes)", flush=True)
        run(sys.executable, "-m", "venv", "--clear", str(VENV))
    elif found and STAMP.exists():
        told = ", ".join(f"{name} {why}" for name, why in sorted(found.items())[:3])
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        print(f"Mending .venv: {told}{more}", flush=True)
    else:  # it was never whole, or other packages are asked for
        print("Installing the pinned packages into .venv (1-3 minutes)", flush=True)
    STAMP.unlink(missing_ok=True)
    forget(found or {})
    install()
    if left := problems():
        print(f"error: .venv still lacks {', '.join(left)}. Remove .venv and run this again.", file=sys.stderr)
        return 1
    STAMP.write_text(asked)
    return 0


def install() -> None:
    """Let pip install what is missing, and the project itself as it stands here."""
    python = str(VENV / "bin/python")
    run(python, "-m", "ensurepip", "--default-pip")  # at once done if there is one
    shutil.rmtree(TEMPORARY, ignore_errors=True)
    TEMPORARY.mkdir()
    os.environ["TMPDIR"] = str(TEMPORARY.resolve())
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        run(*pip, "-r", str(PINS[-1]))
        run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")
    finally:
        shutil.rmtree(TEMPORARY, ignore_errors=True)


def run(*command: str) -> None:
    """Run a command; exit as it does if it fails."""
    code = subprocess.run(command, stdout=subprocess.DEVNULL if "ensurepip" in command else None).returncode
    if code:
        sys.exit(code if code > 0 else 128 - code)


def digest(*paths: Path) -> str:
    """Of the content of files."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def problems() -> dict[str, str] | None:
    """What is wrong with each package of .venv; None if it has to be made from the start."""
    python = VENV / "bin/python"
    if not python.exists() or moved(VENV / "bin/videossl"):
        return None
    looked = subprocess.run([python, "-I", __file__, "look"], capture_output=True, text=True)
    return json.loads(looked.stdout) if looked.returncode == 0 else None


def moved(script: Path) -> bool:
    """Whether a script of the environment starts with the Python of another place."""
    if not script.is_file():
        return False
    named = re.search(r"/[^\n\"']*(?=/bin/python)", script.read_text(errors="replace"))
    return named is None or Path(named[0]).resolve() != VENV.resolve()


def look() -> int:
    """In the environment's own Python: print what is wrong with its packages, by name."""
    if sys.version_info < OLDEST or Path(sys.prefix).resolve() != VENV.resolve():
        return 1
    folder = Path(sysconfig.get_path("purelib"))
    found = {}
    for info in folder.glob("*.dist-info"):
        if why := damage(info):
            found[name_of(info)] = why
    there = {name_of(info) for info in folder.glob("*.dist-info")}
    found |= {name: "is missing" for name in ("pip", "videossl", *pinned()) if name not in there}
    print(json.dumps(found))
    return 0


def pinned() -> list[str]:
    """Names of the packages that are asked for on this machine."""
    lines = [line.partition("#")[0].strip() for path in PINS for line in path.read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("-")]
    if any(";" in line for line in lines):
        try:
            from pip._vendor.packaging.markers import Marker
        except ImportError:  # pip is missed in any case
            return []
        lines = [line for line in lines if ";" not in line or Marker(line.partition(";")[2]).evaluate()]
    return [plain(re.match(r"[\w.-]+", line)[0]) for line in lines]


def name_of(info: Path) -> str:
    """The package of a folder NAME-VERSION.dist-info."""
    return plain(info.name.partition("-")[0])


def plain(name: str) -> str:
    """A package's name in the one spelling that stands for all."""
    return re.sub(r"[-_.]+", "-", name).lower()


def damage(info: Path) -> str:
    """What is wrong with a package; "" if it is whole. Compiled files are nobody's, and of its notes some are changed
    after they were recorded."""
    if info.name.startswith("~") or not (info / "RECORD").is_file():
        return "is half installed"
    with (info / "RECORD").open(newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.reader(handle) if row and not row[0].endswith(".pyc")]
    if not rows:
        return "has an empty record"
    wrong = [row[0] for row in rows if not whole(info, *row)]
    return f"lacks {Path(wrong[0]).name}" + (f" and {len(wrong) - 1} more files" if wrong[1:] else "") if wrong else ""


def whole(info: Path, name: str, _: str = "", size: str = "") -> bool:
    """Whether a file is there, in its size."""
    try:
        actual = (info.parent / name).stat().st_size
    except OSError:
        return False
    return not size or name.startswith(info.name) or actual == int(size)


def forget(found: dict[str, str]) -> None:
    """Let pip take damaged packages for not installed; it writes over what is there."""
    for info in VENV.glob("lib/python*/site-packages/*.dist-info"):
        if name_of(info) in found:
            shutil.rmtree(info)
    for left in VENV.glob("lib/python*/site-packages/~*"):  # of a pip that was killed while it replaced a package
        shutil.rmtree(left) if left.is_dir() else left.unlink()


if __name__ == "__main__":
    sys.exit(look() if sys.argv[1:] == ["look"] else main())
