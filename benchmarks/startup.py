"""How long each script takes until it begins its work: Python, and everything that it imports.

A script imports the library after it has read its arguments, so `--help` would say nothing. Here its import statements,
wherever they are in it, are run in a process of their own; those of a stage's `run` after those of the stages' script.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Row, durations, find, take_turns
from benchmarks.settings import REPOSITORY, Settings
from videossl.stages import registry as stages

NAME = "startup"
SCRIPTS = REPOSITORY / "workflow/scripts"
STAGES = "run_stage.py"
"""The script that runs all stages; a stage imports what it needs when it runs."""
TORCH = "import torch"


def run(settings: Settings) -> list[Row]:
    path = os.pathsep.join([str(REPOSITORY / "src"), str(SCRIPTS)])
    environment = {**os.environ, "PYTHONPATH": path}

    def start(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    subjects = {name: lambda _, code=code: start(code) for name, code in codes().items()}
    start(TORCH)  # what the system keeps of files afterwards
    return durations(NAME, "until all is imported", take_turns(subjects, settings.rounds(3), warm_up=0))


def codes() -> dict[str, str]:
    """What is imported by each subject: a script, or the script of the stages with one stage."""
    found = {path.name: imports(path) for path in sorted(SCRIPTS.glob("*.py"))}
    shared = found.pop(STAGES)
    of_stages = {f"{STAGES} {name}": f"{shared}\n{imports(run_file(name), 'run')}" for name in stages.names()}
    return {TORCH: TORCH} | found | of_stages


def run_file(name: str) -> Path:
    """The file with the `run` of a stage, which may be that of another stage."""
    return Path(inspect.getfile(type(stages.stage(name)).run))


def imports(path: Path, function: str = "") -> str:
    """All import statements of a file, or those within its functions of a name."""
    tree = ast.parse(path.read_text())
    bodies = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
    nodes = itertools.chain.from_iterable(map(ast.walk, bodies if function else [tree]))
    found = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(dict.fromkeys(ast.unparse(n) for n in found if getattr(n, "module", "") != "__future__"))


def render(rows: list[Row]) -> str:
    """The table of docs/performance.md."""
    torch = find(rows, "cpu_seconds", subject=TORCH)
    lines = ["| script | s | s of CPU time | of a bare `import torch` |", "|---|---:|---:|---:|"]
    for name in dict.fromkeys(row.subject for row in rows):
        wall, cpu = (find(rows, metric, subject=name) for metric in ("seconds", "cpu_seconds"))
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / torch:.2f} |")
    return "\n".join(lines)
