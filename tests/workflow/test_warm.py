"""Jobs in forks of a warm interpreter behave as processes of their own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from warm import shared

PROGRAMS = Path(__file__).parents[2] / "workflow/warm"
SERVER, CLIENT = PROGRAMS / "server.py", PROGRAMS / "client.py"
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
    time.sleep(300)
if sys.argv[1] == "raise":
    raise ValueError("broken")
sys.exit(int(sys.argv[1]))
"""


def run(folder: Path, command: str, *, own: bool = False, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command; `$JOB` runs the script in a warm interpreter, the shared one or its `own`."""
    (folder / "job.py").write_text(JOB)
    variables = {**os.environ, "COLOUR": "green", "JOB": f"{sys.executable} -SE {CLIENT} job.py", **environment}
    arguments = [*([sys.executable, SERVER, "--"] if own else []), "bash", "-c", command]
    variables |= {} if own else shared()
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
    done = run(  # which has less time than they wait
        tmp_path, "$JOB wait & $JOB wait & while ! [ -e waiting ]; do sleep 0.1; done; sleep 0.5; kill %1 %2; wait"
    )
    assert done.returncode == 0
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
    folder = tmp_path / "temporary"
    folder.mkdir()
    done = run(tmp_path, "$JOB 0; kill -9 $PPID", own=True, TMPDIR=str(folder))
    assert done.returncode == -signal.SIGKILL
    assert [path.name for path in folder.iterdir() if not path.name.startswith("torchinductor_")] == []  # torch's cache


def test_a_warm_interpreter_that_is_killed_is_named_once_and_done_without(tmp_path):
    """A job in a fork of it goes on; the next ones are processes of their own."""
    done = run(
        tmp_path,
        "$JOB wait & pid=$!; while ! [ -e waiting ]; do sleep 0.1; done; kill -9 $(pgrep -P $PPID | grep -vx $$);"
        " sleep 0.5; $JOB 3; echo $?; $JOB raise 2> trace.txt; echo $?; kill $pid; wait $pid; echo $?",
        own=True,
    )
    said = done.stderr.count("The warm interpreter has ended (killed by signal 9). The run goes on: each further job")
    assert said == 1 and done.returncode == 0
    fork, alone, code, *rest = done.stdout.splitlines()
    assert fork.endswith("__main__ True") and alone == f"said ['3'] {tmp_path} green __main__ False" and code == "3"
    assert rest[1:] == ["1", "75"] and "ValueError: broken" in (tmp_path / "trace.txt").read_text()
    assert (tmp_path / "stopped").exists()


def test_a_job_that_the_warm_interpreter_cannot_take_runs_alone(tmp_path):
    """Nobody answers to the name; or somebody does who then goes away."""
    (tmp_path / "job.py").write_text(JOB)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        name = f"videossl-test-{os.getpid()}"
        listener.bind("\0" + name)
        listener.listen()
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        for given in (name, f"{name}-nobody"):
            done = subprocess.run(
                [sys.executable, "-SE", CLIENT, "job.py", "3"],
                cwd=tmp_path, env={**os.environ, "COLOUR": "red", "VIDEOSSL_WARM": given},
                text=True, capture_output=True, timeout=60,
            )  # fmt: skip
            assert done.returncode == 3 and done.stdout == f"said ['3'] {tmp_path} red __main__ False\n", done.stderr


def test_everything_ends_with_the_process_beside_the_command(tmp_path):
    process, name = start(tmp_path, "$JOB wait; sleep 60")
    process.kill()
    until_gone(name)
    assert not running((tmp_path / "command").read_text().strip())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 137), (signal.SIGTERM, 143)], ids=["killed", "told"])
def test_the_command_is_killed_or_told_to_stop(tmp_path, number, code):
    """The exit code is that of a shell, and the forks' clients are missed by nobody."""
    process, name = start(tmp_path, "trap 'kill $!; exit 143' TERM; $JOB wait & wait")
    if number == signal.SIGKILL:
        os.kill(int((tmp_path / "command").read_text()), number)
    else:
        process.terminate()
    assert process.wait(timeout=60) == code
    until_gone(name)


def test_rules_start_their_scripts_through_the_client_where_there_is_a_warm_interpreter(workflow, monkeypatch):
    """And as processes of their own elsewhere; nothing else is put in the place of `python`."""
    for name, expected in (("", "python"), ("videossl-test", "python -SE workflow/warm/client.py")):
        monkeypatch.setenv("VIDEOSSL_WARM", name)
        told = workflow.run("-n", "-p", "--configfile", "config/smoke.yaml").stdout
        commands = re.findall(r"^ *Shell command: (?!None)(.+)", told, flags=re.MULTILINE)
        assert len(commands) > 50
        assert [command for command in commands if not command.startswith(f"{expected} workflow/scripts/")] == []


def start(folder: Path, command: str) -> tuple[subprocess.Popen[bytes], str]:
    """Start a command that starts a job beside a warm interpreter; returns when the job waits, with the command line
    by which all processes that are part of it are found."""
    name = f"job-{folder.name}-{os.getpid()}.py"
    (folder / name).write_text(
        f"from videossl.common.children import stop_with_controller\nstop_with_controller()\n{JOB}"
    )
    variables = {**os.environ, "COLOUR": "green", "JOB": f"{sys.executable} -SE {CLIENT} {name}"}
    arguments = [
        sys.executable,
        SERVER,
        "--",
        "bash",
        "-c",
        f": {name}; echo $$ > command; export VIDEOSSL_CONTROLLER=$({NAME}); {command}",
    ]
    process = subprocess.Popen(arguments, cwd=folder, env=variables, start_new_session=True)
    until = time.monotonic() + 60
    while not (folder / "waiting").exists():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    return process, name


NAME = (
    f"{sys.executable} -c 'import os; from videossl.common.process_name import name_of; print(name_of(os.getppid()))'"
)
"""A command that prints the name of the shell that runs it."""


def running(pattern: str) -> list[int]:
    """Processes whose command line, or id, is `pattern`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
            if (pattern in line or folder.name == pattern) and "Z" not in (folder / "stat").read_text().split()[2]:
                found.append(int(folder.name))
    return found


def until_gone(pattern: str) -> None:
    """Fails unless all processes of :func:`start` end within seconds."""
    until = time.monotonic() + 15
    while left := running(pattern):
        assert time.monotonic() < until, f"{left} are left"
        time.sleep(0.1)
