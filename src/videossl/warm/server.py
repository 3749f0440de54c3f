"""Runs a command whose jobs share a warm interpreter: `python -m videossl.warm.server -- COMMAND...`."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import runpy
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from videossl.warm.client import FORWARDED

PRELOADED = (
    "videossl.torchvision_operators",
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
    "videossl.analysis.similarity",
    "videossl.data.materialise",
    "videossl.data.noisy",
    "videossl.data.synthetic",
    "videossl.downstream.finetune",
    "videossl.downstream.probe",
    "videossl.downstream.retrieve",
    "videossl.downstream.robustness",
    "videossl.report.command",
    "videossl.report.figures",
    "videossl.report.tables",
    "videossl.training.pretrain",
    "videossl.vifm.models.xclip",
    "videossl.vifm.teach",
    "videossl.vifm.train",
    "videossl.vifm.zero_shot",
)
"""Modules of the jobs and those that they import at their first use."""


def preload() -> None:
    """Import what jobs import; none of it may start threads, which a fork would lose.

    Half of a short job's time would be the imports that torch and matplotlib put off until their first use: making an
    optimiser loads torch's compiler.
    """
    for module in PRELOADED:
        if module != "decord" or importlib.util.find_spec(module):  # it is not made for every machine
            importlib.import_module(module)


class Job(socketserver.BaseRequestHandler):
    """One job, in the forked process."""

    request: socket.socket

    def handle(self) -> None:
        """Become the job: take over the client's files, folder and environment, run the script, tell its exit code."""
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
        os.register_at_fork(after_in_child=self.request.close)  # the client waits until all that have it are gone
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
        """A client that was killed cannot forward a signal: its job is told to stop, as it would have been."""
        try:
            while self.request.recv(1):
                pass
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGTERM)


def run_script(arguments: list[str]) -> int:
    """Run a script as `python SCRIPT ARGUMENTS...` would; its exit code."""
    sys.argv = arguments
    sys.path.insert(0, str(Path(arguments[0]).resolve().parent))
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
    """Forks for every connection."""

    request_queue_size = 128
    max_children = 1024
    block_on_close = False


def serve(server: Server, alive: int) -> None:
    """Answer until the file `alive`, a pipe from the command's process, is closed."""
    preload()
    os.set_blocking(alive, False)
    server.timeout = 0.2
    while True:
        server.handle_request()
        server.service_actions()  # collects jobs that have ended
        try:
            if os.read(alive, 1) == b"":
                return
        except BlockingIOError:
            continue


def main(arguments: list[str]) -> int:
    """Start the server, run the command beside it, and return its exit code."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    read, write = os.pipe()
    with tempfile.TemporaryDirectory(prefix="videossl-") as folder:
        path = str(Path(folder) / "socket")
        with Server(path, Job) as server:  # listens from now on; jobs wait until it answers
            process = os.fork()
            if process == 0:
                os.close(write)
                for number in FORWARDED:  # Ctrl-C reaches all; the server goes when the command has ended
                    signal.signal(number, signal.SIG_IGN)
                serve(server, read)
                os._exit(0)
            os.close(read)
        try:
            return run_command(arguments, path)
        finally:
            os.close(write)
            os.waitpid(process, 0)


def run_command(arguments: list[str], path: str) -> int:
    """Run the command with the socket's path in its environment; signals go to it."""
    environment: dict[str, Any] = {**os.environ, "VIDEOSSL_WARM": path}
    command = subprocess.Popen(arguments, env=environment)
    for number in FORWARDED:
        signal.signal(number, lambda number, frame: command.send_signal(number))
    return command.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]))
