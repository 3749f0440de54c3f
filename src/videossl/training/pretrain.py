"""Pretraining of one cell, up to its milestone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor, nn

from videossl.backbones import registry as backbones
from videossl.common.distributed import all_gather_object
from videossl.common.errors import UserError
from videossl.common.intact import damaged
from videossl.common.progress import track
from videossl.common.ranks import is_main_process, rank_and_processes
from videossl.common.results import OWN_VIDEO, write_metrics
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.selection import open_subset
from videossl.data.store import FrameStore
from videossl.pretext import registry as pretext
from videossl.pretext.base import PretextTask
from videossl.training.checkpoint import STATE, load_parts, save_torch
from videossl.training.collapse import collapse_metrics
from videossl.training.history import History
from videossl.training.inputs import Inputs
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.loop import Trainer
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.seeding import INITIAL, seed_everything
from videossl.training.session import Compute, batches, make_trainer, stage_frames
from videossl.training.short_videos import ShortVideos, long_enough, require_long_videos
from videossl.training.specs import PretrainSpec, TaskSpec


def pretrain(
    spec: PretrainSpec,
    identity: dict[str, Any],
    *,
    subset: Path,
    heldout: Path,
    folder: Path,
    previous: Path | None,
    compute: Compute,
) -> None:
    """Train a backbone on a pretext task; writes weights, state, metrics and `run.json` to `folder`.

    Args:
        spec: every setting that affects the weights.
        identity: the cell's identity columns.
        subset: Parquet file of the training videos; its description names their frame stores.
        heldout: the same of the validation videos on which the pretext task is measured.
        folder: the run folder.
        previous: `state.pt` of the previous milestone, to continue from; None for the first.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        videos, store = open_subset(subset)
        validation, heldout_store = open_subset(heldout)
        task = build_task(spec).to(device)
        measured, short = long_enough(videos, validation, task.min_frames)
        require_long_videos(videos, short, spec, identity["subset"], identity["source"])
        if is_main_process():
            short.tell(spec.task)
        dataset = ClipDataset(store, videos, task.sampler, spec.augmentation, spec.seed, min_frames=task.min_frames)

        def step(network: nn.Module, batch: Inputs, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
            which = {"videos": batch.videos} if task.needs_videos else {}
            found: tuple[Tensor, dict[str, Tensor]] = network(batch.clips, batch.choices, generator, **which)
            return found

        trainer = make_trainer(spec, task, step, dataset, folder, compute, signals)
        trainer.before_step, trainer.after_step = task.on_step_start, task.on_step_end
        if previous is not None and trainer.epoch == 0 and trainer.step_in_epoch == 0:
            trainer.restore(_matching(load_parts(previous, STATE, "training state"), trainer, previous))
        begun = trainer.epoch, trainer.step_in_epoch
        stage_frames(dataset, spec.stop - trainer.epoch, compute, signals)
        trainer.run(spec.stop, batches(spec, dataset, compute, device), f"{spec.task}, {len(videos)} videos")
        metrics = evaluate(spec, task, heldout_store, measured, compute, device, signals)
        metrics += collapse_metrics(spec, task.pretrained, heldout_store, measured, compute, device, signals)
        if is_main_process():
            if begun != (trainer.epoch, trainer.step_in_epoch):
                trainer.save()  # otherwise the checkpoint already has this state and stays unchanged
            samples = {"train": len(videos), "heldout": len(measured)}
            _finish(folder, spec, identity, trainer, metrics, device, samples, short)


def build_task(spec: TaskSpec) -> PretextTask:
    """The pretext task and its backbone; the initial weights depend only on the seed."""
    seed_everything(spec.seed, INITIAL, 0)
    network = backbones.build(spec.backbone.name, **spec.backbone.options)
    augment = spec.augment
    return pretext.build(spec.task, network, spec.options, frames=spec.clip.frames, mean=augment.mean, std=augment.std)


def _matching(state: dict[str, Any], trainer: Trainer, path: Path) -> dict[str, Any]:
    expected = trainer.checkpoints.recipe_hash
    if state["recipe_hash"] != expected:
        raise UserError(
            f"{path} was trained under another recipe or on other data ({state['recipe_hash']}, this is {expected}). "
            "Remove it and run again: Snakemake will train that milestone anew."
        )
    if problem := trainer.problem_of(state):
        raise damaged(path, f"does not fit the network that is trained here: {problem}")
    return state


@torch.no_grad()
def evaluate(
    spec: PretrainSpec,
    task: PretextTask,
    store: FrameStore,
    heldout: pd.DataFrame,
    compute: Compute,
    device: torch.device,
    signals: Signals,
) -> list[dict[str, Any]]:
    """The pretext task's metrics on held-out videos; empty if the source has no validation videos that can be used.

    Clips are sampled and prepared as in training, without what is random in the preparation, unless the task compares
    augmented views (`heldout_augmented`). The random draws are the same at every milestone, so milestones are
    comparable.
    """
    if heldout.empty:
        print("the source has no validation videos that can be used: the pretext task is not measured", flush=True)
        return []
    task.eval()
    augment = spec.augmentation if task.heldout_augmented else spec.test_augmentation
    dataset = ClipDataset(store, heldout, task.sampler, augment, spec.seed + INITIAL)
    loader = eval_loader(dataset, batch_size=spec.batch_size, workers=compute.workers, device=device)
    rank, processes = rank_and_processes()
    own: dict[int, dict[str, torch.Tensor]] = {}
    for batch in until_stopped(track(loader, "held-out videos"), signals):
        number = rank + processes * len(own)
        generator = seed_everything(spec.seed, INITIAL, 1 + number)
        outputs = task.evaluate_batch(prepare(batch, device), batch.choices.to(device), generator)
        own[number] = {name: values.cpu() for name, values in outputs.items()}
    found = {number: outputs for share in all_gather_object(own) for number, outputs in share.items()}
    parts = [found[number] for number in sorted(found)]
    outputs = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    rows = [{"split": "val", **row} for row in task.summarise(outputs)]
    for row in rows:
        print(
            f"{row['metric']} {row['value']:.3f} on {row['n']} held-out samples (chance {row['chance']:.3f})",
            flush=True,
        )
    return rows


def _finish(
    folder: Path,
    spec: PretrainSpec,
    identity: dict[str, Any],
    trainer: Trainer,
    metrics: list[dict[str, Any]],
    device: torch.device,
    samples: dict[str, int],
    short: ShortVideos,
) -> None:
    # The checkpoint also becomes the next milestone's starting point, as a hard link to save disk space. If Snakemake
    # dies before it records that the job is done, the remaining checkpoint makes the rerun short.
    state = folder / "state.pt"
    state.unlink(missing_ok=True)
    try:
        os.link(trainer.checkpoints.path, state)
    except OSError:  # the file system has no hard links
        shutil.copyfile(trainer.checkpoints.path, state)
    backbone = cast("PretextTask", trainer.module).pretrained
    save_torch(
        folder / "weights.pt",
        {"backbone": backbone.state_dict(), "spec": spec.backbone.model_dump(), "identity": identity},
    )
    write_metrics(folder / "metrics.parquet", identity, [*metrics, *_last_epoch(folder, trainer.epoch)])
    write_run(
        folder / "run.json",
        spec=spec,
        identity=identity,
        device=device,
        seconds=trainer.clock.seconds,
        samples=samples,
        too_short=short.as_json(),
    )


def _last_epoch(folder: Path, epoch: int) -> list[dict[str, Any]]:
    """Metrics rows of the training in `epoch`, the last epoch: the mean loss, and the share of queries that met a key
    of their own video in the queue, if the task has one."""
    last = History(folder).last()
    if last is None or last["epoch"] != epoch:  # trained by an earlier process whose history is lost or damaged
        return []
    return [
        {"split": "train", "metric": name, "value": last[name], "n": last["samples"]}
        for name in ("loss", OWN_VIDEO)
        if name in last
    ]
