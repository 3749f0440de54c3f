"""The weights of a video-language model: trained on generated videos and their captions, or the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from videossl.data.loader import Batch, ClipDataset, prepare
from videossl.data.subsets import make_subset
from videossl.data.videos import open_store, read_manifest
from videossl.errors import UserError
from videossl.results import write_metrics
from videossl.training.checkpoint import save_torch
from videossl.training.loop import Step
from videossl.training.record import History, write_run
from videossl.training.run_folder import exclusive
from videossl.training.seeding import INITIAL, seed_everything
from videossl.training.session import Compute, augmentation, batches, make_trainer
from videossl.vifm.convert import published_model
from videossl.vifm.losses import class_loss, motion_loss, pair_loss
from videossl.vifm.models import registry
from videossl.vifm.models.base import VideoLanguageModel
from videossl.vifm.sampling import RandomSegments
from videossl.vifm.texts import ClipTokenizer, Tokenizer, WordTokenizer, fill, phrase


@dataclass(frozen=True)
class Corpus:
    """Videos with captions, which are the names of their classes."""

    videos: pd.DataFrame
    """Rows of a manifest; `label` counts the captions that are used."""
    captions: list[str]


def captioned(manifest: pd.DataFrame, left_out: Sequence[pd.DataFrame], videos: int, seed: int) -> Corpus:
    """`videos` training videos, evenly over the captions that no dataset of `left_out` has as a class."""
    unseen = {phrase(name) for other in left_out for name in other["label_name"]}
    kept = manifest[(manifest["label"] >= 0) & ~manifest["label_name"].map(phrase).isin(unseen)].reset_index(drop=True)
    if kept.empty:
        raise UserError("no caption of the corpus is left: every one is a class of a dataset in vifm.training.leave_out.")
    chosen, _ = make_subset(kept, videos, seed)
    rows = kept.iloc[chosen["row"].to_numpy()].reset_index(drop=True)
    captions = sorted({phrase(name) for name in rows["label_name"]})
    return Corpus(rows.assign(label=[captions.index(phrase(name)) for name in rows["label_name"]]), captions)


def train_model(
    spec: dict[str, Any],
    identity: dict[str, Any],
    *,
    manifest: Path,
    left_out: Sequence[Path],
    folder: Path,
    compute: Compute,
) -> None:
    """Train a small model; leaves weights, metrics and `run.json` in `folder`.

    Args:
        spec: what decides the weights (:func:`videossl.specs.vifm_spec`).
        identity: the cell's identity columns.
        manifest: of the corpus; its frame store lies beside it.
        left_out: manifests of the datasets whose classes the corpus must not have.
        folder: the run folder.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        rows = read_manifest(manifest)
        store = open_store(manifest, rows)
        corpus = captioned(rows, [read_manifest(path) for path in left_out], spec["videos"], spec["subset_seed"])
        texts = fill(spec["templates"], corpus.captions)
        tokenizer = WordTokenizer.of(text for row in texts for text in row)
        options = {**spec["options"], "vocabulary": tokenizer.size}
        seed_everything(spec["seed"], INITIAL, 0)
        model = registry.build(spec["model"], **options).to(device)
        tokens = torch.stack([torch.from_numpy(tokenizer(row, model.context)) for row in texts]).to(device)
        dataset = ClipDataset(store, corpus.videos, RandomSegments(model.frames), augmentation(spec), spec["seed"])
        step = training_step(model, tokens, spec, device)
        trainer = make_trainer(spec, model, step, dataset, folder, compute, signals)
        trainer.run(spec["epochs"], batches(spec, dataset, compute, device), f"{spec['model']}, {len(dataset)} videos")
        _finish(folder, spec, identity, model, options, tokenizer, device, trainer.clock.seconds, len(dataset))
        trainer.checkpoints.path.unlink(missing_ok=True)


def training_step(model: VideoLanguageModel, tokens: Tensor, spec: dict[str, Any], device: torch.device) -> Step:
    """One step. `tokens` (templates, captions, context); each step draws one of the templates."""

    def step(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        labels = batch.labels.to(device)
        prompts = tokens[int(torch.randint(len(tokens), (1,), generator=generator))]
        video = model.encode_video(prepare(batch, device)[:, 0])
        if spec["objective"] == "classes":
            loss, hits = class_loss(model, video, model.encode_text(prompts), labels)
        else:
            loss, hits = pair_loss(model, video, model.encode_text(prompts)[labels], labels)
        scalars = {"matching": loss.detach(), "hits": hits}
        if spec["motion_weight"]:
            motion = motion_loss(video.frames)
            loss, scalars = loss + spec["motion_weight"] * motion, {**scalars, "motion": motion.detach()}
        return loss, scalars

    return step


def import_model(
    spec: dict[str, Any],
    identity: dict[str, Any],
    *,
    weights: Path,
    base: Path | None,
    tokenizer: Path,
    folder: Path,
    compute: Compute,
) -> None:
    """Take over published weights: check every name and shape, and leave the same files as :func:`train_model`.

    `weights`: the published file; `base`: CLIP's, if it is needed; `tokenizer`: folder of CLIP's vocabulary.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        model = published_model(spec, weights, base)
        words = ClipTokenizer.read(tokenizer)
        videos = spec["data"]["videos"]
        _finish(folder, spec, identity, model, spec["options"], words, device, 0.0, videos)


def _finish(
    folder: Path,
    spec: dict[str, Any],
    identity: dict[str, Any],
    model: VideoLanguageModel,
    options: dict[str, Any],
    tokenizer: Tokenizer,
    device: torch.device,
    seconds: float,
    videos: int,
) -> None:
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    save_torch(
        folder / "weights.pt",
        {"model": state, "spec": spec, "options": options, "tokenizer": tokenizer.state()},
    )
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    facts = {"training_videos": videos, "frames": spec["clip"]["frames"], "parameters_millions": parameters}
    rows = [{"split": "train", "metric": name, "value": float(value), "n": videos} for name, value in facts.items()]
    last = History(folder).last()
    if last is not None:
        rows += [{"split": "train", "metric": key, "value": last[key], "n": last["samples"]} for key in ("loss", "hits")]
    write_metrics(folder / "metrics.parquet", identity, rows)
    write_run(
        folder / "run.json", spec=spec, identity=identity, device=device, seconds=seconds, samples={"train": videos}
    )
