"""Evaluations against a straightforward way to do each: CKA, retrieval, robustness. Time, and memory at its highest.

Every way runs in a process of its own, whose peak memory is its own; what it needs before the work begins is taken off.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.measure import Row, find
from benchmarks.settings import REPOSITORY, Settings

NAME = "evaluation"
OURS, PLAIN = "ours", "straightforward"
CASES = {
    "cka": "CKA of two ShuffleNets, every module, {} videos",
    "retrieval": "retrieval, 3,783 queries x 9,537 videos x 512 features",
    "robustness": "robustness, 4 noises x 5 severities, {} videos",
}


def run(settings: Settings) -> list[Row]:
    rows: list[Row] = []
    sizes = {"cka": (32, 128), "retrieval": (0,), "robustness": (2,)}
    for case, counts in sizes.items():
        for count in counts:
            found: dict[str, list[dict[str, float]]] = {OURS: [], PLAIN: []}
            for _ in range(1 if case == "robustness" else settings.rounds(3)):
                for subject in found:
                    found[subject].append(_measured(case, subject, count, settings))
            for subject, results in found.items():
                for metric, unit in (("seconds", "s"), ("cpu_seconds", "s"), ("peak_memory", "MB")):
                    values = sorted(result[metric] for result in results)
                    name = CASES[case].format(count)
                    rows.append(
                        Row(NAME, name, subject, metric, unit, values[len(values) // 2], repetitions=len(values))
                    )
    return rows


def _measured(case: str, subject: str, count: int, settings: Settings) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.evaluation_cases", case, subject, str(count), str(settings.folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def render(rows: list[Row]) -> str:
    """The table of docs/performance.md."""
    lines = ["| | | s | s of CPU time | MB at the highest |", "|---|---|---:|---:|---:|"]
    for case in dict.fromkeys(row.case for row in rows):
        for subject in (OURS, PLAIN):
            wall, cpu, memory = (
                find(rows, metric, case=case, subject=subject) for metric in ("seconds", "cpu_seconds", "peak_memory")
            )
            lines.append(f"| {case} | {subject} | {wall:.2f} | {cpu:.2f} | {memory:.0f} |")
    return "\n".join(lines)
