"""Runs a command whose jobs share one warm interpreter: `python workflow/warm/server.py -- snakemake ...`.

A study at reduced scale has many jobs of a few seconds each, and importing torch and the libraries takes two to three
seconds per process. This program imports them once, listens on a socket, and runs the command with VIDEOSSL_WARM set to
the name of the socket. The rules then start their scripts through `client.py`, which hands its arguments, folder,
environment and open files to a fork of this process and waits for the exit code. A job behaves as in its own process
and has the same results; nothing is scheduled or queued here. Every job runs in its own process if the variable is not
set, as on a cluster, or if this program has ended.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import secrets
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from client import FORWARDED, of_this_user

from videossl.common.children import end_with_parent, stop_this_process

WATCHED = {*FORWARDED, signal.SIGCHLD}
"""Signals that the supervising process waits for."""
SERVER_ENDED = (
    "The warm interpreter has ended ({}). The run goes on: each further job starts an interpreter of its own, which "
    "takes some seconds."
)

PRELOADED = (
    "videossl.common.torchvision_operators",
    "PIL.PngImagePlugin",
    "PIL.JpegImagePlugin",
    "av",
    "decord",
    "matplotlib.backends.backend_agg",
    "pandas",
    "pyarrow.parquet",
    "scipy.ndimage",
    "scipy.stats",
    "seaborn",
    "sklearn.linear_model",
    "torch._dynamo",
    "torch.utils.data",
    "videossl.evaluation.similarity",
    "videossl.data.materialise",
    "videossl.data.noisy",
    "videossl.data.synthetic",
    "videossl.evaluation.finetune",
    "videossl.evaluation.probe",
    "videossl.evaluation.retrieve",
    "videossl.evaluation.robustness",
    "videossl.report.make",
    "videossl.report.figures",
    "videossl.report.tables",
    "videossl.training.pretrain",
    "videossl.videolanguage.models.xclip",
    "videossl.evaluation.class_logits",
    "videossl.videolanguage.train",
    "videossl.evaluation.zero_shot",
)
"""Modules of the jobs, including those that they import on first use."""


def preload() -> None:
    """Import the modules that jobs use. They must not start threads, which a fork would lose.

    Imports on first use would take half of a short job's time: torch and matplotlib delay some imports, and creating an
    optimiser loads torch's compiler.
    """
    for module in PRELOADED:
        if module != "decord" or importlib.util.find_spec(module):  # not available on every platform
            importlib.import_module(module)


class Job(socketserver.BaseRequestHandler):
    """One job, in the forked process."""

    request: socket.socket

    def handle(self) -> None:
        """Run the job in this process: take over the client's files, folder and environment, and send the exit code."""
        self.server.socket.close()  # so that clients do not wait for this process after the warm interpreter has ended
        head, files, _, _ = socket.recv_fds(self.request, 8, 3)
        job = json.loads(self._receive(int.from_bytes(head, "big")))
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environment"])
        for number, handler in zip(
            FORWARDED, (signal.SIG_DFL, signal.default_int_handler, signal.SIG_DFL), strict=True
        ):
            signal.signal(number, handler)
        self.request.sendall(os.getpid().to_bytes(8, "big"))
        threading.Thread(target=self._stop_with_the_client, daemon=True).start()
        os.register_at_fork(after_in_child=self.request.close)  # the client waits until all copies are closed
        from videossl.training import ending  # imports torch: not before the command is started

        ending.tell = self._tell
        code = run_script(job["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        self._tell(code)

    def _tell(self, code: int) -> None:
        self.request.sendall(code.to_bytes(8, "big"))

    def _receive(self, size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            part = self.request.recv(size - len(parts))
            if not part:
                raise ConnectionError("the client went away before it had said what to run")
            parts += part
        return parts

    def _stop_with_the_client(self) -> None:
        """Stop the job if the client is killed, since a killed client cannot forward signals."""
        try:
            while self.request.recv(1):
                pass
        except OSError:
            return
        stop_this_process()


def run_script(arguments: list[str]) -> int:
    """Run a script as `python SCRIPT ARGUMENTS...` would; returns its exit code."""
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).resolve().parent)  # was the folder of this program
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, int) or end.code is None:
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks for every connection of the same user.

    Its address is an abstract Linux socket, a name without a file, which disappears with the process.
    """

    request_queue_size = 128
    max_children = 1024
    block_on_close = False

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the other end belongs to the same user."""
        return of_this_user(request)


def serve(server: Server, parent: int) -> NoReturn:
    """Answer requests until `parent`, the parent process, ends or kills this process."""
    end_with_parent(parent)
    for number in FORWARDED:  # Ctrl-C reaches all processes; the server must outlive the command
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    try:
        preload()
        server.serve_forever(poll_interval=0.2)  # the interval at which ended jobs are collected
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def main(arguments: list[str]) -> int:
    """Start the server, run the command next to it, and return the command's exit code."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    if not sys.platform.startswith("linux"):  # other systems lack abstract sockets: every job is its own process
        os.execvp(arguments[0], arguments)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    parent, name = os.getpid(), f"videossl-{secrets.token_hex(8)}"
    with Server("\0" + name, Job) as server:  # listens from now on; jobs wait until it answers
        process = os.fork()
        if process == 0:
            serve(server, parent)
    return supervise(start_command(arguments, name), process)


def start_command(arguments: list[str], name: str) -> int:
    """Start the command with the server's name in its environment; it ends with this process. Returns its id."""
    parent = os.getpid()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        end_with_parent(parent)

    return subprocess.Popen(arguments, env={**os.environ, "VIDEOSSL_WARM": name}, preexec_fn=prepare).pid


def supervise(command: int, server: int) -> int:
    """Wait for the command and return its exit code; signals are forwarded to it.

    Prints a warning once if the server ends earlier. The server ends with this process.
    """
    while True:
        signalled = signal.sigwaitinfo(WATCHED)
        if signalled.si_signo != signal.SIGCHLD:
            if signalled.si_code <= 0:  # sent by a process; signals of a terminal reach the command directly
                os.kill(command, signalled.si_signo)
            continue
        for process, status in ended_children():
            code = os.waitstatus_to_exitcode(status)
            if process == command:
                return code if code >= 0 else 128 - code
            if process == server:
                print(
                    SERVER_ENDED.format(f"killed by signal {-code}" if code < 0 else f"exit code {code}"),
                    file=sys.stderr,
                )


def ended_children() -> Iterator[tuple[int, int]]:
    """Process id and wait status of each child process that has ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]))
