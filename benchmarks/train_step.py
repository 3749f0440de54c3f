"""Training steps as the workflow makes them, beside plain float32 loops over the same network and data.

    python -m benchmarks.train_step --output DIR                                      the reduced scale, on this machine
    python -m benchmarks.train_step --output DIR --configfile config/config.yaml config/paper.yaml \
        --device cuda --workers 7 --precision bf16 --compile                           the paper's scale, on a GPU

The loops take turns, a round each; medians over the rounds are reported, and their ratio. A plain loop computes in IEEE
float32; on a GPU another one in TF32, torch's default for convolutions. In a short round the loader's first batches lie
ready, and no step waits for data: rounds have 100 steps. FLOP are those of matrix products and convolutions, forward
and backward, counted by torch; their share is of the rate that the machine reaches with a large matrix product of the
same precision. Writes train_step.parquet and train_step.md into DIR.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch
from torch.utils.flop_counter import FlopCounterMode

from videossl.common.files import write_json, write_parquet, write_text
from videossl.data.loader import ClipDataset, EpochBatches, prepare, train_loader
from videossl.data.materialise import merge_manifest, write_shard
from videossl.data.readers.common import LISTING_SCHEMA
from videossl.data.readers.listing import read_listing
from videossl.data.settings import FrameFormat
from videossl.data.store import FrameStore
from videossl.data.synthetic import generate
from videossl.stages.cells import Cell
from videossl.stages.registry import stage
from videossl.study.study import Study, load_study
from videossl.training.interrupt import Signals
from videossl.training.optim import build_optimizer
from videossl.training.precision import use_ieee_float32
from videossl.training.pretrain import build_task
from videossl.training.record import code_version, device_name
from videossl.training.seeding import fix_order
from videossl.training.session import Compute, batches, make_trainer
from videossl.training.specs import PretrainSpec

BACKBONES = ("shufflenet", "mobilenet", "squeezenet", "c3d", "r3d", "r2plus1d", "videoswin")
ENDLESS = 10**9  # epochs, and steps of one
SIDES = {"cpu": 1024, "cuda": 8192}  # of the matrices that the machine's peak is measured with
OURS, IEEE, TF32 = "ours", "plain float32 loop", "plain TF32 loop"


@dataclass
class Timed:
    """An iterator that notes how long it was waited for."""

    source: Iterator[Any]
    clock: Callable[[], float]
    waited: float = 0.0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        start = self.clock()
        item = next(self.source)
        self.waited += self.clock() - start
        return item


@dataclass
class Loop:
    """One subject: makes a step with what `source` gives."""

    step: Callable[[Iterator[Any]], None]
    source: Timed
    device: torch.device
    tf32: bool = False
    seconds: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def run(self, steps: int) -> None:
        """A round: note the seconds a step, and the share of them that data were waited for."""
        use_tf32(self.tf32)
        clock = self.source.clock
        self.source.waited, start = 0.0, clock()
        for _ in range(steps):
            self.step(self.source)
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        taken = clock() - start
        self.seconds.append(taken / steps)
        self.waits.append(self.source.waited / taken)

    def forget(self) -> None:
        """Drop what was noted while warming up."""
        self.seconds, self.waits = [], []


def use_tf32(wanted: bool) -> None:
    """How products of float32 numbers are computed on a GPU from here on, by convolutions and matrix products."""
    if wanted:
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    else:
        use_ieee_float32()


def clock_for(compute: Compute) -> Callable[[], float]:
    """Processor time where this process does it all, which others on the machine disturb less; else wall time."""
    return time.process_time if compute.device == "cpu" and compute.workers == 0 else time.perf_counter


def ours(spec: PretrainSpec, dataset: ClipDataset, folder: Path, compute: Compute, device: torch.device) -> Loop:
    """The workflow's own trainer."""
    task = build_task(spec).to(device).train()

    def step(network, batch, generator):
        return network(batch.clips, batch.choices, generator)

    trainer = make_trainer(spec, task, step, dataset, folder, compute, Signals())
    trainer.plan.steps_per_epoch = ENDLESS
    trainer.before_step, trainer.after_step = task.on_step_start, task.on_step_end
    source = Timed(batches(spec, dataset, compute, device)(0, 0, ENDLESS), clock_for(compute))
    return Loop(lambda items: trainer._one_step(items, ENDLESS), source, device)


def plain(
    spec: PretrainSpec, dataset: ClipDataset, compute: Compute, device: torch.device, *, tf32: bool = False
) -> Loop:
    """The loop that one would write first: float32, one stream, the loss read at every step."""
    task = build_task(spec).to(device).train()
    optimizer = build_optimizer(task, spec.optimizer)
    keys = EpochBatches(len(dataset), spec.batch_size, spec.seed, drop_last=True)
    source = Timed(iter(train_loader(dataset, keys, workers=compute.workers, device=device)), clock_for(compute))
    generator = torch.Generator().manual_seed(0)

    def step(items: Iterator[Any]) -> None:
        batch = next(items)
        start = source.clock()
        clips, choices = prepare(batch, device), batch.choices.to(device)
        source.waited += source.clock() - start  # the other loop's source augments, too
        task.on_step_start()
        loss, _ = task(clips, choices, generator)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        task.on_step_end()
        loss.item()

    return Loop(step, source, device, tf32)


def subjects(
    spec: PretrainSpec, precision: str, dataset: ClipDataset, folder: Path, compute: Compute, device: torch.device
) -> dict[str, Loop]:
    """The loops to compare, each after its first steps: ours in `precision`, and the plain ones."""
    fast = spec.model_copy(update={"precision": precision})
    found = {OURS: ours(fast, dataset, folder, compute, device), IEEE: plain(spec, dataset, compute, device)}
    if device.type == "cuda":
        found[TF32] = plain(spec, dataset, compute, device, tf32=True)
    for loop in found.values():
        loop.run(2)
        loop.forget()
    return found


def count_flop(spec: PretrainSpec, dataset: ClipDataset) -> int:
    """Floating-point operations of a step's products and convolutions, counted on the CPU for two videos."""
    task = build_task(spec).train()
    batch = next(iter(train_loader(dataset, EpochBatches(len(dataset), 2, drop_last=True), workers=0)))
    task.on_step_start()
    with FlopCounterMode(display=False) as counter:
        loss, _ = task(prepare(batch, "cpu"), batch.choices, torch.Generator())
        loss.backward()
    return counter.get_total_flops() * spec.batch_size // 2


def matrix_peaks(device: torch.device, clock: Callable[[], float]) -> dict[str, float]:
    """FLOP/s of a large matrix product by precision: fp32, and on a GPU tf32 and bf16."""
    found = {"fp32": matrix_peak(device, torch.float32, clock)}
    if device.type == "cuda":
        found["tf32"] = matrix_peak(device, torch.float32, clock, tf32=True)
        found["bf16"] = matrix_peak(device, torch.bfloat16, clock)
    return found


def matrix_peak(device: torch.device, dtype: torch.dtype, clock: Callable[[], float], *, tf32: bool = False) -> float:
    """FLOP/s of a large matrix product, the best of several."""
    use_tf32(tf32)
    side = SIDES[device.type]
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(30):
        start = clock()
        one @ other
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = min(best, clock() - start)
    return 2 * side**3 / best


def make_dataset(folder: Path, study: Study, videos: int) -> tuple[FrameStore, pd.DataFrame]:
    """A frame store of generated videos, as large as the scale's."""
    config = study.config
    side = config.store.short_side
    generate(
        "k400",
        folder,
        videos={"train": -(-videos // 4), "val": 1},
        classes=4,
        frames=(112, 128),
        size=(side * 4 // 3 // 2 * 2, side // 2 * 2),
        fps=12,
        seed=0,
        progress=False,
    )
    listing = read_listing("kinetics", folder / "videos", folder / "annotations")
    write_parquet(
        folder / "listing.parquet", pa.Table.from_pandas(listing, schema=LISTING_SCHEMA, preserve_index=False)
    )
    arrow, report = folder / "shards/0000.arrow", folder / "shards/0000.parquet"
    stored = config.store.model_dump(include=set(FrameFormat.model_fields))
    write_shard(listing, folder / "videos", 0, 1, arrow, report, **stored, progress=False)
    rows = merge_manifest(listing, [report]).to_pandas()
    return FrameStore([arrow]), rows[(rows["status"] == "ok") & (rows["split"] == "train")].reset_index(drop=True)


def measure(
    study: Study, task: str, backbone: str, arguments: argparse.Namespace, folder: Path
) -> list[dict[str, Any]]:
    """Rows of one task with one backbone."""
    device = torch.device(arguments.device)
    complexity = study.recipes[task].default_complexity
    milestone = max(study.config.epochs)
    cell = Cell("pretrain", task, complexity, backbone, "k400", "50k", milestone, "", "", 0)
    spec = stage("pretrain").spec(study, cell)
    spec = spec.model_copy(update={"batch_size": arguments.batch_size or spec.batch_size, "accumulation_steps": 1})
    store, videos = arguments.data
    sampler = build_task(spec).sampler
    dataset = ClipDataset(store, videos, sampler, spec.augmentation, 0)
    compute = Compute(
        device=arguments.device,
        threads=arguments.threads,
        workers=arguments.workers,
        channels_last=True,
        compile=arguments.compile,
    )
    loops = subjects(spec, arguments.precision, dataset, folder / f"{task}_{backbone}", compute, device)
    take_turns(loops, arguments.rounds, arguments.steps)
    flop = count_flop(spec, dataset)
    clips = spec.batch_size * sampler.clips_per_video
    case = f"{task}, {backbone}, {spec.batch_size} videos of {spec.clip.frames}x{spec.clip.size}"
    return [
        {"benchmark": "train_step", "case": case, "subject": name, **row}
        for name, loop in loops.items()
        for row in rates(loop, loops[IEEE], clips, flop, arguments.peaks[precision_of(name, arguments.precision)])
    ]


def take_turns(loops: dict[str, Loop], rounds: int, steps: int) -> None:
    """`rounds` rounds of each loop, in changing order."""
    for number in range(rounds):
        for loop in list(loops.values())[:: 1 if number % 2 else -1]:
            loop.run(steps)


def precision_of(subject: str, own: str) -> str:
    """The precision of a subject's products; ours: `own`."""
    return {OURS: own, IEEE: "fp32", TF32: "tf32"}[subject]


def rates(loop: Loop, reference: Loop, clips: int, flop: int, peak: float) -> list[dict[str, Any]]:
    """Rows of a loop whose step has so many clips and operations: medians over the rounds, with quartiles."""
    seconds = np.array(loop.seconds)
    found = {"clips": clips / seconds, "FLOP": flop / seconds, "share of peak": flop / seconds / peak}
    found |= {"waiting for data": np.array(loop.waits)}
    found |= {"speed against plain": np.array(reference.seconds) / seconds}
    units = {"clips": "1/s", "FLOP": "FLOP/s"}
    return [
        {
            "metric": metric,
            "unit": units.get(metric, "share"),
            "value": float(median(values)),
            "low": float(np.quantile(values, 0.25)),
            "high": float(np.quantile(values, 0.75)),
            "repetitions": len(values),
        }
        for metric, values in found.items()
    ]


def markdown(rows: pd.DataFrame, about: dict[str, Any]) -> str:
    """The section for docs/performance.md."""
    lines = [
        "## Training steps",
        "",
        f"{about['device_name']}, {about['threads']} thread(s), {about['workers']} loader processes; {about['clock']}.",
        f"Ours with {about['precision']}, channels last{' and torch.compile' if about['compile'] else ''}, against",
        "plain loops over the same network, data and loader in IEEE float32 and, on a GPU, in TF32. Medians of",
        f"{about['rounds']} rounds of {about['steps']} steps, taking turns. Peak of a matrix product: "
        + ", ".join(f"{peak / 1e9:,.0f} GFLOP/s in {name}" for name, peak in about["peaks"].items())
        + ".",
        "",
        "| case | loop | clips/s | times the float32 loop | GFLOP/s | of the peak | waiting for data |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for (case, subject), part in rows.groupby(["case", "subject"], sort=False):
        own = part.set_index("metric")["value"]
        lines.append(
            f"| {case} | {subject} | {own['clips']:.1f} | {own['speed against plain']:.2f} | {own['FLOP'] / 1e9:.1f} |"
            f" {100 * own['share of peak']:.0f} % | {100 * own['waiting for data']:.1f} % |"
        )
    if about["device"] == "cpu":
        lines += ["", "Not measured here, for want of a GPU: bfloat16, the copy on a stream of its own, several GPUs."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    parser.add_argument("--configfile", nargs="+", default=["config/config.yaml"])
    parser.add_argument("--tasks", nargs="+", default=["rspnet", "vcop"])
    parser.add_argument("--backbones", nargs="+", default=BACKBONES)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of ours; bf16 needs a GPU")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch-size", type=int, help="videos a step; default: the recipe's")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100, help="steps a round; fewer do not show waiting for data")
    arguments = parser.parse_args()
    fix_order(arguments.threads, on_gpus=False)
    study, device = load_study(arguments.configfile), torch.device(arguments.device)
    clock = clock_for(Compute(device=arguments.device, workers=arguments.workers))
    arguments.peaks = matrix_peaks(device, clock)
    about = {key: getattr(arguments, key) for key in ("device", "precision", "compile", "threads", "workers")}
    about |= {"rounds": arguments.rounds, "steps": arguments.steps, "peaks": arguments.peaks}
    about |= {"clock": "processor time" if clock is time.process_time else "wall time"}
    about |= {"device_name": device_name(device), "torch": torch.__version__, "code_version": code_version()}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        arguments.data = make_dataset(Path(name) / "data", study, videos=max(64, arguments.batch_size or 0))
        for task in arguments.tasks:
            for backbone in arguments.backbones:
                rows += measure(study, task, backbone, arguments, Path(name))
                print(json.dumps(rows[-1]), flush=True)
    table = pd.DataFrame(rows)
    write_parquet(arguments.output / "train_step.parquet", pa.Table.from_pandas(table, preserve_index=False))
    write_json(arguments.output / "train_step.json", about)
    write_text(arguments.output / "train_step.md", markdown(table, about))
    print(markdown(table, about))


if __name__ == "__main__":
    main()
