"""Where `make demo` spends its time: from what Snakemake and the jobs of a finished one have recorded.

python -m benchmarks.demo_time                 after a whole `make demo`: writes its section of docs/performance.md

A job's time is that of the clock, from its start by Snakemake to its end. As many run as there are cores, one thread
each, so their sum divided by the cores is their share of the whole.
"""

from __future__ import annotations

import argparse
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.run import DOCUMENT, processor, with_section
from benchmarks.settings import REPOSITORY
from videossl.common.files import write_text
from videossl.stages.registry import stages

NAME = "demo_time"
BEFORE = {
    "making the stand-in videos": ("generate_videos",),
    "decoding videos into frame stores": (
        "listing",
        "store_shard",
        "store_train_shard",
        "manifest",
        "subset",
        "sample",
    ),
    "noise, into frame stores": ("noisy_shard", "noiseless_shard", "noisy_manifests"),
}
"""Rules that prepare data, by heading."""
AFTER = {"tables, figures, claims, report": ("table", "figure", "claims", "metrics", "report")}
"""Rules that render results."""
LONGEST_PAUSE = 30.0
"""Seconds without any job after which what came before was another run."""


@dataclass
class Job:
    """One job as Snakemake has recorded it."""

    rule: str
    start: float
    end: float
    outputs: list[Path] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return self.end - self.start


def rules_by_heading() -> dict[str, tuple[str, ...]]:
    """All rules by the heading under which their time is summed up; trainings on all devices before other stages."""
    found: dict[str, tuple[str, ...]] = {}
    for one in sorted(stages(), key=lambda one: (one.runs_on != "all devices", one.kind_of_time)):
        found[one.kind_of_time] = (*found.get(one.kind_of_time, ()), one.name)
    return {**BEFORE, **found, **AFTER}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=REPOSITORY, help="the copy in which `make demo` was run")
    parser.add_argument("--cores", type=int, default=2, help="the jobs that ran side by side")
    arguments = parser.parse_args()
    text = section(arguments.folder, arguments.cores)
    print(text)
    write_text(DOCUMENT, with_section(DOCUMENT.read_text(), NAME, text))


def section(folder: Path, cores: int) -> str:
    """The text of the section of docs/performance.md."""
    jobs = read_jobs(folder)
    whole = max(job.end for job in jobs) - min(job.start for job in jobs)
    lines = ["| | jobs | s | share |", "|---|---:|---:|---:|"]
    headings = rules_by_heading()
    for name, rules in headings.items():
        own = [job for job in jobs if job.rule in rules]
        lines.append(_line(name, len(own), sum(job.seconds for job in own) / cores, whole))
    unknown = {job.rule for job in jobs} - {rule for rules in headings.values() for rule in rules}
    if unknown:
        raise SystemExit(f"rules that belong to no heading of benchmarks/demo_time.py: {', '.join(sorted(unknown))}")
    busy = sum(job.seconds for job in jobs) / cores
    lines += [
        _line("Snakemake, and cores without a job", 0, whole - busy, whole),
        _line("**first job to last**", len(jobs), whole, whole),
        "",
        f"Seconds of the clock on {cores} cores ({processor()}). {_installing(folder)}",
        _within(folder, jobs),
    ]
    return "\n".join(lines)


def _line(name: str, jobs: int, seconds: float, whole: float) -> str:
    return f"| {name} | {jobs or ''} | {seconds:.0f} | {seconds / whole:.0%} |"


def read_jobs(folder: Path) -> list[Job]:
    """All jobs of the last run in `folder`. Snakemake keeps a record of each output."""
    jobs: dict[tuple[str, str], Job] = {}
    for path in (folder / ".snakemake/metadata").iterdir():
        record = json.loads(path.read_text())
        if not record["rule"] or not record["endtime"]:
            continue
        output = folder / urlsafe_b64decode(path.name).decode()
        key = (record["rule"], record["shellcmd"])
        job = jobs.setdefault(key, Job(record["rule"], record["starttime"], record["endtime"]))
        job.start, job.end = min(job.start, record["starttime"]), max(job.end, record["endtime"])
        job.outputs.append(output)
    if not jobs:
        raise SystemExit(f"{folder}/.snakemake has no record of a run: `make demo` first.")
    last: list[Job] = []
    for job in sorted(jobs.values(), key=lambda job: job.end, reverse=True):
        if last and min(other.start for other in last) - job.end > LONGEST_PAUSE:
            break
        last.append(job)
    return last


def _installing(folder: Path) -> str:
    begun, done = folder / ".venv/pyvenv.cfg", folder / ".venv/.installed"
    if not done.exists() or begun.is_symlink():
        return "Installing is not in it."
    return f"Installing took {done.stat().st_mtime - begun.stat().st_mtime:.0f} s before that."


def _within(folder: Path, jobs: list[Job]) -> str:
    """What the time of training jobs consists of, as far as the jobs have recorded it."""
    parts = {"whole": 0.0, "work": 0.0, "epochs": 0.0}
    for job in jobs:
        runs = [path for path in job.outputs if path.name == "run.json"]
        if job.rule not in ("finetune", "distill") or not runs:
            continue
        history = (runs[0].parent / "train.jsonl").read_text().splitlines()
        parts["whole"] += job.seconds
        parts["work"] += json.loads(runs[0].read_text())["wall_seconds"]
        parts["epochs"] += json.loads(history[-1])["seconds"]
    shares = [parts["epochs"], parts["work"] - parts["epochs"], parts["whole"] - parts["work"]]
    training, testing, starting = (f"{seconds / parts['whole']:.0%}" for seconds in shares)
    return (
        f"Of the time of finetuning and distillation {training} is training (for how much of it a step waits for clips:"
        f" *Training steps*), {testing} testing and writing, {starting} starting and ending the process."
    )


if __name__ == "__main__":
    main()
