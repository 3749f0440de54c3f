"""`videossl status`: the state of every cell: done, running (epoch, loss, time left), failed (reason, log) or pending.

Reads only the run folders, so it works while a cluster runs, and on a machine without Slurm.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from videossl.cli.common import entries_named, print_columns, print_records, say, study_of
from videossl.cli.parsing import add_format
from videossl.common.progress import clock
from videossl.monitor import partial
from videossl.monitor.run_state import (
    DONE,
    FAILED,
    OUTDATED,
    PENDING,
    RUNNING,
    STATES,
    STOPPED,
    State,
    described,
    in_words,
    states,
)
from videossl.stages import registry
from videossl.stages.cells import Cell
from videossl.study.study import Study

EXAMPLES = (
    ("videossl status", "how far the tables and figures are, then what runs and what failed"),
    ("videossl status subset_size", "one table, with a matrix of its cells"),
    ("videossl status --format json", "one record a cell"),
)
SIGNS = {DONE: "✓", OUTDATED: "~", RUNNING: "▶", STOPPED: "‖", FAILED: "✗", PENDING: "·"}
BARS = "▁▂▃▄▅▆▇█"
ALL_DONE, NOTHING_BEGUN = "all done", "nothing begun"
MANY = 6
"""Number of entries from which on those of which all is done, or nothing is begun, are only named."""
CURVE = 20
"""Largest number of characters of a curve."""
ROWS = ("task", "backbone", "source", "subset", "seed", "teachers", "against", "labels")
"""Row axes of a matrix of cells; milestones and targets are its columns."""
COLUMNS = (
    *("stage", "task", "complexity", "backbone", "source", "subset", "epochs", "target", "teachers", "against"),
    *("labels", "seed"),
    *("path", "state", "reason", "failed_cell", "epoch", "loss", "doing", "seconds_left", "where", "log"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.add_argument("entries", nargs="*", help="tables and figures whose cells are shown; none: totals of all")
    parser.add_argument("--each", action="store_true", help="a line for every table and figure, also without entries")
    parser.add_argument("--cells", action="store_true", help="show the matrix of cells even without entries")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the state of the study."""
    study = study_of(arguments)
    entries = entries_named(study, arguments.entries)
    found = states(study, [cell for name in entries for cell in study.cells_of[name]])
    if arguments.format != "table":
        print_records([_record(study, cell, state) for cell, state in found.items()], COLUMNS, arguments.format)
        return 0
    print_header(study, entries, found)
    print_entries(study, entries, found, each=bool(arguments.entries) or arguments.each)
    if arguments.entries or arguments.cells:
        print_matrices(found)
    print_stages(found)
    print_details(study, found)
    if shown := partial.shown(study):
        print()
        say(
            f"INCOMPLETE, of the last run that failed: {', '.join(map(str, shown))}. "
            "The same command makes the complete ones."
        )
    return 0


def print_header(study: Study, entries: Sequence[str], found: Mapping[Cell, State]) -> None:
    """Print what is shown, and how far all of it is."""
    scale = study.config.scale
    note = f" ({scale.note})" if scale.note else ""
    counts = Counter(state.name for state in found.values())
    done = f"{counts[DONE]:,} of {counts.total():,} cells done"
    share = f" ({100 * counts[DONE] // counts.total()} %)" if counts else ""
    others = "".join(f" · {counts[name]:,} {name}" for name in STATES if name != DONE and counts[name])
    say(f"Scale {scale.name}{note}; results in {study.results}")
    say(f"Tables and figures: {len(entries)} · {done}{share}{others}")
    print()


def print_entries(study: Study, entries: Sequence[str], found: Mapping[Cell, State], *, each: bool) -> None:
    """Print one line per entry: how many of the cells that it shows, and of those that they need, are in which state.

    each: also for those of which all is done or nothing is begun; otherwise these are only named if they are many.
    """
    counts = {
        name: Counter(in_words(found[cell]) for cell in study.with_dependencies(study.cells_of[name]))
        for name in entries
    }
    named = {name: f"{study.entries[name].kind}_{name}" for name in entries}
    folded = {} if each else _alike(counts)
    listed = [name for name in entries if not any(name in names for names in folded.values())]
    if listed:
        rows = [[named[name], *_line(counts[name])] for name in listed]
        print_columns([["table or figure", "done", "cells, with those that they need"], *rows], head=True)
    for words, names in folded.items():
        say(f"{words} ({len(names)}): {', '.join(named[name] for name in names)}", below="  ")


def _alike(counts: Mapping[str, Counter[str]]) -> dict[str, list[str]]:
    """Entries of which all is done or nothing is begun, in words, if they are many."""
    found: dict[str, list[str]] = {ALL_DONE: [], NOTHING_BEGUN: []}
    for name, found_in in counts.items():
        if set(found_in) == {DONE}:
            found[ALL_DONE].append(name)
        elif set(found_in) == {PENDING}:
            found[NOTHING_BEGUN].append(name)
    return {words: names for words, names in found.items() if len(names) >= MANY}


def _line(counts: Counter[str]) -> list[str]:
    """A bar, and the number of cells in each state."""
    total = counts.total()
    words = sorted(counts, key=lambda word: STATES.index(word.partition(":")[0]))
    said = ", ".join(f"{counts[word]} {word}" for word in words)
    bar = "█" * (10 * counts[DONE] // total) if total else ""
    return [bar.ljust(10, "░"), said or "has no cells, it shows videos"]


def print_stages(found: Mapping[Cell, State]) -> None:
    """Print the counts per stage."""
    stages = list(dict.fromkeys(cell.stage for cell in found))
    counts = {stage: Counter(state.name for cell, state in found.items() if cell.stage == stage) for stage in stages}
    used = [name for name in STATES if any(counts[stage][name] for stage in stages)]
    rows = [[stage, *(str(counts[stage][name]) for name in used)] for stage in stages]
    if rows:
        print()
        print_columns([["stage", *used], *rows], right=range(1, len(used) + 1), head=True)


def print_matrices(found: Mapping[Cell, State]) -> None:
    """Print a matrix per stage with one sign per cell."""
    print("\n" + "  ".join(f"{sign} {name}" for name, sign in SIGNS.items()))
    for stage in dict.fromkeys(cell.stage for cell in found):
        cells = [cell for cell in found if cell.stage == stage]
        across = sorted({_across(cell) for cell in cells})
        down = dict.fromkeys(_down(cell) for cell in cells)
        signs = {(_down(cell), _across(cell)): SIGNS[found[cell].name] for cell in cells}
        kept = [n for n in range(len(ROWS)) if len({row[n] for row in down}) > 1 or ROWS[n] in ("task", "backbone")]
        head = [*(ROWS[n] for n in kept), *(" ".join(" ".join(column).split()) for column in across)]
        body = [[*(row[n] for n in kept), *(signs.get((row, column), "") for column in across)] for row in down]
        print(f"\n{stage}")
        print_columns([head, *body], indent="  ", head=True)


def _down(cell: Cell) -> tuple[str, ...]:
    return tuple(str(cell.variant if axis == "task" else getattr(cell, axis)) for axis in ROWS)


def _across(cell: Cell) -> tuple[str, str]:
    return cell.target, f"{cell.epochs:>4}" if cell.epochs else ""


def print_details(study: Study, found: Mapping[Cell, State]) -> None:
    """Print running, stopped and failed cells, and the cells that failures block."""
    for name in (RUNNING, STOPPED):
        cells = [cell for cell, state in found.items() if state.name == name]
        if cells:
            print(f"\n{name}" + (": no sign of life; the next run resumes from the checkpoint" * (name == STOPPED)))
            print_columns([[cell.path, *_training(study, cell, found[cell])] for cell in cells], indent="  ")
    failed = [(cell, state) for cell, state in found.items() if state.name == FAILED and not state.upstream]
    if failed:
        print("\nfailed")
    for cell, state in failed:
        held = sum(other.upstream == cell.path for other in found.values())
        print(f"  {cell.path}{f' (and {held} cells that need it)' if held else ''}")
        print(f"    {state.reason}\n    log: {log_of(study, cell)}")
    for reason, count in Counter(state.reason for state in found.values() if state.name == PENDING).items():
        if reason:
            print()
            say(f"{count} cells cannot be run here, {PENDING}: {reason} (`videossl doctor` says how to get them)")
    if any(state.name == OUTDATED for state in found.values()):
        print()
        say("outdated: done with another recipe than the configuration's; Snakemake will run these again")


def _training(study: Study, cell: Cell, state: State) -> list[str]:
    """Epoch, loss with its curve, current step, time left and machine."""
    epochs = registry.stage(cell.stage).stop_epoch(study, cell)
    epoch = f"epoch {state.epoch or 0}/{epochs}" if epochs else ""
    loss = "" if state.loss is None else f"loss {state.loss:.3f} {curve(state.losses)}"
    doing = f"{state.doing} {100 * state.done // state.total} %" if state.total else state.doing
    left = "" if state.seconds_left is None else f"{clock(state.seconds_left)} left"
    return [epoch, loss, doing, left, state.where]


def curve(values: Iterable[float]) -> str:
    """A small curve of block characters, scaled to the highest value; the latest value is last."""
    values = [value for value in values if value == value]  # without NaN
    step = -(-len(values) // CURVE) or 1
    kept = values[::-1][::step][::-1]
    low, high = min(kept, default=0.0), max(kept, default=0.0)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((value - low) * scale)] for value in kept)


def log_of(study: Study, cell: Cell) -> str:
    """Path of the log of the cell's last attempt."""
    return f"{study.config.results_dir}/logs/{cell.path}.log"


def _record(study: Study, cell: Cell, state: State) -> dict[str, Any]:
    left = None if state.seconds_left is None else round(state.seconds_left)
    return {
        **cell.identity,
        "path": cell.path,
        "state": state.name,
        "reason": described(state),
        "failed_cell": state.upstream or (cell.path if state.name == FAILED else ""),
        **{key: getattr(state, key) for key in ("epoch", "loss", "doing", "where")},
        "seconds_left": left,
        "log": log_of(study, cell),
    }
