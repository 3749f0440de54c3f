"""What the scripts share: arguments of training jobs, and how a run ends."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


def training_parser(description: str, *, manifest: bool = True, identity: bool = True) -> argparse.ArgumentParser:
    """The arguments of every script that runs a network; `manifest`: it reads one dataset's clips; `identity`: it makes
    results of a cell."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--recipe", type=json.loads, required=True, help="JSON of what decides the result")
    if identity:
        parser.add_argument("--identity", type=json.loads, required=True, help="JSON of the cell's identity columns")
    if manifest:
        parser.add_argument("--manifest", type=Path, required=True, help="manifest.parquet; its shards lie beside it")
    parser.add_argument("--output", type=Path, required=True, help="a result file; everything goes into its folder")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of all processes on this machine")
    parser.add_argument("--workers", type=int, default=0, help="loader processes")
    parser.add_argument("--checkpoint-minutes", type=float, default=10.0)
    parser.add_argument("--channels-last", action="store_true", help="keep the channels of a pixel together in memory")
    parser.add_argument("--compile", action="store_true", help="compile the backbone with torch.compile")
    return parser


def run_on_features(description: str, stage: str, job: Callable[..., None]) -> None:
    """The whole of a script of `stage` that works on features: `job(recipe, identity, features=..., folder=...)`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--recipe", type=json.loads, required=True, help="JSON of what decides the result")
    parser.add_argument("--identity", type=json.loads, required=True, help="JSON of the cell's identity columns")
    parser.add_argument("--features", type=Path, required=True, help="features.npz")
    parser.add_argument("--output", type=Path, required=True, help="metrics.parquet; all else goes beside it")
    arguments = parser.parse_args()
    from videossl.common.progress import noted_in
    from videossl.data.provenance import note_run
    from videossl.training.failure import failure_noted

    folder = arguments.output.parent
    with failure_noted(folder), noted_in(folder):
        job(arguments.recipe, arguments.identity, features=arguments.features, folder=folder)
        note_run(stage, arguments.recipe, [arguments.features], folder)


def compute_of(arguments: argparse.Namespace):
    """The compute settings of a training script."""
    from videossl.training.session import Compute

    sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that torchrun started on this machine
    return Compute(
        device=arguments.device,
        threads=max(1, arguments.threads // sharing),
        workers=arguments.workers,
        checkpoint_seconds=60 * arguments.checkpoint_minutes,
        channels_last=arguments.channels_last,
        compile=arguments.compile,
    )


def run_training(main: Callable[[], None]) -> NoReturn:
    """Run a training script's `main` and end the process, within seconds of whatever happened."""
    from videossl.common.children import stop_with_controller

    stop_with_controller()  # before torch is imported, which takes seconds
    from videossl.training.ending import run_and_end

    run_and_end(main)
