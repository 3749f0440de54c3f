"""`videossl plan | status`: what the study consists of, and how far it is; `bench`: how fast this machine is."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from videossl.bench import bench
from videossl.errors import report_user_errors, unknown_name
from videossl.experiments import Study, load_study

BASE = "config/config.yaml"


def main() -> None:
    """Entry point of the `videossl` command."""
    sys.exit(report_user_errors(run))


def run(argv: list[str] | None = None) -> int:
    """Parse the command line and run one command."""
    parser = argparse.ArgumentParser(prog="videossl", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text, function in (
        ("plan", "list the cells of every table and figure, without asking Snakemake", plan),
        ("status", "say of every cell whether it is done, running, failed or pending", status),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--configfile", nargs="*", default=[], help=f"overlays on top of {BASE}")
        command.add_argument("entries", nargs="*", help="tables and figures; none: all")
        command.set_defaults(function=function)
    command = commands.add_parser("bench", help="measure speed against usual ways (docs/performance.md)")
    command.add_argument("--effort", type=float, default=1.0, help="multiplies the number of repetitions")
    command.add_argument("names", nargs="*", help="benchmarks; none: all")
    arguments = parser.parse_args(argv)
    if arguments.command == "bench":
        return bench(arguments.names, arguments.effort)
    study = load_study([BASE, *arguments.configfile])
    arguments.function(study, _entries(study, arguments.entries))
    return 0


def _entries(study: Study, asked: list[str]) -> list[str]:
    for name in asked:
        if name not in study.entries:
            raise unknown_name("table or figure", name, study.entries, study.config.experiments_file)
    return asked or list(study.entries)


def plan(study: Study, entries: list[str]) -> None:
    """Print each entry with its cells' folders, and the pretraining that they need, each job once."""
    for name in entries:
        entry = study.entries[name]
        print(f"{entry.kind}_{name}: {entry.title} ({len(study.cells_of[name])} cells)")
        for cell in study.cells_of[name]:
            print(f"  {cell.path}")
    cells = study.with_needs(cell for name in entries for cell in study.cells_of[name])
    pretraining = [cell for cell in cells if cell.stage == "pretrain"]
    print(f"pretraining ({len(pretraining)} jobs, one a milestone)")
    for cell in pretraining:
        print(f"  {cell.path}")


def status(study: Study, entries: list[str]) -> None:
    """Print the state of each entry's cells and of their pretraining; details of what runs or has failed."""
    results = Path(study.config.results_dir)
    for name in entries:
        cells = study.with_needs(study.cells_of[name])
        states = {cell: state_of(results / cell.path, trained=cell.stage != "network") for cell in cells}
        counts = Counter(state for state, _ in states.values())
        order = ("done", "running", "failed", "pending")
        summary = ", ".join(f"{counts[state]} {state}" for state in order if counts[state])
        print(f"{study.entries[name].kind}_{name}: {summary or 'has no cells, it shows videos'}")
        for cell, (state, detail) in states.items():
            if state in ("running", "failed"):
                print(f"  {state}: {cell.path}{f' ({detail})' if detail else ''}")


def state_of(folder: Path, *, trained: bool = True) -> tuple[str, str]:
    """State of a run folder: done, failed (with the reason), running (or stopped half-way, with its epoch), pending.

    `trained`: the folder is of a training, which is done when its record (`run.json`, written last) is there too.
    """
    if (folder / "metrics.parquet").exists() and (not trained or (folder / "run.json").exists()):
        return "done", ""
    if (folder / "FAILED").exists():
        return "failed", (folder / "FAILED").read_text().strip()
    history = folder / "train.jsonl"
    if history.exists():
        last = _last_entry(history)
        return "running", f"epoch {last.get('epoch', 0)}, loss {last.get('loss', float('nan')):.3f}"
    return ("running", "first epoch") if (folder / ".lock").exists() else ("pending", "")


def _last_entry(history: Path) -> dict[str, Any]:
    """The newest whole line of `train.jsonl`; a line may be half written, or left so by a kill."""
    for line in reversed(history.read_text().splitlines()):
        try:
            return json.loads(line)
        except json.JSONDecodeError:
            continue
    return {}


if __name__ == "__main__":
    main()
