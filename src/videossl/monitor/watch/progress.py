"""What is known of a run from Snakemake's log records: its jobs, their times, and its failures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videossl.monitor.last_message import last_message
from videossl.monitor.watch.notes import Beginning
from videossl.monitor.watch.time_left import TimeLeft
from videossl.monitor.watch.words import count, job_name, percent, time_left


@dataclass
class Running:
    """A job that has begun, or was handed to a cluster."""

    rule: str
    name: str
    began: float


@dataclass(frozen=True)
class Failure:
    """A failed attempt of a job."""

    name: str
    reason: str
    log: str


class Progress:
    """The state of a run, from its records.

    Args:
        clock: seconds, as `time.monotonic`.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.created = clock()
        self.first_job: float | None = None
        self.done = 0
        self.total = 0
        self.on_cluster = False
        self.running: dict[int, Running] = {}
        self.failed: dict[int, Failure] = {}
        """Jobs whose last attempt failed."""
        self._estimate = TimeLeft({}, {}, {})

    @property
    def elapsed(self) -> float:
        """Seconds since Snakemake was started."""
        return self.clock() - self.created

    def begin(self, note: Beginning) -> None:
        """What the workflow says before its first job."""
        self._estimate = TimeLeft(note.rules, note.seconds, note.needs)

    def planned(self, record: logging.LogRecord) -> None:
        """RUN_INFO: how many jobs there are."""
        self.total = int(record.__dict__.get("stats", {}).get("total", 0))

    def job_began(self, record: logging.LogRecord) -> None:
        """JOB_INFO: a job begins or, on a cluster, is submitted."""
        now = self.clock()
        self.first_job = now if self.first_job is None else self.first_job
        given = record.__dict__
        number, rule = int(given["jobid"]), str(given["rule_name"])
        self.running[number] = Running(rule, job_name(rule, given.get("wildcards") or {}), now)

    def job_finished(self, record: logging.LogRecord) -> None:
        """JOB_FINISHED."""
        number = int(record.__dict__["job_id"])
        self.failed.pop(number, None)
        if job := self.running.pop(number, None):
            self._estimate.finished(number, self.clock() - job.began)

    def counted(self, record: logging.LogRecord) -> None:
        """PROGRESS: Snakemake's count of jobs."""
        self.done, self.total = int(record.__dict__["done"]), int(record.__dict__["total"])

    def job_failed(self, record: logging.LogRecord) -> Failure:
        """JOB_ERROR: an attempt of a job has failed."""
        given = record.__dict__
        number, rule = int(given["jobid"]), str(given["rule_name"])
        job = self.running.pop(number, None)
        logs = [Path(path) for path in given.get("log") or []]
        read = next((path for path in logs if path.is_file()), None)
        failure = Failure(
            job.name if job else rule.replace("_", " "),
            (last_message(read) if read else "") or "ended without a message",
            ", ".join(map(str, logs)),
        )
        self.failed[number] = failure
        return failure

    def seconds_left(self) -> float | None:
        """The estimate; None before there is anything to tell it from."""
        if self.first_job is None:
            return None
        now = self.clock()
        running = {number: now - job.began for number, job in self.running.items()}
        return self._estimate.seconds(running, now - self.first_job)

    def line(self) -> str:
        """For example "[312/580] 54 % · 2 running: pretrain rspnet r2plus1d, … · 11 min left"."""
        parts = [f"[{self.done}/{self.total}] {percent(self.done, self.total)}".strip()]
        if self.first_job is None:
            return f"{parts[0]} · checking the planned jobs"
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        if self.running:
            verb = "submitted" if self.on_cluster else "running"
            oldest = min(self.running.values(), key=lambda job: job.began)
            parts.append(f"{len(self.running)} {verb}: {oldest.name}")
        left = self.seconds_left()
        if left is not None:
            parts.append(time_left(left))
        return " · ".join(parts)

    def summary(self) -> str:
        """How far the run has come."""
        done = f"{self.done:,} of {count(self.total, 'job')} done"
        return done + (f", {len(self.failed)} failed" if self.failed else "")
