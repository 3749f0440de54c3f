"""Signals: a run that is asked to stop leaves a checkpoint, and says so by its exit code."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from pathlib import Path

import pytest
from runs import assert_same_run, start, stopped_in_mid_epoch, train, wait_for
from tiny import make_study

from videossl.common.errors import Interrupted
from videossl.training.checkpoint import load_torch
from videossl.training.interrupt import EXIT_INTERRUPTED, Signals
from videossl.training.run_folder import exclusive

LONG = {"epochs": 300, "stop": 300}  # enough for any signal to come in time


def test_sigterm_to_all_processes_of_a_run_stops_it_with_a_checkpoint(source, tmp_path):
    """As a cluster's scheduler and a terminal's Ctrl-C send it: loader workers get it too."""
    process = start(make_study(tmp_path / "study"), "rspnet", source, tmp_path / "run", workers=2, **LONG)
    wait_for(process, (tmp_path / "run" / "train.jsonl").exists)
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED == 75, output
    assert "stopped by a signal; the checkpoint is written" in output and "Traceback" not in output
    assert 1 <= load_torch(tmp_path / "run" / "checkpoint.pt")["epoch"] < LONG["stop"]
    assert not (tmp_path / "run" / "weights.pt").exists() and not list((tmp_path / "run").glob(".*.tmp"))


@pytest.mark.usefixtures("own_signals")
def test_stopped_and_started_again(source, tmp_path, capsys):
    study, run = make_study(tmp_path / "study"), tmp_path / "run"
    process = start(study, "rspnet", source, run)
    wait_for(process, stopped_in_mid_epoch(process, run))
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED, output
    done = load_torch(run / "checkpoint.pt")
    train(study, "rspnet", source, run)
    assert f"resumed at epoch {done['epoch']}, step {done['step_in_epoch']}" in capsys.readouterr().out
    assert_same_run(run, train(study, "rspnet", source, tmp_path / "straight"))


@pytest.mark.usefixtures("own_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_noted(number):
    signals = Signals().install()
    assert not signals.stop and not signals.save
    os.kill(os.getpid(), signal.SIGURG)
    assert signals.save and not signals.stop
    os.kill(os.getpid(), number)
    assert signals.stop


def test_a_run_folder_is_for_one_process_at_a_time(tmp_path: Path, monkeypatch, capsys):
    folder, signals = tmp_path / "run", Signals()
    monkeypatch.setattr("videossl.training.run_folder.LOOK_SECONDS", 0.01)
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            handle.close()  # the other process ends

    monkeypatch.setattr("videossl.training.run_folder.time.sleep", sleep)
    folder.mkdir()
    handle = (folder / ".lock").open("w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    with exclusive(folder, signals):
        assert looks == [0.01] * 3
        assert capsys.readouterr().out == f"another process is training in {folder}; waiting for it to end\n"
        signals.stop = True
        with pytest.raises(Interrupted), exclusive(folder, signals):  # a second handle: another holder
            pass
    signals.stop = False
    with exclusive(folder, signals):  # released
        pass


def test_a_file_system_without_locks_does_not_stop_a_run(tmp_path: Path, monkeypatch, capsys):
    def flock(handle, operation):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("videossl.training.run_folder.fcntl.flock", flock)
    with exclusive(tmp_path / "run", Signals()):
        assert "no locks on this file system (Function not implemented)" in capsys.readouterr().out
