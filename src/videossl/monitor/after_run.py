"""Messages after the last job: failures and their reasons, result locations, and partial tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from videossl.common.errors import UserError
from videossl.data.provenance import record_of
from videossl.monitor import partial
from videossl.monitor.last_message import last_message
from videossl.report.headlines import headlines
from videossl.study.study import Study

RENDERING = ("table", "claims", "figure", "metrics", "report")
"""The rules that render results."""


@dataclass(frozen=True)
class RuleJob:
    """A job as given by Snakemake."""

    rule: str
    wildcards: Mapping[str, str]
    outputs: tuple[Path, ...]
    logs: tuple[Path, ...]

    @property
    def rendered(self) -> str:
        """Name of the table, figure or page that the job makes; "" if it makes none."""
        if self.rule in ("table", "figure"):
            return self.wildcards[self.rule]
        return self.rule if self.rule in ("claims", "report") else ""


def failures(jobs: Iterable[RuleJob], since: float) -> list[str]:
    """The last message of each failed job, with its log. since: start of the run, as a Unix timestamp in seconds."""
    lines = []
    for job in jobs:
        for log in job.logs:
            if log.exists() and log.stat().st_mtime >= since and not all(path.exists() for path in job.outputs):
                wildcards = ", ".join(f"{key} {value}" for key, value in job.wildcards.items())
                named = f"{job.rule} ({wildcards})" if wildcards else job.rule
                lines.append(f"{named}\n  {last_message(log) or 'ended without a message'}\n  log: {log}")
    return lines


def render_partial(study: Study, jobs: Iterable[RuleJob], tell: Callable[[str], None]) -> str:
    """After a failure: render the requested tables and figures that are missing, from the available results.

    They do not count as targets, so the next run makes the complete ones. Returns a message for the user.
    """
    try:
        made = partial.render(partial.asked(study, [job.rendered for job in jobs if job.rendered]), tell)
    except (UserError, OSError) as error:
        tell(f"No partial tables and figures: {error}")
        return ""
    except KeyboardInterrupt:
        tell("Partial tables and figures: stopped.")
        return ""
    if not made:
        return ""
    return (
        f"INCOMPLETE tables and figures, from what is there, with what is pending or failed, are in"
        f" {study.results}/partial"
        f" until the complete ones are made: {', '.join(map(str, made))}"
    )


def damaged_inputs(jobs: Iterable[RuleJob]) -> str:
    """Warning if tables or figures were made without damaged runs; "" otherwise."""
    shown = [job.outputs[0] for job in jobs if job.rule in RENDERING]
    without = sorted(str(path) for path in shown if not record_of(path).exists())
    if not without:
        return ""
    return (
        "Files of some runs are damaged; made without those runs, and made again by each run until they are whole: "
        f"{', '.join(without)}. `videossl verify` names the damaged files, and the commands that make them anew."
    )


def ending(study: Study) -> str:
    """The last lines of a run that was successful: numbers to read first, and the paths of the results. They are fewer
    if only a table or data was requested."""
    lines = []
    try:
        lines = headlines(study)
    except Exception as error:  # the run is done; nothing about its summary may make it fail
        return f"{_paths(study)}\n(no summary of the numbers: {type(error).__name__}: {error})"
    if lines:
        note = f"; {study.config.scale.note}" if study.config.scale.reduced and study.config.scale.note else ""
        head = f"Best task minus no pretraining, accuracy in points with 95 % interval{note}:"
        lines = [head, *(f"  {line}" for line in lines)]
    return "\n".join([*lines, _paths(study)])


def _paths(study: Study) -> str:
    places = {
        "tables": study.results / "tables",
        "figures": study.results / "figures",
        "report": study.results / "report.html",
    }
    found = [f"{what + ':':<9}{path}" for what, path in places.items() if path.exists()]
    return "\n".join(found) or f"results: {study.results}"


def announcement(study: Study) -> str:
    """Summary of what is about to run."""
    scale = study.config.scale
    return (
        f"videossl: scale '{scale.name}'{f' ({scale.note})' if scale.note else ''}; "
        f"{len(study.entries)} tables and figures from {len(study.pretraining)} pretraining and "
        f"{len(study.evaluations)} evaluation cells; results in {study.results}/"
    )
