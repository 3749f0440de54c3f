"""How long each script takes until it begins its work: Python, and everything that it imports.

A script imports the library after it has read its arguments, so `--help` would say nothing. Here its import statements,
wherever they are in it, are run in a process of their own.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Row, durations, find, take_turns
from benchmarks.settings import REPOSITORY, Settings

NAME = "startup"
SCRIPTS = REPOSITORY / "workflow/scripts"
TORCH = "import torch"


def run(settings: Settings) -> list[Row]:
    codes = {TORCH: TORCH} | {path.name: imports(path) for path in sorted(SCRIPTS.glob("[!_]*.py"))}
    path = os.pathsep.join([str(REPOSITORY / "src"), str(SCRIPTS)])
    environment = {**os.environ, "PYTHONPATH": path}

    def start(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    subjects = {name: lambda _, code=code: start(code) for name, code in codes.items()}
    start(TORCH)  # what the system keeps of files afterwards
    return durations(NAME, "until all is imported", take_turns(subjects, settings.rounds(3), warm_up=0))


def imports(path: Path) -> str:
    """All import statements of a script, with those of the scripts' shared module where it is used."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "_cli":
            wanted = {alias.name for alias in node.names}
            found += [ast.unparse(node), *_shared(wanted)]
        elif isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") != "__future__":
            found.append(ast.unparse(node))
    return "\n".join(dict.fromkeys(found))


def _shared(functions: set[str]) -> list[str]:
    """The imports inside these functions of `_cli.py`."""
    tree = ast.parse((SCRIPTS / "_cli.py").read_text())
    bodies = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in functions]
    return [
        ast.unparse(node) for body in bodies for node in ast.walk(body) if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def render(rows: list[Row]) -> str:
    """The table of docs/performance.md."""
    torch = find(rows, "cpu_seconds", subject=TORCH)
    lines = ["| script | s | s of CPU time | of a bare `import torch` |", "|---|---:|---:|---:|"]
    for name in dict.fromkeys(row.subject for row in rows):
        wall, cpu = (find(rows, metric, subject=name) for metric in ("seconds", "cpu_seconds"))
        lines.append(f"| {name} | {wall:.2f} | {cpu:.2f} | {cpu / torch:.2f} |")
    return "\n".join(lines)
