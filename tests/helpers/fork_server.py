"""Runs Python modules in forks of a process that has imported Snakemake and the other libraries: seconds saved a run.

A program and its client. The program reads one request a line, a JSON object, and answers each with two lines: the id
of the process, and its exit code. It has imported nothing of this project but the modules that it is given, so that
each run has the code that is first on its PYTHONPATH, as a process of its own has.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

PRELOADED = (
    *("snakemake.cli", "snakemake.report.html_reporter", "snakemake.scheduling.milp", "snakemake.scheduling.greedy"),
    *("snakemake.profiles", "snakemake.storage", "smart_open", "simplejpeg", "pyarrow.pandas_compat"),
    *("snakemake_executor_plugin_slurm", "snakemake.executors.local", "snakemake.executors.dryrun"),
    *("matplotlib.figure", "numpy", "pandas", "psutil", "pyarrow.parquet", "pydantic", "scipy.stats", "xxhash", "yaml"),
)


def run_module(
    module: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """As `python -m MODULE ARGUMENTS...` in `folder`; stdout and stderr come together as `stdout`."""
    with tempfile.TemporaryFile("w+") as output:
        place = Path(f"/proc/{os.getpid()}/fd/{output.fileno()}")
        run = _shared().start(module, arguments, folder=folder, environment=environment, output=place)
        late = threading.Timer(timeout, os.kill, (run.pid, signal.SIGKILL))
        late.start()
        try:
            code = run.wait()
        finally:
            late.cancel()
        output.seek(0)
        return subprocess.CompletedProcess([module, *arguments], code, output.read())


class ForkServer:
    """The program, running, for one run at a time; it ends with this process, as its standard input does.

    `modules`: what it imports besides; its own environment decides where from.
    """

    def __init__(self, environment: Mapping[str, str], modules: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, *modules],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        atexit.register(self.process.kill)

    def start(
        self, module: str, arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Path
    ) -> Run:
        """Start `python -m MODULE ARGUMENTS...` in `folder`; it adds what it prints to the file `output`."""
        request = {"module": module, "arguments": list(map(str, arguments)), "folder": str(folder)}
        request |= {"environment": dict(environment), "output": str(output)}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        return Run(int(self.process.stdout.readline()), self.process.stdout)


@dataclass
class Run:
    """A run that was started."""

    pid: int
    answers: IO[bytes]
    code: int | None = None

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        if self.code is None and select.select([self.answers], [], [], 0)[0]:
            self.wait()
        return self.code

    def wait(self) -> int:
        """The exit code, when it has ended."""
        if self.code is None:
            self.code = int(self.answers.readline())
        return self.code


@cache
def _shared() -> ForkServer:
    """One without anything of this project, so that each run has the code on its own PYTHONPATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return ForkServer(environment | {"OMP_NUM_THREADS": "1"})


def serve() -> None:
    for name in (*PRELOADED, *sys.argv[1:]):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:  # another version of Snakemake has it elsewhere: the run imports it
            continue
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            become(json.loads(line))
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


def become(request: dict) -> NoReturn:
    """Be the process that was asked for."""
    nothing, output = os.open(os.devnull, os.O_RDONLY), os.open(request["output"], os.O_WRONLY | os.O_APPEND)
    for number, file in enumerate((nothing, output, output)):
        os.dup2(file, number)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[0:1] = [request["folder"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv[1:] = request["arguments"]
    code = 0
    try:
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
