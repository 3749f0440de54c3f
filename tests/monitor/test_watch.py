"""What a person sees while Snakemake runs: the logger plugin `videossl`, fed by real runs of a tiny workflow."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from fork_server import run_module
from terminal import in_terminal, left_standing, without_colours

from snakemake_logger_plugin_videossl import LogHandler, LogHandlerSettings
from videossl.monitor.watch.time_left import SHORT, TimeLeft
from videossl.monitor.watch.words import duration, job_name, percent, time_left

SNAKEFILE = """
rule all:
    input: expand("out/{variant}.txt", variant=config["names"])

rule pretrain:
    output: "out/{variant}.txt"
    log: "logs/{variant}.log"
    shell: "(sleep {config[sleep]}; case {wildcards.variant} in bad) echo 'error: the loss became nan'; exit 2;; esac)"
        " > {log} 2>&1; touch {output}"
"""
PLUGIN = ("--logger", "videossl", "--scheduler", "greedy", "--cores", "2")


def words(*names: str, sleep: float = 0) -> tuple[str, ...]:
    """The configuration of a run with these jobs."""
    return ("--config", f"names=[{','.join(names)}]", f"sleep={sleep}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    return tmp_path


@pytest.fixture
def environment(repository: Path, tmp_path: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "SNAKEMAKE_PROFILE")},
        "PYTHONPATH": str(repository / "src"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TERM": "xterm",
    }


def run(folder: Path, environment: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Exit code and output of Snakemake without a terminal."""
    done = run_module("snakemake", arguments, folder=folder, environment=environment, timeout=300)
    return done.returncode, done.stdout


def test_without_a_terminal_the_line_comes_now_and_then(folder, environment):
    code, text = run(folder, environment, *PLUGIN, "--logger-videossl-seconds", "1", *words("a", "b", "c", sleep=2))
    assert code == 0
    lines = text.splitlines()
    progress = [line for line in lines if line.startswith("[")]
    assert progress and all(
        re.fullmatch(r"\[\d/4\] \d+ %( · \d running: pretrain \w| · checking the planned jobs)?", line)
        for line in progress
    )
    assert "\x1b" not in text
    assert lines[-2].startswith("All 4 jobs done after ")
    log = folder / lines[-1].removeprefix("full log: ")
    assert "Select jobs to execute" in log.read_text() and "Select jobs" not in text


def test_a_failure_is_told_at_once_with_its_reason_and_again_in_the_end(folder, environment):
    code, text = run(folder, environment, *PLUGIN, "--keep-going", *words("bad", "b"))
    assert code == 1
    assert "Failed: pretrain bad\n  error: the loss became nan\n  log: logs/bad.log\n" in text
    assert re.search(r"Stopped after .*: 1 of 3 jobs done, 1 failed\.\nfull log: \.snakemake/log/", text)
    for noise in ("CalledProcessError", "Traceback", "Exiting because", "Select jobs", "Complete log"):
        assert noise not in text


def test_a_job_that_succeeds_at_its_second_attempt_has_not_failed(folder, environment):
    attempts = '    log: "logs/{variant}.log"\n    resources: attempt=lambda wildcards, attempt: attempt\n'
    changed = SNAKEFILE.replace('    log: "logs/{variant}.log"\n', attempts)
    # The second attempt begins at once; one that empties the log may do so before the reason of the first is read.
    changed = changed.replace(" > {log} ", " >> {log} ")
    changed = changed.replace("case {wildcards.variant} in bad)", "case {resources.attempt} in 1)")
    (folder / "Snakefile").write_text(changed)
    code, text = run(folder, environment, *PLUGIN, "--retries", "1", *words("a"))
    assert code == 0 and "Failed: pretrain a\n  error: the loss became nan" in text
    assert "Trying to restart job" in text and "All 2 jobs done after" in text


def in_a_terminal(folder, environment, *arguments, **settings):
    command = [sys.executable, "-m", "snakemake", *arguments]
    return in_terminal(command, folder=folder, environment=environment, **settings)


def test_in_a_terminal_one_line_lives_and_leaves(folder, environment):
    code, text = in_a_terminal(folder, environment, *PLUGIN, *words("a", "b", sleep=1), columns=30)
    assert code == 0 and "\x1b[2K" in text  # the line was erased and written again
    shown = [without_colours(part) for part in re.split(r"\r|\n|\x1b\[2K", text) if "running" in part]
    assert any("[0/3] 0 % · 2 running" in line for line in shown)
    assert all(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)) < 30 for line in shown)
    left = [line for line in left_standing(text) if line]
    assert left[0].startswith("All 3 jobs done after") and left[1].startswith("full log: ") and len(left) == 2
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l")  # the cursor is visible


def test_no_colours_where_none_are_wanted(folder, environment):
    _, text = in_a_terminal(folder, environment | {"NO_COLOR": "1"}, *PLUGIN, *words("bad"))
    assert "Failed: pretrain bad" in text and not re.search(r"\x1b\[3\dm", text)


def test_ctrl_c_is_no_failure(folder, environment):
    code, text = in_a_terminal(
        folder, environment, *PLUGIN, *words("a", "b", sleep=60), interrupt=lambda text: "2 running" in text
    )
    left = "\n".join(left_standing(text))
    assert code == 1 and re.search(r"Stopped after .*: 0 of 3 jobs done\.", left)
    assert "Terminating processes on user request" in left
    assert "Failed" not in left and "CalledProcessError" not in left


@pytest.mark.parametrize("details", [("--dry-run",), ("--logger-videossl-plain",)])
def test_dry_runs_and_plain_runs_are_snakemakes_own(folder, environment, details):
    def told(*arguments: str) -> list[str]:
        text = run(folder, environment, "--cores", "1", "--scheduler", "greedy", *arguments, *words("a"), "--forceall")[
            1
        ]
        volatile = r"^\[.*\]$|^ *(Date|Workflow ID|Command|Config MD5): .*$|^Elapsed time: .*$|^Complete log.*$"
        return re.sub(volatile, "", text, flags=re.MULTILINE).splitlines()

    own = [word for word in details if "logger" not in word]
    assert told("--logger", "videossl", *details) == told(*own)


def test_an_error_in_the_display_does_not_end_the_run(folder, environment):
    (folder / "broken/rich").mkdir(parents=True)
    (folder / "broken/rich/__init__.py").write_text("raise RuntimeError('no rich here')\n")
    environment["PYTHONPATH"] = f"{folder / 'broken'}{os.pathsep}{environment['PYTHONPATH']}"
    code, text = run(folder, environment, *PLUGIN, *words("a", "b"))
    assert code == 0 and (folder / "out/b.txt").exists()
    assert text.count("The display of progress has ended (RuntimeError: no rich here). The run goes on") == 1


def handler() -> LogHandler:
    asked = SimpleNamespace(
        dryrun=False, verbose=False, printshellcmds=False, debug_dag=False, nocolor=True, quiet=None
    )
    return LogHandler(asked, LogHandlerSettings())


def record(level: int, text: str, **values: object) -> logging.LogRecord:
    found = logging.LogRecord("snakemake", level, "", 0, text, None, None)
    found.__dict__.update(values)
    return found


def test_after_an_error_only_problems_are_told(capfd):
    one = handler()
    one.emit(record(logging.INFO, "x", event="job_finished"))  # a record without the number of the job
    one.emit(record(logging.INFO, "not told"))
    one.emit(record(logging.WARNING, "told"))
    one.close()
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and lines[0].startswith("The display of progress has ended (KeyError") and lines[1] == "told"


def test_time_left_is_that_of_finished_jobs_of_the_rule():
    rules = {1: "pretrain", 2: "pretrain", 3: "finetune", 4: "table"}
    left = TimeLeft(rules, {1: 98.0, 2: 48.0, 3: 8.0}, {})
    assert left.seconds({}, 0.0) == pytest.approx(100 + 50 + 10 + SHORT)  # nothing measured: as estimated
    left.finished(1, 200.0)  # twice as long as estimated
    assert left.seconds({}, 200.0) == pytest.approx(2 * (50 + 10 + SHORT))
    assert left.seconds({2: 60.0}, 260.0) == pytest.approx(2 * (50 + 10 + SHORT) - 60)
    left.finished(3, 5.0)  # finetunings are quicker than estimated
    expected_table = SHORT * 205 / 110
    assert left.seconds({}, 205.0) == pytest.approx(100 + expected_table)


def test_a_chain_is_not_shortened_by_more_machines():
    rules = dict.fromkeys(range(4), "pretrain")
    seconds = dict.fromkeys(range(4), 100.0 - SHORT)
    chain = TimeLeft(rules, seconds, {1: [0], 2: [1], 3: [2]})
    assert chain.seconds(dict.fromkeys(range(1), 0.0), 0.0) == pytest.approx(400)
    apart = TimeLeft(rules, seconds, {})
    assert apart.seconds(dict.fromkeys(range(4), 0.0), 0.0) == pytest.approx(400 / 3)  # not all will stay busy


def test_there_is_no_estimate_from_nothing():
    assert TimeLeft({1: "a"}, {}, {}).seconds({}, 0.0) is None
    assert TimeLeft({}, {}, {}).seconds({}, 0.0) is None


def test_words():
    wildcards = {"source": "k400", "subset": "50k", "variant": "rspnet", "backbone": "r2plus1d", "seed": "0"}
    assert job_name("pretrain", wildcards) == "pretrain rspnet r2plus1d"
    assert [duration(seconds) for seconds in (48, 1152, 11100, 187200)] == [
        "48 s", "19 min 12 s", "3 h 05 min", "2 days 4 h",
    ]  # fmt: skip
    assert [time_left(seconds) for seconds in (20, 660, 7200, 260000)] == [
        "less than a minute left", "11 min left", "2 h left", "3 days left",
    ]  # fmt: skip
    assert (percent(579, 580), percent(580, 580), percent(0, 0)) == ("99 %", "100 %", "")
