"""Weights of a video-language model: a small model trained on generated videos, or published weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from videossl.common.results import write_metrics
from videossl.data.loader import ClipDataset
from videossl.training.history import History
from videossl.training.inputs import Inputs
from videossl.training.loop import Step
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.seeding import INITIAL, seed_everything
from videossl.training.session import Compute, batches, make_trainer
from videossl.videolanguage.convert import published_model
from videossl.videolanguage.corpus import read_corpus
from videossl.videolanguage.losses import class_loss, motion_loss, pair_loss
from videossl.videolanguage.models import registry
from videossl.videolanguage.models.base import VideoLanguageModel
from videossl.videolanguage.sampling import RandomSegments
from videossl.videolanguage.saved import load_model, save_model
from videossl.videolanguage.specs import PublishedModelSpec, TrainedModelSpec
from videossl.videolanguage.texts import ClipTokenizer, fill, tokenised


def train_model(
    spec: TrainedModelSpec,
    identity: dict[str, Any],
    *,
    manifest: Path,
    left_out: Sequence[Path],
    start: Path,
    folder: Path,
    compute: Compute,
) -> None:
    """Train a small model; writes weights, metrics and `run.json` to `folder`.

    Args:
        spec: every setting that affects the weights.
        identity: the cell's identity columns.
        manifest: manifest of the corpus; its frame store is in the same folder.
        left_out: listings of the datasets whose classes must not be in the corpus.
        start: `weights.pt` of the small CLIP (:mod:`videossl.videolanguage.start`).
        folder: the run folder.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        corpus = read_corpus(spec, manifest, left_out)
        clip, tokenizer = load_model(start)
        options = {**spec.options, "vocabulary": tokenizer.size}
        seed_everything(spec.seed, INITIAL, 0)
        model = registry.build(spec.model, **options)
        model.start_from(clip.state_dict())
        model.to(device)
        texts = fill(spec.templates, corpus.captions)
        tokens = torch.from_numpy(tokenised(texts, tokenizer, model.context)).to(device)
        sampler = RandomSegments(model.frames)
        dataset = ClipDataset(corpus.store, corpus.videos, sampler, spec.augmentation, spec.seed)
        step = training_step(model, tokens, spec)
        trainer = make_trainer(spec, model, step, dataset, folder, compute, signals, [start])
        trainer.run(spec.epochs, batches(spec, dataset, compute, device), f"{spec.model}, {len(dataset)} videos")
        save_model(folder / "weights.pt", model, spec.model, options, tokenizer)
        _write_records(folder, spec, identity, model, device, trainer.clock.seconds, len(dataset))
        trainer.checkpoints.path.unlink(missing_ok=True)


def training_step(model: VideoLanguageModel, tokens: Tensor, spec: TrainedModelSpec) -> Step:
    """Training step. `tokens`: (templates, captions, context); each step uses one random template."""

    def step(network: nn.Module, batch: Inputs, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        labels = batch.labels
        prompts = tokens[int(torch.randint(len(tokens), (1,), generator=generator))]
        video = model.encode_video(batch.clips[:, 0])
        if spec.objective == "classes":
            loss, hits = class_loss(model, video, model.encode_text(prompts), labels)
        else:
            loss, hits = pair_loss(model, video, model.encode_text(prompts)[labels], labels)
        scalars = {"matching": loss.detach(), "hits": hits}
        if spec.motion_weight:
            motion = motion_loss(video.frames)
            loss, scalars = loss + spec.motion_weight * motion, {**scalars, "motion": motion.detach()}
        return loss, scalars

    return step


def import_model(
    spec: PublishedModelSpec,
    identity: dict[str, Any],
    *,
    weights: Path,
    base: Path | None,
    tokenizer: Path,
    folder: Path,
    compute: Compute,
) -> None:
    """Import published weights: check every name and shape, and write the same files as :func:`train_model`.

    `weights`: the published file; `base`: CLIP's weights, if the model needs them; `tokenizer`: folder of CLIP's
    vocabulary.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        model = published_model(spec, weights, base)
        save_model(folder / "weights.pt", model, spec.model, spec.options, ClipTokenizer.read(tokenizer))
        _write_records(folder, spec, identity, model, device, 0.0, spec.data.videos)


def _write_records(
    folder: Path,
    spec: TrainedModelSpec | PublishedModelSpec,
    identity: dict[str, Any],
    model: VideoLanguageModel,
    device: torch.device,
    seconds: float,
    videos: int,
) -> None:
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    facts = {"training_videos": videos, "frames": spec.clip.frames, "parameters_millions": parameters}
    last = History(folder).last()
    if last is not None:
        facts |= {"loss": last["loss"], "hits": last["hits"]}
    rows = [{"split": "train", "metric": name, "value": float(value), "n": videos} for name, value in facts.items()]
    write_metrics(folder / "metrics.parquet", identity, rows)
    write_run(
        folder / "run.json", spec=spec, identity=identity, device=device, seconds=seconds, samples={"train": videos}
    )
