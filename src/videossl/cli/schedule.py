"""Prints a schedule, for `videossl plan --gpus N`."""

from __future__ import annotations

from videossl.cli.common import print_columns, say
from videossl.monitor.schedule import Schedule
from videossl.study.storage import files_of_run, run_bytes
from videossl.study.study import Study


def print_schedule(study: Study, schedule: Schedule, assumed: str) -> None:
    """Print when the whole is done and when each stage begins and ends; `assumed`: of the GPUs, in words."""
    if not schedule.jobs:
        return
    kind = f" ({assumed})" if assumed else ""
    print()
    say(f"On {schedule.gpus} GPUs{kind}:")
    say(
        f"{schedule.hours:,.1f} hours ({schedule.hours / 24:,.1f} days) from the first job to the last;"
        f" {schedule.gpu_hours:,.1f} GPU-hours, GPUs {schedule.busy:.0%} busy."
    )
    rows = [["stage", "jobs", "GPU-hours", "from hour", "to hour", "files", "GB"]]
    for stage in dict.fromkeys(job.cell.stage for job in schedule.jobs):
        jobs = schedule.of_stage(stage)
        hours = sum((job.end - job.start) * job.gpus for job in jobs)
        begin, end = min(job.start for job in jobs), max(job.end for job in jobs)
        size = sum(run_bytes(study, job.cell) for job in jobs) / 1e9
        files = len(jobs) * files_of_run(stage)
        rows.append(
            [stage, f"{len(jobs):,}", f"{hours:,.1f}", f"{begin:,.1f}", f"{end:,.1f}", f"{files:,}", f"{size:,.1f}"]
        )
    print_columns(rows, right=range(1, 7), head=True)
    say("Queues, failed jobs and the jobs that store videos are not in it. GB: of weights and states, roughly.")
