"""End-to-end finetuning, with or without teachers, and the 10-clip video-level test (paper, sections 3.2 and 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.common.errors import UserError
from videossl.common.ranks import is_main_process
from videossl.common.results import write_metrics, write_predictions
from videossl.data.feasible import require_videos
from videossl.data.labelled import Labelled, labelled_subset
from videossl.data.loader import ClipDataset
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.data.notes import tell
from videossl.data.sampling import ClipSampler, RandomClips
from videossl.evaluation.accuracy import accuracies, predict, report, video_counts
from videossl.evaluation.class_logits import read_logits
from videossl.evaluation.distillation_loss import distillation_loss
from videossl.evaluation.evaluate import video_means
from videossl.evaluation.model import Classifier, build_classifier, load_classifier
from videossl.evaluation.settings import Distillation
from videossl.evaluation.specs import EPOCHS_RUN, SHORT_CLASSES, DistillSpec, FinetuneSpec, LowShotSpec
from videossl.training.checkpoint import save_torch
from videossl.training.flattening import curve_metrics
from videossl.training.inputs import Inputs
from videossl.training.loop import Step
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.session import Compute, batches, make_trainer, stage_frames
from videossl.videolanguage.sampling import ViewClips


def finetune(
    spec: FinetuneSpec,
    identity: dict[str, Any],
    *,
    manifest: Path,
    weights: Path | None,
    folder: Path,
    compute: Compute,
    teachers: Sequence[Path] = (),
) -> None:
    """Finetune all layers, test, and write weights, metrics, predictions and `run.json` to `folder`.

    No epoch is selected by its accuracy: the network of the last epoch is tested once. Low-shot finetuning writes no
    weights, as nothing reads them.

    Args:
        spec: every setting that affects the result besides the initial weights; a DistillSpec if there are teachers, a
            LowShotSpec to train on a few videos of each class.
        identity: the cell's identity columns.
        manifest: manifest of the target dataset; its frame store is in the same folder.
        weights: `weights.pt` of a pretraining; None: train from scratch.
        folder: the run folder.
        compute: device, threads, loader workers.
        teachers: `weights.pt` of networks finetuned on the same target, or `.npz` files with a video-language model's
            logits for its training clips (:mod:`videossl.evaluation.class_logits`).
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        rows = read_manifest(manifest)
        store, target = open_store(manifest, rows), target_videos(rows)
        labelled = None
        if isinstance(spec, LowShotSpec) and spec.labels != "all":
            train, labelled = labelled_subset(target.train, spec.labels, spec.seed)
            target = replace(target, train=train)
        name = identity.get("target", "")
        remedy = f"Give it more: the training list and files of datasets.{name}."
        require_videos(len(target.train), spec.batch_size, spec.accumulation_steps, f"dataset {name}", remedy)
        model = build_classifier(spec, target.classes, weights).to(device)
        dataset = ClipDataset(store, target.train, training_clips(spec), spec.augmentation, spec.seed)
        if isinstance(spec, DistillSpec):
            saved = [path for path in teachers if path.suffix == ".npz"]
            networks = load_teachers([path for path in teachers if path not in saved], spec, target.classes, device)
            ids = target.train["id"].to_numpy(str)
            kept = [read_logits(path, ids, spec, target.classes).to(device) for path in saved]
            step = distillation_step(networks, spec.distillation, kept)
        else:
            step = classification_step
        files = [path for path in (weights, *teachers) if path]
        trainer = make_trainer(spec, model, step, dataset, folder, compute, signals, files, spec.average)
        epochs, steps = trainer.plan.epochs, trainer.plan.epochs * trainer.plan.steps_per_epoch
        stage_frames(dataset, epochs - trainer.epoch, compute, signals)
        what = f"finetuning with {len(teachers)} teachers" if teachers else "finetuning"
        trainer.run(epochs, batches(spec, dataset, compute, device), f"{what}, {len(dataset)} videos")
        if trainer.average:
            trainer.average.apply(model)
        logits = video_means(spec, model, store, target.test, compute, device, signals)
        if not is_main_process():
            return
        predictions = predict(target.test, target.test_split, logits, spec.test_clips)
        trained = {"split": "train", "metric": EPOCHS_RUN, "value": float(epochs), "n": steps}
        curve = curve_metrics(trainer.history.entries(), epochs)
        found = accuracies(predictions, logits, target.test_split)
        metrics = [*found, *video_counts(target), *short_classes(labelled), trained, *curve]
        if not isinstance(spec, LowShotSpec):
            weights_and_spec = {"model": model.state_dict(), "spec": spec.values, "classes": target.classes}
            save_torch(folder / "weights.pt", weights_and_spec)
        write_predictions(folder / "predictions.parquet", identity, predictions)
        write_metrics(folder / "metrics.parquet", identity, metrics)
        write_run(
            folder / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=trainer.clock.seconds,
            samples={"train": len(target.train), "test": len(target.test), **target.unreadable},
            classes=target.gaps.as_json(),
            labelled=labelled.as_json() if labelled else None,
            length={"epochs": epochs, "steps": steps},
        )
        trainer.checkpoints.path.unlink(missing_ok=True)
    report(target, metrics)
    if labelled and (text := labelled.summary()):
        tell(text)


def short_classes(labelled: Labelled | None) -> list[dict[str, Any]]:
    """Metrics row of a labelled subset: the number of classes that have fewer videos than asked for."""
    if labelled is None:
        return []
    short = float(len(labelled.short or {}))
    return [{"split": "train", "metric": SHORT_CLASSES, "value": short, "n": labelled.classes}]


def classification_step(
    network: nn.Module, batch: Inputs, generator: torch.Generator
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy loss of one batch."""
    logits = network(batch.clips[:, 0])
    return F.cross_entropy(logits, batch.labels), {"top1": _share_correct(logits, batch.labels)}


def training_clips(spec: FinetuneSpec) -> ClipSampler:
    """Sampler of training clips: random times, or the times of the teachers' stored logits if there are any."""
    if not isinstance(spec, DistillSpec) or spec.views is None:
        return RandomClips(spec.clip.frames, spec.stride)
    if spec.augment.crop != "center" or spec.augment.flip or spec.augment.rotation:
        raise UserError(
            "video-language models have seen the centre crops of the training clips, and `finetune.augment` changes "
            "the crops: set crop: center, flip: 0 and rotation: 0."
        )
    return ViewClips(spec.clip.frames, spec.stride, spec.views)


def distillation_step(teachers: Sequence[Classifier], options: Distillation, kept: Sequence[Tensor] = ()) -> Step:
    """Training step with cross-entropy and the KL terms of the teachers, which see the same crops as the student.

    kept: logits (videos, views, C), on the device, of teachers whose logits were computed beforehand.
    """

    def step(network: nn.Module, batch: Inputs, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        clips, labels = batch.clips[:, 0], batch.labels
        with torch.no_grad():
            taught = [teacher(clips) for teacher in teachers]
        taught += [logits[batch.videos, batch.choices] for logits in kept]
        logits = network(clips)
        loss, parts = distillation_loss(
            logits,
            torch.stack(taught),
            labels,
            temperature=options.temperature,
            weighting=options.weighting,
            max_weight=options.max_weight,
        )
        return loss, {"top1": _share_correct(logits, labels), **parts}

    return step


def load_teachers(paths: Sequence[Path], spec: FinetuneSpec, classes: int, device: torch.device) -> list[Classifier]:
    """Finetuned networks in evaluation mode, without gradients.

    Raises UserError if one was finetuned for other classes, or on clips of another shape than the student's.
    """
    found = []
    for path in paths:
        teacher, own = load_classifier(path)
        for key, theirs, ours in (
            ("classes", teacher.fc.out_features, classes),
            *((key, getattr(own, key), getattr(spec, key)) for key in ("clip", "stride")),
            *((key, getattr(own.augment, key), getattr(spec.augment, key)) for key in ("mean", "std")),
        ):
            if theirs != ours:
                raise UserError(f"the teacher {path} has {key} {theirs}, the student {ours}: they must be the same.")
        found.append(teacher.requires_grad_(False).to(device))
    return found


def _share_correct(logits: Tensor, labels: Tensor) -> Tensor:
    return (logits.detach().argmax(dim=1) == labels).float().mean()
