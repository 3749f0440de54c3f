"""Several processes of one training: the warning before a time limit reaches each of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WORKER = """
import os, signal, sys, time
from pathlib import Path

folder, rank = Path(sys.argv[1]), os.environ["RANK"]
warned = []
signal.signal(signal.SIGURG, lambda number, frame: warned.append(number))
(folder / f"ready{rank}").touch()
while not warned:
    time.sleep(0.05)
(folder / f"warned{rank}").touch()
"""


def wait_for(*paths: Path, process: subprocess.Popen[bytes]) -> None:
    while not all(path.exists() for path in paths):
        assert process.poll() in (None, 0), "the launcher ended"
        time.sleep(0.05)


def test_the_warning_reaches_every_process(repository, tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, repository / "workflow/scripts/processes.py", "--standalone", "--nproc-per-node", "2"]
    process = subprocess.Popen([*command, script, tmp_path], env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        wait_for(tmp_path / "ready0", tmp_path / "ready1", process=process)
        process.send_signal(signal.SIGURG)
        wait_for(tmp_path / "warned0", tmp_path / "warned1", process=process)
        assert process.wait() == 0
    finally:
        process.kill()
