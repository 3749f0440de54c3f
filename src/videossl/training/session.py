"""What pretraining and finetuning share: compute settings, and putting a trainer together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from videossl.data.augment import AugmentConfig
from videossl.data.loader import Batch, ClipDataset, EpochBatches, train_loader
from videossl.specs import spec_hash
from videossl.training.checkpoint import Checkpoints
from videossl.training.device import choose_device
from videossl.training.history import History
from videossl.training.interrupt import Signals
from videossl.training.loop import Plan, Step, Trainer
from videossl.training.optim import base_learning_rate, build_optimizer
from videossl.training.record import code_version
from videossl.training.seeding import deterministic


@dataclass(frozen=True)
class Compute:
    """Where and how a job runs; on a CPU nothing in it but `threads` can change a result's last bits."""

    device: str = "auto"
    threads: int = 1
    workers: int = 0
    checkpoint_seconds: float = 600.0

    def start(self) -> tuple[torch.device, Signals]:
        """Prepare the process; returns the device and the listener for signals."""
        signals = Signals().install()
        code_version()  # noted now: the code may be edited while the job runs
        deterministic(self.threads)
        return choose_device(self.device), signals


def augmentation(spec: dict[str, Any]) -> AugmentConfig:
    """The training augmentation of a spec, for its clip size."""
    return AugmentConfig.from_dict({**spec["augment"], "size": spec["clip"]["size"]})


def test_augmentation(spec: dict[str, Any]) -> AugmentConfig:
    """The largest centre square, without any random change."""
    augment = spec["augment"]
    return AugmentConfig.from_dict(
        {"size": spec["clip"]["size"], "crop": "center", "mean": augment["mean"], "std": augment["std"]}
    )


def make_trainer(
    spec: dict[str, Any],
    module: nn.Module,
    step: Step,
    dataset: ClipDataset,
    folder: Path,
    compute: Compute,
    signals: Signals,
    weights: Sequence[Path] = (),
) -> Trainer:
    """A trainer of `module` that has resumed from the folder's checkpoint, if there is one of this very run: of the
    same recipe, training videos and `weights` (initial ones, teachers).
    """
    reference = spec["reference_batch_size"]
    batch_size = batch_size_for(spec, len(dataset))
    trainer = Trainer(
        module=module,
        optimizer=build_optimizer(module, spec["optimizer"]),
        step=step,
        plan=Plan(
            epochs=spec["epochs"],
            steps_per_epoch=len(dataset) // batch_size,
            schedule=spec["schedule"],
            base_lr=base_learning_rate(spec["optimizer"], batch_size, reference),
            grad_clip=spec["optimizer"]["grad_clip"],
            batch_size=batch_size,
            seed=spec["seed"],
        ),
        checkpoints=Checkpoints(folder, run_hash(spec, dataset, weights)),
        history=History(folder),
        signals=signals,
        checkpoint_seconds=compute.checkpoint_seconds,
    )
    state = trainer.checkpoints.load(spec.get("stop", spec["epochs"]))
    if state is not None:
        trainer.restore(state)
    else:
        trainer.history.rewind(0)  # of an earlier run in this folder
    return trainer


def run_hash(spec: dict[str, Any], dataset: ClipDataset, weights: Sequence[Path]) -> str:
    """Names a run: two runs of the same name would train the same weights.

    When data or pretrained weights were made anew, the recipe is the same, and a checkpoint of the old ones must not
    be continued. Data are known by their table and the sizes of their shards, which change with any encoded frame.
    The milestones of one run share a name: `stop` says how far to go, not how; `heldout_videos` what is measured.
    """
    data = hashlib.sha256()
    for column in dataset.table.values():
        data.update(column.tobytes())
    for shard in np.unique(dataset.table["shard"]):
        data.update(b"%d\n" % dataset.store.num_bytes(shard))
    start = [hashlib.sha256(path.read_bytes()).hexdigest() for path in weights]
    recipe = {key: value for key, value in spec.items() if key not in ("stop", "heldout_videos")}
    return spec_hash({"recipe": recipe, "data": data.hexdigest(), "weights": start})


def batch_size_for(spec: dict[str, Any], videos: int) -> int:
    """The recipe's batch size; a smaller set than one batch is trained on in one batch of all its videos."""
    return min(spec["batch_size"], videos)


def batches(
    spec: dict[str, Any], dataset: ClipDataset, compute: Compute, device: torch.device
) -> Callable[[int, int, int], Iterator[Batch]]:
    """The trainer's source of batches: from (epoch, step) to the end of epoch `stop`."""

    def make(epoch: int, step: int, stop: int) -> Iterator[Batch]:
        keys = EpochBatches(
            len(dataset),
            batch_size_for(spec, len(dataset)),
            spec["seed"],
            drop_last=True,
            start=(epoch, step),
            epochs=stop,
        )
        return iter(train_loader(dataset, keys, workers=compute.workers, device=device))

    return make
