"""Run one job of a stage: train, evaluate or compare networks."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="a file of src/videossl/stages")
    parser.add_argument("--spec", type=json.loads, required=True, help="JSON: every setting that affects the result")
    parser.add_argument("--identity", type=json.loads, required=True, help="JSON: the cell's identity columns")
    parser.add_argument("--inputs", type=json.loads, required=True, help="JSON: lists of files by name")
    parser.add_argument("--places", type=json.loads, default={}, help="JSON: folders and files outside the results")
    parser.add_argument("--folder", type=Path, required=True, help="run folder, which all results go into")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of all processes on this machine")
    parser.add_argument("--workers", type=int, default=0, help="loader processes")
    parser.add_argument("--attempt", type=int, default=1, help="number of this attempt in one run of Snakemake")
    parser.add_argument("--checkpoint-minutes", type=float, default=10.0)
    parser.add_argument("--channels-last", action="store_true", help="keep the channels of a pixel together in memory")
    parser.add_argument("--compile", action="store_true", help="compile backbones with torch.compile")
    parser.add_argument("--stage-in", default="", help="folder on this node's disk for copies of the frames")
    parser.add_argument("--deterministic", action="store_true", help="on GPUs, the same bits each time, where possible")
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> None:
    """Run the job and write the provenance record of its results."""
    from videossl.common.progress import noted_in
    from videossl.common.ranks import is_main_process
    from videossl.data.provenance import note_made
    from videossl.stages.base import Job
    from videossl.stages.registry import stage
    from videossl.training.failure import failure_noted

    one, folder = stage(arguments.stage), arguments.folder
    inputs = {name: [Path(path) for path in paths] for name, paths in arguments.inputs.items()}
    places = {name: Path(path) for name, path in arguments.places.items()}
    spec = one.parse(arguments.spec)
    with failure_noted(folder):
        if one.runs_on == "cpu":
            with noted_in(folder):
                one.run(Job(spec, arguments.identity, inputs, folder, None, places))
        else:
            one.run(Job(spec, arguments.identity, inputs, folder, compute_of(arguments), places))
        if is_main_process():  # in distributed training, the first process only
            used = [path for paths in inputs.values() for path in paths]
            note_made(spec, used, [folder / name for name in one.results])


def repeated_mistake(arguments: argparse.Namespace) -> str:
    """The mistake of the user that ended the attempt before this one, and would end this one; "" if there was none."""
    from videossl.study.attempts import mistake_in

    return mistake_in(arguments.folder) if arguments.attempt > 1 else ""


def compute_of(arguments: argparse.Namespace) -> Any:
    """Compute settings of a job that runs a network."""
    from videossl.training.session import Compute

    sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes started by torchrun on this machine
    return Compute(
        device=arguments.device,
        threads=max(1, arguments.threads // sharing),
        workers=arguments.workers,
        checkpoint_seconds=60 * arguments.checkpoint_minutes,
        channels_last=arguments.channels_last,
        compile=arguments.compile,
        deterministic=arguments.deterministic,
        stage=arguments.stage_in,
    )


def main() -> None:
    """Run the job. A job that runs a network ends within seconds of an error or a signal."""
    from videossl.stages.registry import stage

    arguments = parse()
    if mistake := repeated_mistake(arguments):
        print(f"error: {mistake}", file=sys.stderr)
        sys.exit(2)
    if stage(arguments.stage).runs_on == "cpu":
        from videossl.common.errors import report_user_errors

        sys.exit(report_user_errors(lambda: run(arguments)))
    from videossl.common.children import stop_with_controller

    stop_with_controller()  # before importing torch, which takes seconds
    from videossl.training.ending import run_and_end

    run_and_end(lambda: run(arguments))


if __name__ == "__main__":
    main()
