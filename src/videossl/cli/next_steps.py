"""`videossl` alone: what to do next, from what lies in the folder."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console

from videossl.cli.parsing import COMMANDS
from videossl.common.errors import UserError
from videossl.common.leftovers import RUNS_FOLDER
from videossl.common.places import project_folder
from videossl.common.process_name import ENDED, PATTERN, state_of

Step = tuple[str, str]
"""A command and what it does."""
NOTHING_YET: tuple[Step, ...] = (
    ("videossl doctor", "is this machine ready?"),
    ("videossl plan", "what would run, and how long it takes"),
    ("make demo", "run everything in miniature, on generated videos"),
    ("videossl run TARGET", "run one table or figure"),
)


def show(arguments: argparse.Namespace) -> int:
    """Print the state of the folder and the commands that suit it."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        project_folder(arguments.snakefile)
    except UserError as error:
        console.print("There is no workflow here.", style="bold")
        print(str(error), file=sys.stderr)
        return 2
    from videossl.cli.common import say  # seconds, which a folder without a workflow does not need

    said, steps = next_steps(arguments)
    console.print(said, style="bold", markup=False, soft_wrap=False)
    width = max(len(command) for command, _ in steps) + 3
    beside = all(2 + width + len(what) <= console.width for _, what in steps)
    for command, what in steps:
        print(f"  {command:<{width}}{what}" if beside else f"  {command}\n      {what}")
    print()
    say(f"All commands: {', '.join(COMMANDS)}; `videossl --help`.")
    return 0


def next_steps(arguments: argparse.Namespace) -> tuple[str, list[Step]]:
    """What there is, in a sentence, and what to do about it."""
    from videossl.cli.common import study_of
    from videossl.monitor.run_state import DONE, FAILED, states

    given = option_of(arguments)
    study = study_of(arguments)
    if not study.results.is_dir():
        steps = [(f"{command}{given}" if "videossl" in command else command, what) for command, what in NOTHING_YET]
        others = other_results(study.project, study.results)
        return f"Nothing has run here yet: there is no folder {study.results}.", [*steps, *others]
    counts = Counter(state.name for state in states(study, study.all_cells).values())
    far = f"{counts[DONE]} of {counts.total()} cells are done"
    report = study.results / "report.html"
    others = other_results(study.project, study.results)
    if is_running(Path(".snakemake")):
        steps = [(f"videossl status{given}", "what runs, and for how long"), (f"videossl plan{given}", "what is left")]
        return f"A run is active; {far}.", [*steps, *others]
    if counts[FAILED]:
        steps = [
            (f"videossl status{given}", "why, with the log of each"),
            (f"videossl run{given}", "after mending: go on; what is finished is kept"),
        ]
        return f"{counts[FAILED]} cells failed; {far}.", [*steps, *others]
    if counts[DONE] < counts.total() or not report.is_file():
        steps = [
            (f"videossl run{given}", "go on; trainings continue from their checkpoints"),
            (f"videossl plan{given}", "what is left, and how long it takes"),
            (f"videossl status{given}", "each table and figure in a line"),
        ]
        return f"A run was begun in {study.results}; {far}.", [*steps, *others]
    steps = [
        (f"open {report}", "all tables and figures on one page"),
        (f"videossl verify{given}", "are all files as they were made?"),
        ("docs/extending.md", "your own task, network, dataset, protocol or table"),
    ]
    return f"Finished: {far}. Tables, figures and the report are in {study.results}.", [*steps, *others]


def option_of(arguments: argparse.Namespace) -> str:
    """The options that select the study, to be repeated in commands; begins with a space."""
    named = {"--profile": [arguments.profile] if arguments.profile else [], "--configfile": arguments.configfile}
    named |= {f"--{key}": [value] for key in ("snakefile", "directory") if (value := getattr(arguments, key))}
    return "".join(f" {option} {shlex.join(values)}" for option, values in named.items() if values)


def is_running(notes: Path) -> bool:
    """Whether a run that is registered in the folder is alive, as far as can be told."""
    names = [path.name for path in (notes / RUNS_FOLDER).glob("*") if re.fullmatch(PATTERN, path.name)]
    return bool(list(notes.glob("locks/*.lock"))) and any(state_of(name) != ENDED for name in names)


def other_results(project: Path, own: Path) -> list[Step]:
    """Results of other scales that lie here, with the command that looks at them."""
    found = []
    for path in sorted((project / "config").glob("*.yaml")):
        named = re.search(r"^results_dir: *(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if named and Path(named[1]) != own and Path(named[1]).is_dir():
            overlay = f"config/{path.name}"
            found.append((f"videossl --configfile {overlay}", f"the same for the results in {named[1]}"))
    return found
