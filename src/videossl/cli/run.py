"""Runs what is missing. A thin front of Snakemake: it prints the command that it starts, and takes targets, overlays
and options in any order. Targets are table_NAME, figure_NAME (or NAME), report, files; none: everything. Options that
it does not know go to Snakemake as they are, and so does all that follows `--`."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from videossl.cli.common import entry_named, study_of
from videossl.cli.targets import OTHERS, targets_of
from videossl.common.places import project_folder
from videossl.study.study import Study

EXAMPLES = (
    ("videossl run", "everything, on all cores"),
    ("videossl run table_subset_size figure_accuracy_over_epochs -n", "what two targets would run"),
    ("videossl run --config small report --cores 4", "the study at small scale (config/small.yaml)"),
    ("videossl run --profile slurm", "the paper's scale on a cluster"),
    ("videossl run all --resources gpu=1", "with an option of Snakemake"),
)
READS_THE_REST = True
WARM = "workflow/warm/server.py"
OVERLAY_SUFFIXES = (".yaml", ".yml", ".json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's own arguments."""
    parser.usage = "videossl run [TARGET ...] [OPTIONS] [OPTIONS OF SNAKEMAKE]"
    parser.add_argument(
        "--config",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="overlays by name (small: config/small.yaml) or path; KEY=VALUE goes to Snakemake",
    )
    parser.add_argument("--cores", "-c", "-j", metavar="N", help="number of cores; default: all")
    parser.add_argument("--dry-run", "-n", action="store_true", help="show what would run")
    parser.add_argument(
        "--cold", action="store_true", help="one process a job, also at reduced scale, where jobs share an interpreter"
    )


def run(arguments: argparse.Namespace) -> int:
    """Replace this process by Snakemake."""
    words, values = overlays_of(arguments)
    study = study_of(arguments)
    command = command_of(study, arguments, [*words, *arguments.rest], values)
    print(f"$ {shlex.join(command)}", file=sys.stderr, flush=True)
    server = study.project / WARM
    short = study.config.scale.reduced and not arguments.profile and not arguments.dry_run and not arguments.cold
    program = [sys.executable, str(server), "--"] if short and server.is_file() else []
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # as in `make demo`: jobs run side by side
    started = [*program, sys.executable, "-m", *command]
    os.execv(started[0], started)


def overlays_of(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Targets, and values for Snakemake's own --config, among what follows --config or --configfile; the overlays there
    are then in `arguments.configfile`."""
    project = project_folder(arguments.snakefile)
    targets, values, files = [], [], []
    for word in [*arguments.configfile, *arguments.config]:
        if "=" in word:
            values.append(word)
        elif word.endswith(OVERLAY_SUFFIXES) or Path(word).is_file():
            files.append(word)
        elif (project / f"config/{word}.yaml").is_file():
            files.append(str(project / f"config/{word}.yaml"))
        else:
            targets.append(word)
    arguments.configfile, arguments.names_overlays = files, bool(files)
    return targets, values


def command_of(study: Study, arguments: argparse.Namespace, words: Sequence[str], values: Sequence[str]) -> list[str]:
    """The command of Snakemake, targets first. Raises UserError for an unknown target.

    Args:
        words: targets, and options of Snakemake with their values, in any order.
        values: of Snakemake's --config.
    """
    targets, passed = split(study, words)
    command = ["snakemake", *targets_of(study, targets)]
    if arguments.snakefile or not Path("Snakefile").is_file():
        command += ["--snakefile", str((study.project / "Snakefile").resolve())]
    command += ["--profile", arguments.profile] if arguments.profile else []
    command += ["--dry-run"] if arguments.dry_run else []
    if arguments.dry_run and not {"--quiet", "-q", "--verbose"} & {*passed}:
        command += ["--quiet", "host"]  # what it says of this machine would fill a screen
    if arguments.cores or not arguments.profile:
        command += ["--cores", arguments.cores or "all"]
    command += passed
    command += ["--config", *values] if values else []
    # Snakemake finds a profile's own overlays.
    return command + (["--configfile", *arguments.configfile] if arguments.names_overlays else [])


def split(study: Study, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Targets, and Snakemake's options with their values: what follows an option and names no target."""
    targets: list[str] = []
    passed: list[str] = []
    for number, word in enumerate(words):
        if word == "--":
            return targets, passed + list(words[number + 1 :])
        if word.startswith("-"):
            passed.append(word)
        elif entry_named(study, word) is not None or word in OTHERS or "/" in word or not passed:
            targets.append(word)
        else:
            passed.append(word)
    return targets, passed
