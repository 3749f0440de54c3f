"""The commands that a newcomer types: what each takes where nothing must be computed, and how much it prints.

They are run on a study of five cells that is done first (a minute), as from a shell of 80 columns whose output is not a
terminal. `python -m benchmarks.commands` prints what each of them prints; `videossl bench commands` measures them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row, durations, find, take_turns
from benchmarks.settings import REPOSITORY, Settings, link_workflow

NAME = "commands"
SMOKE, OVERLAY = "config/smoke.yaml", "few_cells.yaml"
FEW_CELLS = "only: [training_time]\nrestrict: {task: [rotnet, scratch], epochs: [50, 100]}\n"
STUDY = ["--configfile", SMOKE, OVERLAY]
A, B = "k400/50k/rotnet/r2plus1d/seed0/epochs100", "none/none/scratch/r2plus1d/seed0/epochs0"
COLUMNS = 80
COMMANDS: dict[str, list[str]] = {
    "videossl": STUDY,
    "videossl --version": ["--version"],
    "videossl --help": ["--help"],
    "videossl doctor": ["doctor", *STUDY],
    "videossl plan": ["plan", "--configfile", SMOKE],
    "videossl plan table_training_time": ["plan", "table_training_time", *STUDY],
    "videossl run table_training_time -n": ["run", "table_training_time", "-n", *STUDY],
    "videossl run table_training_time": ["run", "table_training_time", *STUDY],
    "videossl status": ["status", "--configfile", SMOKE],
    "videossl status training_time": ["status", "training_time", *STUDY],
    "videossl compare A B": ["compare", f"finetune/ucf101/{A}", f"finetune/ucf101/{B}", *STUDY],
    "videossl verify": ["verify", *STUDY],
    "videossl export RUN -o FILE": ["export", f"results/smoke/pretrain/{A}", "-o", "run.safetensors", "--force"],
    "videossl init --videos FOLDER": ["init", "--videos", "results/smoke/generated/ucf101/videos", "--force"],
    "videossl completion bash": ["completion", "bash"],
}
"""What is printed in the table, and the words of the command. Two of them look at the whole smoke study, of which only
the five cells are done."""


def run(settings: Settings) -> list[Row]:
    folder = settings.folder / "commands"
    printed = {name: output.splitlines() for name, output in outputs(folder).items()}
    subjects: dict[str, Callable[[int], object]] = {
        name: lambda _, words=words: _called(folder, words) for name, words in COMMANDS.items()
    }
    rows = durations(NAME, "from a shell", take_turns(subjects, settings.rounds(3), warm_up=0))
    for name, lines in printed.items():
        rows.append(Row(NAME, "printed", name, "lines", "lines", len(lines)))
        rows.append(Row(NAME, "printed", name, "widest", "characters", max(map(len, lines))))
    return rows


def outputs(folder: Path) -> dict[str, str]:
    """What each command prints, once the study of five cells is done."""
    link_workflow(folder)
    (folder / OVERLAY).write_text(FEW_CELLS)
    _called(folder, ["run", *STUDY])
    return {name: _called(folder, words) for name, words in COMMANDS.items()}


def _called(folder: Path, words: list[str]) -> str:
    """Standard output and standard error of a command."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "COLUMNS": str(COLUMNS), "OMP_NUM_THREADS": "1"}
    environment.pop("SNAKEMAKE_PROFILE", None)
    done = subprocess.run(
        [sys.executable, "-m", "videossl.cli", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"videossl {' '.join(words)} failed in {folder}:\n{done.stdout}")
    return done.stdout


def render(rows: list[Row]) -> str:
    """The table of docs/performance.md."""
    lines = ["| command | s of CPU time | lines | longest line |", "|---|---:|---:|---:|"]
    for name in COMMANDS:
        cpu, number, widest = (find(rows, metric, subject=name) for metric in ("cpu_seconds", "lines", "widest"))
        lines.append(f"| `{name}` | {cpu:.1f} | {number:.0f} | {widest:.0f} |")
    return "\n".join(lines)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, output in outputs(Path(folder)).items():
            print(f"$ {name}\n{output}")


if __name__ == "__main__":
    main()
