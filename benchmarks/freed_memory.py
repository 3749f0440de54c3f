"""Training steps with freed memory kept, beside steps without: processes of either kind take turns.

python -m benchmarks.freed_memory                  writes its section of docs/performance.md

The networks and clips are those of the reduced scale; the clips lie ready, so that the steps are the network's alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from statistics import median

import numpy as np
import torch

from benchmarks.run import DOCUMENT, processor, with_section
from videossl.backbones.registry import build
from videossl.common.files import write_text
from videossl.common.memory import keep_freed_memory

NETWORKS = {"r2plus1d": 0.125, "shufflenet": 0.25, "c3d": 0.125}
"""By name, their width."""
VIDEOS, FRAMES, SIZE, STEPS, WARM_UP, ROUNDS = 16, 8, 24, 100, 10, 7
NAME = "freed_memory"


def steps(name: str, keep: bool) -> tuple[float, int]:
    """Seconds of processor time and page faults of a training step, in this process."""
    if keep:
        keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build(name, width=NETWORKS[name])
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    clips = torch.randn(VIDEOS, 3, FRAMES, SIZE, SIZE).contiguous(memory_format=torch.channels_last_3d)
    for number in range(WARM_UP + STEPS):
        if number == WARM_UP:
            start, faults = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        optimizer.zero_grad()
        network(clips).square().mean().backward()
        optimizer.step()
    taken = time.process_time() - start
    return taken / STEPS, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults) // STEPS


def measured(name: str, keep: bool) -> tuple[float, int]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.freed_memory", name, str(int(keep))]
    seconds, faults = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return seconds, faults


def row(name: str) -> str:
    """A line of the table: medians over the rounds, and of the ratio its quartiles."""
    rounds = [(measured(name, keep=False), measured(name, keep=True)) for _ in range(ROUNDS)]
    ratios = [without[0] / kept[0] for without, kept in rounds]
    low, high = np.percentile(ratios, (25, 75))
    ms, faults = ([median(pair[which][value] for pair in rounds) for which in (0, 1)] for value in (0, 1))
    return (
        f"| {name} | {1000 * ms[0]:.1f} | {1000 * ms[1]:.1f} | {median(ratios):.2f} ({low:.2f} to {high:.2f}) |"
        f" {faults[0]:.0f} | {faults[1]:.0f} |"
    )


def section() -> str:
    """The table, with what it was measured on."""
    return "\n".join(
        [
            "| network | ms, given back | ms, kept | ratio (quartiles) | page faults, given back | page faults, kept |",
            "|---|---:|---:|---:|---:|---:|",
            *map(row, NETWORKS),
            "",
            f"A step of {VIDEOS} clips of {FRAMES} x {SIZE} x {SIZE} in float32, one thread, processor time; medians of"
            f" {ROUNDS} rounds of {STEPS} steps, {processor()}, torch {torch.__version__}.",
        ]
    )


def main() -> None:
    """Measure one network in this process, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", choices=NETWORKS, help="measure it in this process alone")
    parser.add_argument("keep", nargs="?", type=int, default=0, help="1: with freed memory kept")
    arguments = parser.parse_args()
    if arguments.network:
        print(json.dumps(steps(arguments.network, bool(arguments.keep))))
    else:
        write_text(DOCUMENT, with_section(DOCUMENT.read_text(), NAME, section()))


if __name__ == "__main__":
    main()
