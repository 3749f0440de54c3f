"""Snakemake's logger plugin `videossl`: progress in one line, failures with their reasons, and a short ending.

Snakemake finds plugins by their name among all packages that Python can import, so this package lies beside `videossl`.
Every Snakemake process imports it, jobs included: what the display needs is imported when a run begins.

An error in the display must not end a run. It is said once; after that only warnings and errors are shown.
"""

# No `from __future__ import annotations`: Snakemake reads the types of the settings below as types.
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

if TYPE_CHECKING:
    from videossl.monitor.watch.display import Display

EVERY_SECONDS = 30


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the command line and of profiles: --logger-videossl-plain, --logger-videossl-seconds."""

    plain: bool = field(default=False, metadata={"help": "Show Snakemake's own output instead."})
    seconds: int = field(
        default=EVERY_SECONDS,
        metadata={"help": "Seconds between two lines of progress where there is no terminal.", "type": int},
    )


class LogHandler(LogHandlerBase):
    """Hands Snakemake's log records to the display."""

    def __post_init__(self) -> None:
        self.display: Display | None = None
        self.broken = False
        if not self.writes_to_stream:
            return
        try:
            from videossl.monitor.watch import display

            seconds = getattr(self.settings, "seconds", None) or EVERY_SECONDS
            self.display = display.Display(sys.stderr, self.common_settings, seconds)
        except Exception as error:
            self._give_up(error)

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record."""
        if self.broken:
            self._say_plainly(record)
        elif self.display is not None:
            try:
                self.display.show(record)
            except Exception as error:
                self._give_up(error)
                self._say_plainly(record)

    def close(self) -> None:
        """Called after the last record, perhaps twice: print the ending, and leave the terminal as it was."""
        display, self.display = self.display, None
        if display is not None:
            try:
                display.close()
            except Exception as error:
                self._give_up(error)
        super().close()

    @property
    def writes_to_stream(self) -> bool:
        """False leaves the terminal to Snakemake's own handler: in dry runs, and when details are asked for."""
        asked = self.common_settings
        details = asked.dryrun or asked.verbose or asked.printshellcmds or asked.debug_dag
        return not (details or getattr(self.settings, "plain", False))

    @property
    def writes_to_file(self) -> bool:
        """Snakemake writes the full log."""
        return False

    @property
    def has_filter(self) -> bool:
        """The display chooses what to show."""
        return True

    @property
    def has_formatter(self) -> bool:
        """The display has its own words."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """It is not shown."""
        return False

    def _give_up(self, error: Exception) -> None:
        self.broken = True
        display, self.display = self.display, None
        with suppress(Exception):
            if display is not None:
                display.abandon()
        _write(
            f"The display of progress has ended ({type(error).__name__}: {error}). The run goes on; the full log is in "
            ".snakemake/log."
        )

    def _say_plainly(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and record.msg not in (None, "", "None"):
            _write(str(record.msg))


def _write(text: str) -> None:
    """To standard error, if it can be written; nobody reads it otherwise."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())
