"""State of a run, determined from its folder alone; works for runs on any machine. Imports no torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videossl.common.errors import UserError
from videossl.common.intact import read_json, unreadable
from videossl.common.progress import NOTE, NOTE_KEYS
from videossl.monitor.belief import OTHER, judge
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.availability import in_short
from videossl.study.study import Study
from videossl.training.failure import reason_of
from videossl.training.history import History
from videossl.training.record import read_run
from videossl.training.run_files import RECORD, problem_of_run

DONE, OUTDATED, RUNNING, STOPPED, FAILED, PENDING = STATES = (
    "done",
    "outdated",  # finished under another recipe than the configuration's: Snakemake will rerun it
    "running",
    "stopped",  # started, but shows no activity: the next run resumes from the checkpoint
    "failed",  # or not started, as a cell that it needs has failed
    "pending",
)
SILENT_SECONDS = 180.0
"""Age in seconds after which a run counts as inactive; 5 times the duration of a step is added.

Runs write a note every ten seconds or every step, whichever is longer. Network file systems can delay a change by up to
a minute.
"""


@dataclass(frozen=True)
class State:
    """The state of one cell."""

    name: str
    reason: str = ""
    """Reason why it failed or cannot be run on this machine, one line."""
    upstream: str = ""
    """Path of the failed cell, if it is another one."""
    epoch: int | None = None
    loss: float | None = None
    losses: tuple[float, ...] = ()
    """Mean training loss of each finished epoch."""
    doing: str = ""
    done: int = 0
    total: int | None = None
    seconds_left: float | None = None
    """Remaining time of the current loop."""
    where: str = ""
    """Machine and Slurm job."""


def states(study: Study, cells: Iterable[Cell]) -> dict[Cell, State]:
    """The states of `cells` and their dependencies, dependencies first."""
    found: dict[Cell, State] = {}
    beliefs = judge(study).of_cells
    for cell in study.with_dependencies(cells):
        state = state_of(study, cell)
        if state.name == DONE and beliefs.get(cell) == OTHER:
            state = State(OUTDATED)
        failed = next((need for need in study.dependencies(cell) if found[need].name == FAILED), None)
        if state.name == PENDING and failed is not None:
            state = State(FAILED, found[failed].reason, found[failed].upstream or failed.path)
        elif state.name == PENDING:
            state = State(PENDING, study.unavailable(cell))
        found[cell] = state
    return found


def cannot_be_run(study: Study, cells: Iterable[Cell]) -> dict[Cell, str]:
    """Reasons of the cells that are pending because they cannot be run here, among `cells` and those that they need."""
    concerned = [cell for cell in study.with_dependencies(cells) if study.unavailable(cell)]
    found = states(study, concerned) if concerned else {}
    return {cell: found[cell].reason for cell in concerned if found[cell].name == PENDING}


def in_words(state: State) -> str:
    """The state; of a cell that cannot be run here, with the reason in short."""
    return f"{PENDING}: {in_short(state.reason)}" if state.name == PENDING and state.reason else state.name


def failures(study: Study, cells: Iterable[Cell]) -> dict[str, str]:
    """Reasons of failure by run folder, for those of `cells` that failed or depend on a failed cell."""
    found = states(study, cells)
    return {
        f"{study.config.results_dir}/{cell.path}": described(found[cell])
        for cell in cells
        if found[cell].name == FAILED
    }


def described(state: State) -> str:
    """Reason of a failure, including the failed cell if it is another one."""
    return f"{state.upstream} failed: {state.reason}" if state.upstream else state.reason


def state_of(study: Study, cell: Cell) -> State:
    """The state of a cell, from its folder alone."""
    folder = Path(study.config.results_dir) / cell.path
    try:
        return _state_in(study, cell, folder)
    except OSError as error:  # no permission to read the folder, or a failing disk
        return State(FAILED, str(unreadable(error.filename or folder, error)))


def _state_in(study: Study, cell: Cell, folder: Path) -> State:
    if all((folder / name).exists() for name in stage(cell.stage).shown_files):
        if problem := problem_of_run(folder):
            return State(FAILED, problem)
        return State(DONE if _of_this_recipe(study, cell, folder) else OUTDATED)
    entries = History(folder).entries()
    losses = tuple(entry["loss"] for entry in entries if "loss" in entry)
    trained = {"epoch": entries[-1]["epoch"], "losses": losses} if entries else {}
    trained |= {"loss": losses[-1]} if losses else {}
    if note := _note(folder):
        return State(RUNNING, **trained, **note)
    if (folder / "FAILED").exists():
        return State(FAILED, reason_of(folder) or "no reason given", **trained)
    return State(STOPPED, **trained) if entries or (folder / "checkpoint.pt").exists() else State(PENDING)


def _of_this_recipe(study: Study, cell: Cell, folder: Path) -> bool:
    """Whether the recorded specification is the one that the configuration now asks for.

    Stages without run.json count as current.
    """
    if not (folder / RECORD).exists():
        return True
    return read_run(folder / RECORD)["recipe_hash"] == stage(cell.stage).spec(study, cell).hash


def _note(folder: Path) -> Mapping[str, Any]:
    """The latest note of the process that runs in `folder`; empty if the run is inactive."""
    path = folder / NOTE
    try:
        age = time.time() - path.stat().st_mtime
        note = read_json(path, NOTE_KEYS, "note of a run")
    except (OSError, UserError):
        return {}
    done, total, step = note["done"], note["total"], note["seconds"] / max(1, note["done"])
    if age > SILENT_SECONDS + 5 * step:
        return {}
    left = step * (total - done) if total and done else None
    where = note["host"] + (f", Slurm job {note['slurm_job']}" if note["slurm_job"] else "")
    return {"doing": note["what"], "done": done, "total": total, "seconds_left": left, "where": where}
