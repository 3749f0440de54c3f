"""Jobs in forks of a warm interpreter behave as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from videossl.warm import client

CLIENT = Path(client.__file__)
JOB = """
import os, signal, sys, time
print("said", sys.argv[1:], os.getcwd(), os.environ["COLOUR"], __name__, "torch" in sys.modules)
print("complained", file=sys.stderr)
if sys.argv[1] == "wait":
    def stop(number, frame):
        open("stopped", "w").close()
        sys.exit(75)
    signal.signal(signal.SIGTERM, stop)
    open("waiting", "w").close()
    time.sleep(60)
if sys.argv[1] == "raise":
    raise ValueError("broken")
sys.exit(int(sys.argv[1]))
"""


def run(folder: Path, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command beside a warm interpreter; `$JOB` runs the script in it."""
    (folder / "job.py").write_text(JOB)
    variables = {**os.environ, "COLOUR": "green", "JOB": f"{sys.executable} -SE {CLIENT} job.py", **environment}
    arguments = [sys.executable, "-m", "videossl.warm.server", "--", "bash", "-c", command]
    return subprocess.run(arguments, cwd=folder, env=variables, text=True, capture_output=True, timeout=120)


def test_arguments_folder_environment_output_and_exit_code(tmp_path):
    (tmp_path / "below").mkdir()
    done = run(
        tmp_path,
        "$JOB 0 'two words' > out.txt 2> err.txt; echo $?; COLOUR=red $JOB 3; echo $?;"
        " $JOB raise 2> trace.txt; echo $?; cp job.py below; cd below; $JOB 0; exit 9",
    )
    assert done.returncode == 9
    said = (tmp_path / "out.txt").read_text()
    assert said == f"said ['0', 'two words'] {tmp_path} green __main__ True\n"
    assert (tmp_path / "err.txt").read_text() == "complained\n"
    assert "ValueError: broken" in (tmp_path / "trace.txt").read_text()
    lines = [line for line in done.stdout.splitlines() if not line.startswith("said ['raise']")]
    assert lines == [
        "0",
        f"said ['3'] {tmp_path} red __main__ True",
        "3",
        "1",
        f"said ['0'] {tmp_path}/below green __main__ True",
    ]


def test_jobs_run_side_by_side_and_apart(tmp_path):
    """Each has modules and globals of its own, and neither waits for the other."""
    start = time.monotonic()
    done = run(
        tmp_path, "$JOB wait & $JOB wait & while ! [ -e waiting ]; do sleep 0.1; done; sleep 0.5; kill %1 %2; wait"
    )
    assert done.returncode == 0 and time.monotonic() - start < 50
    assert done.stdout.count("said ['wait']") == 2 and (tmp_path / "stopped").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["terminated", "killed"])
def test_a_job_is_told_when_its_client_is_stopped(tmp_path, number):
    done = run(
        tmp_path,
        f"$JOB wait & pid=$!; while ! [ -e waiting ]; do sleep 0.1; done; kill -{int(number)} $pid; wait $pid; echo $?;"
        " for i in $(seq 100); do [ -e stopped ] && break; sleep 0.1; done",
    )
    assert (tmp_path / "stopped").exists()
    assert done.stdout.splitlines()[-1] == ("75" if number == signal.SIGTERM else "137")


def test_nothing_is_left_behind(tmp_path):
    done = run(tmp_path, 'echo "$VIDEOSSL_WARM"')
    assert not Path(done.stdout.strip()).parent.exists()
    assert done.returncode == 0
