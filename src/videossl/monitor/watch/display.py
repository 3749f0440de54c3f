"""Writes a run's progress: one live line in a terminal, the same line now and then elsewhere, and what must be read."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text
from snakemake_interface_logger_plugins.common import LogEvent

from videossl.common.places import shown
from videossl.monitor.watch import notes
from videossl.monitor.watch.progress import Progress
from videossl.monitor.watch.words import count, duration

if TYPE_CHECKING:
    from snakemake_interface_logger_plugins.settings import OutputSettingsLoggerInterface

NOISE = (
    *("Assuming unrestricted shared filesystem usage.", "Building DAG of jobs...", "host: ", "Using shell: "),
    *("Config file ", "Conda environments: ignored", "Singularity containers: ignored"),
)
"""Messages of Snakemake before a run that help nobody; the full log has them."""
HEARD = ("Will exit after", "Terminating processes", "Trying to restart job", "Cancelling ", "Nothing to be done")
"""Messages of Snakemake that are shown during a run."""
SAID_BY_THE_ENDING = (
    *("Exiting because a job execution failed", "At least one job did not complete successfully"),
    "WorkflowError:\nAt least one job",
)
COMMAND_FAILED = "CalledProcessError in file"
"""In what Snakemake says of a failed command besides JOB_ERROR."""
STOPPED_BY_USER = "Terminating processes on user request"
FULL_LOG = "Complete log(s): "
REFRESH_SECONDS = 1.0


class Display:
    """Shows log records on `stream`. Safe to call from several threads.

    Args:
        asked: Snakemake's output options.
        seconds: time between two lines of progress where there is no terminal.
    """

    def __init__(self, stream: TextIO, asked: OutputSettingsLoggerInterface, seconds: float) -> None:
        quiet = {str(getattr(one, "name", one)).lower() for one in asked.quiet or ()}
        self.only_problems = "all" in quiet
        self.without_progress = self.only_problems or "progress" in quiet
        self.console = Console(file=stream, no_color=asked.nocolor or None, highlight=False, soft_wrap=True)
        self.seconds = seconds
        self.progress = Progress(time.monotonic)
        self.log = ""
        self.ending: list[str] = []
        self.live: Live | None = None
        self._written = 0.0
        self.interrupted = False
        self._has_run = False
        self._lock = threading.RLock()
        self._stop = threading.Event()

    def show(self, record: logging.LogRecord) -> None:
        """Take in a record, and write what a person should read."""
        with self._lock:
            self._take(record)

    def close(self) -> None:
        """Remove the live line and write the ending."""
        with self._lock:
            self.abandon()
            if self._has_run and not self.only_problems:
                self._end()

    def abandon(self) -> None:
        """Leave the terminal as it was."""
        self._stop.set()
        if self.live is not None:
            live, self.live = self.live, None
            live.stop()

    def _take(self, record: logging.LogRecord) -> None:
        note, event = notes.note_of(record), getattr(record, "event", None)
        if isinstance(note, notes.Beginning):
            self._begin(note, _text(record))
        elif isinstance(note, notes.Ending):
            self.ending.append(_text(record))
        elif event in _EVENTS:
            _EVENTS[event](self, record)
        elif _text(record).startswith(FULL_LOG):
            self.log = self.log or shown(_text(record).removeprefix(FULL_LOG))
        elif self._is_shown(record, note, event):
            self.interrupted |= _text(record).startswith(STOPPED_BY_USER)
            self._say(_text(record), record.levelno)

    def _is_shown(self, record: logging.LogRecord, note: notes.Note | None, event: LogEvent | None) -> bool:
        text = _text(record)
        if not text or (event is not None and event != LogEvent.ERROR) or text.startswith(SAID_BY_THE_ENDING):
            return False
        if self._has_run and COMMAND_FAILED in text:
            return False
        if record.levelno >= logging.WARNING:
            return True
        if self.only_problems or record.levelno < logging.INFO:
            return False
        if note is not None or text.startswith(HEARD):
            return True
        return not self._has_run and not text.startswith(NOISE)

    def _begin(self, note: notes.Beginning, text: str) -> None:
        self.progress.begin(note)
        self.log = note.log
        if not self.only_problems:
            log = f" Full log: {note.log}" if note.log else ""
            self._say(f"{text}\n{count(self.progress.total, 'job')} to run.{log}", logging.INFO)

    def _planned(self, record: logging.LogRecord) -> None:
        self._has_run = True
        self.progress.planned(record)
        if not self.without_progress and self.live is None:
            if self.console.is_terminal and not self.console.is_dumb_terminal:
                self.live = Live(console=self.console, get_renderable=self._line, auto_refresh=False, transient=True,
                                 redirect_stdout=False, redirect_stderr=False)  # fmt: skip
                self.live.start()
                self.console.show_cursor(True)  # a killed run would leave it hidden
            self._written = time.monotonic()
            threading.Thread(target=self._tick, daemon=True).start()

    def _resources(self, record: logging.LogRecord) -> None:
        self.progress.on_cluster |= record.__dict__.get("nodes") is not None

    def _job_began(self, record: logging.LogRecord) -> None:
        self.progress.job_began(record)
        self._refresh()

    def _job_finished(self, record: logging.LogRecord) -> None:
        self.progress.job_finished(record)

    def _counted(self, record: logging.LogRecord) -> None:
        self.progress.counted(record)
        self._refresh()

    def _job_failed(self, record: logging.LogRecord) -> None:
        if self.interrupted:  # jobs end because they were asked to
            return
        failure = self.progress.job_failed(record)
        self._say(f"Failed: {failure.name}", logging.ERROR)
        log = f"\n  log: {failure.log}" if failure.log else ""
        self._say("\n".join(f"  {line}" for line in failure.reason.splitlines()) + log, logging.INFO)

    def _nothing(self, record: logging.LogRecord) -> None:
        """Details that the full log has."""

    def _say(self, text: str, level: int) -> None:
        style = "red" if level >= logging.ERROR else "yellow" if level >= logging.WARNING else ""
        self.console.print(Text(text, style=style))

    def _line(self) -> Text:
        line = Text(self.progress.line(), overflow="ellipsis", no_wrap=True)
        line.truncate(max(10, self.console.width - 1), overflow="ellipsis")
        return line

    def _refresh(self) -> None:
        if self.live is not None:
            self.live.refresh()

    def _tick(self) -> None:
        """In a thread of its own: renew the line, as the time left changes without records."""
        while not self._stop.wait(min(REFRESH_SECONDS, self.seconds)):
            with self._lock:
                if self._stop.is_set():
                    return
                try:
                    self._write_line()
                except Exception:  # said by the next record, if it fails again
                    return

    def _write_line(self) -> None:
        if self.live is not None:
            self.live.refresh()
        elif time.monotonic() - self._written >= self.seconds:
            self._written = time.monotonic()
            self._say(self.progress.line(), logging.INFO)

    def _end(self) -> None:
        took = duration(self.progress.elapsed)
        done, total = self.progress.done, self.progress.total
        if self.progress.failed or done < total:
            level = logging.WARNING if self.interrupted and not self.progress.failed else logging.ERROR
            self._say(f"Stopped after {took}: {self.progress.summary()}.", level)
        else:
            self.console.print(Text(f"All {count(total, 'job')} done after {took}.", style="green"))
        for text in self.ending:
            self._say(text, logging.INFO)
        if self.log:
            self._say(f"full log: {self.log}", logging.INFO)


_EVENTS = {
    LogEvent.RUN_INFO: Display._planned,
    LogEvent.RESOURCES_INFO: Display._resources,
    LogEvent.JOB_INFO: Display._job_began,
    LogEvent.JOB_FINISHED: Display._job_finished,
    LogEvent.PROGRESS: Display._counted,
    LogEvent.JOB_ERROR: Display._job_failed,
    **dict.fromkeys(
        (LogEvent.WORKFLOW_STARTED, LogEvent.SHELLCMD, LogEvent.JOB_STARTED, LogEvent.GROUP_INFO, LogEvent.GROUP_ERROR,
         LogEvent.DEBUG_DAG, LogEvent.RULEGRAPH), Display._nothing
    ),
}  # fmt: skip
"""How each event is taken in. The jobs of a group have records of their own."""


def _text(record: logging.LogRecord) -> str:
    """The message; "" for records that have none, which Snakemake's queue turns into the word None."""
    text = str(record.msg).strip()
    return "" if text == "None" else text
