"""Everything about GPUs that only a GPU can show, in at most nine minutes.

    python -m benchmarks.gpu_check --output DIR                 on a machine with a GPU
    python -m benchmarks.gpu_check --output DIR --device cpu    a rehearsal: the same code at the smallest sizes

Checks: a step of every task with R(2+1)D and ShuffleNet on the CPU and on the GPU, in float32 and bfloat16; a run that
resumes; two jobs on one card; a test with the CPU's predictions; speed against plain loops in IEEE float32 and TF32,
share of the card's measured matrix peak, waiting for data, launches, copies, memory. Writes gpu_check.json and
gpu_check.md into DIR after each check, so that what was found stays if the machine is taken away. Ends with 1 if
something is not as it should be, with 2 if there is no GPU.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_right, gpu_speed
from benchmarks.gpu_setting import Finding, Setting
from benchmarks.train_step import make_dataset
from videossl.common.files import write_json, write_text
from videossl.training.record import code_version, device_name

MINUTES = 9.0
SPARE = 30.0
"""Seconds before the end at which no check is begun any more."""
REHEARSAL = "**A rehearsal on a CPU: no number here says anything about a GPU.**"
Check = tuple[str, Callable[[], Iterator[Finding]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu: a rehearsal")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="some of the checks")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    arguments = parser.parse_args()
    start = time.monotonic()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(
            "There is no usable GPU here (torch.cuda.is_available() is false): nothing was checked. Run this on a"
            " machine with one GPU and torch's CUDA build, or with --device cpu to rehearse it.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    with tempfile.TemporaryDirectory() as name:
        findings = check(arguments, Path(name), start)
    print((arguments.output / "gpu_check.md").read_text())
    raise SystemExit(any(one.passed is False for one in findings))


def check(arguments: argparse.Namespace, folder: Path, start: float) -> list[Finding]:
    """Run the checks, in this order, as far as the time reaches; what was found is written after each case."""
    cores = len(os.sched_getaffinity(0))
    workers = 0 if arguments.device == "cpu" else max(1, cores - 1)
    setting = Setting(torch.device(arguments.device), folder, workers, 1, start + 60 * arguments.minutes)
    setting.device, _ = setting.compute().start()
    torch.set_num_threads(1 if setting.rehearsal else cores)  # for the CPU's side of the comparisons
    about = {
        "rehearsal": setting.rehearsal,
        "device": device_name(setting.device),
        "cores": cores,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "code": code_version(),
    }
    findings: list[Finding] = []
    data = make_dataset(folder / "data", setting.study, videos=16 if setting.rehearsal else 64)
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "steps": lambda: gpu_right.steps(setting),
        "resuming": lambda: gpu_right.resuming(setting, data),
        "tests": lambda: gpu_right.tests(setting, data),
        "jobs": lambda: gpu_right.two_jobs(setting),
        "speed": lambda: gpu_speed.speed(setting, data),
    }
    for name in arguments.only:
        for finding in found_by(name, checks[name], setting):
            findings.append(finding)
            print(line(finding), flush=True)
            write(arguments.output, about | {"seconds": round(time.monotonic() - start, 1)}, findings)
    return findings


NAMES = ("steps", "resuming", "tests", "jobs", "speed")


def found_by(name: str, function: Callable[[], Iterator[Finding]], setting: Setting) -> Iterator[Finding]:
    """What a check finds. An error is a finding too: the checks after it still run."""
    if setting.left < SPARE:
        yield Finding(name, "", None, {}, "not reached in the time given")
        return
    try:
        for finding in function():
            yield finding
            if setting.left < SPARE:
                yield Finding(name, "the rest", None, {}, "not reached in the time given")
                return
    except Exception as error:
        traceback.print_exc()
        yield Finding(
            name, "ended with an error", False, {}, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        )


def line(finding: Finding) -> str:
    """A row of the table."""
    verdict = {True: "yes", False: "**no**", None: "–"}[finding.passed]
    values = "; ".join(f"{name} {value:.4g}" for name, value in finding.values.items())
    return f"| {finding.check} | {finding.case} | {values} | {finding.wanted} | {verdict} |"


def write(output: Path, about: dict[str, Any], findings: list[Finding]) -> None:
    """gpu_check.json and gpu_check.md."""
    write_json(output / "gpu_check.json", {**about, "findings": [one.as_dict() for one in findings]})
    lines = ["# Checks on a GPU", "", *([REHEARSAL, ""] if about["rehearsal"] else [])]
    lines += [", ".join(f"{name} {value}" for name, value in about.items()) + ".", ""]
    lines += ["| check | case | found | wanted | as wanted |", "|---|---|---|---|---|", *map(line, findings)]
    write_text(output / "gpu_check.md", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
