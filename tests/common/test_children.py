"""Jobs stop with the process that they work for, through the shell that stands between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CONTROLLER = """
import subprocess, sys
from videossl.common.children import become_controller
become_controller()
subprocess.run(["bash", "-c", '"$0" -c "$1"; true', sys.executable, sys.argv[1]])
"""
JOB = """
import os, signal, sys, time
from pathlib import Path
from videossl.common import children
from videossl.common.errors import report_user_errors
children.GRACE_SECONDS = 1
signal.signal(signal.SIGTERM, lambda number, frame: Path("told").touch())
def main():
    Path("job").write_text(str(os.getpid()))
    while True:
        time.sleep(0.1)
report_user_errors(main)
"""


def living(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until(condition) -> None:
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told"])
def test_a_job_is_told_to_stop_and_then_made_to(tmp_path, number):
    process = subprocess.Popen([sys.executable, "-c", CONTROLLER, JOB], cwd=tmp_path)
    wait_until(lambda: (tmp_path / "job").exists() and (tmp_path / "job").read_text())
    job = int((tmp_path / "job").read_text())
    time.sleep(1)
    assert living(job) and not (tmp_path / "told").exists()
    os.kill(process.pid, number)
    process.wait()
    wait_until(lambda: not living(job))
    assert (tmp_path / "told").exists()


@pytest.mark.parametrize("name", ["", "00000000000000-1-1"], ids=["none", "elsewhere"])
def test_nobody_is_waited_for_without_a_controller_here(tmp_path, name):
    process = subprocess.Popen(
        [sys.executable, "-c", JOB], cwd=tmp_path, env={**os.environ, "VIDEOSSL_CONTROLLER": name}
    )
    wait_until(lambda: (tmp_path / "job").exists())
    time.sleep(1)
    assert living(process.pid) and not (tmp_path / "told").exists()
    process.kill()
    process.wait()
