"""Attentive probing: a frozen network's feature map, pooled by attention with learned queries, then classified.

Bardes et al. 2024, "Revisiting feature prediction for learning visual representations from video" (V-JEPA). Facts from
facebookresearch/jepa (src/models/attentive_pooler.py, configs/evals): one block of cross-attention and a two-layer
network of four times the width, each with a shortcut and after a layer norm; one query; AdamW, a cosine to 0, no
warm-up, 20 epochs.

Departures, so that one protocol serves every network and a study of many:
- The tokens are the positions of the network's last map: those of a convolutional network as well, without positions of
  their own.
- They are computed once, from evenly spaced clips of each video without augmentation. V-JEPA runs the network in every
  epoch, on augmented clips.
- All learning rates are trained side by side on the same batches (as V-JEPA 2 does), without the validation videos; the
  best is trained again on all training videos. V-JEPA 2 reports the best on its test videos.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.backbones.base import Backbone
from videossl.backbones.parts.tokens import head_count
from videossl.common.files import full_disk_explained, half_written
from videossl.common.progress import track
from videossl.common.results import write_metrics, write_predictions
from videossl.data.frames import Frames
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.data.sampling import UniformClips, epoch_generator
from videossl.evaluation.accuracy import accuracies, predict, report_gaps
from videossl.evaluation.batch_statistics import estimate_statistics
from videossl.evaluation.evaluate import video_means, videos_a_batch
from videossl.evaluation.model import build_backbone
from videossl.evaluation.validation import best, require_validation
from videossl.training.clock import Clock
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.optim import build_optimizer, lr_factor, set_learning_rate
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.seeding import INITIAL, seed_everything
from videossl.training.session import Compute
from videossl.training.settings import OptimizerSettings, Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videossl.stages.attentive_probe import AttentiveProbeSpec

HEAD_CHANNELS = 64  # channels per attention head, as in ViT-L and ViT-H, whose number of heads V-JEPA's probes have
MLP_RATIO = 4
INITIAL_STD = 0.02  # of weights and queries; larger values are drawn again
SCHEDULE = Schedule(name="cosine")


class FrozenTokens(nn.Module):
    """The positions of a network's last map, as normalised tokens: (N, 3, T, H, W) -> (N, L, D).

    Each token has mean 0 and variance 1. The probe's first layer normalises them anyway (with learned scales and
    shifts); done here, too, they fit into half precision, whatever the network's scale.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False)

    def forward(self, clips: Tensor) -> Tensor:
        tokens = self.backbone.feature_map(clips).flatten(2).transpose(1, 2)
        return F.layer_norm(tokens.float(), tokens.shape[2:])


class AttentiveClassifier(nn.Module):
    """Learned queries attend to tokens; a linear layer reads the mean of what they found: (N, L, D) -> (N, classes)."""

    def __init__(self, dim: int, classes: int, queries: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.empty(1, queries, dim))
        self.norm1 = nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, head_count(dim, HEAD_CHANNELS), batch_first=True)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, MLP_RATIO * dim), nn.GELU(), nn.Linear(MLP_RATIO * dim, dim))
        self.fc = nn.Linear(dim, classes)
        self._initialise()

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if "norm" not in name:
                nn.init.zeros_(parameter) if name.endswith("bias") else nn.init.trunc_normal_(
                    parameter, std=INITIAL_STD
                )
        with torch.no_grad():  # the two layers that end a shortcut
            self.attention.out_proj.weight.div_(math.sqrt(2))
            self.mlp[2].weight.div_(math.sqrt(2))

    def pool(self, tokens: Tensor) -> Tensor:
        """(N, L, D) -> (N, D)."""
        keys = self.norm1(tokens)
        queries = self.queries.expand(len(tokens), -1, -1)
        found = queries + self.attention(queries, keys, keys, need_weights=False)[0]
        return (found + self.mlp(self.norm2(found))).mean(dim=1)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.pool(tokens))


def attentive_probe(
    spec: AttentiveProbeSpec,
    identity: dict[str, Any],
    *,
    manifest: Path,
    weights: Path | None,
    folder: Path,
    compute: Compute,
) -> None:
    """Select the learning rate on validation videos, train on all training videos, test once.

    The network is in evaluation mode and never trained. Writes metrics, predictions and `run.json` to `folder`.

    Args:
        spec: settings, and the frozen network with its clips.
        identity: the cell's identity columns.
        manifest: manifest of the target; its frame store is in the same folder.
        weights: `weights.pt` of a pretraining; None: random initial weights, with statistics of batch normalisation
            from the target's training videos (:mod:`videossl.evaluation.batch_statistics`).
        folder: the run folder. The training videos' tokens are in it during the run.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    clock, own = Clock(), spec.features
    with exclusive(folder, signals):
        rows = read_manifest(manifest)
        store, target = open_store(manifest, rows), target_videos(rows)
        labels, held = target.train["label"].to_numpy(np.int64), (target.train["split"] == "val").to_numpy()
        require_validation(held, labels, "attentive probing", "its learning rate")
        backbone = build_backbone(own, weights).to(device)
        if own.estimated_statistics:
            estimate_statistics(own, backbone, store, target.train, compute, device, signals)
        frozen = FrozenTokens(backbone).eval()
        with stored_tokens(spec, frozen, store, target.train, folder, compute, device, signals) as tokens:
            rate, tried = choose_rate(spec, tokens, labels, held, target.classes, device, signals)
            (probe,) = train(spec, [rate], tokens, labels, np.arange(len(labels)), target.classes, device, signals)
        tested = nn.Sequential(frozen, probe)
        logits = video_means(own, tested, store, target.test, compute, device, signals, "test videos")
        predictions = predict(target.test, target.test_split, logits, own.test_clips)
        top = accuracies(predictions, logits, target.test_split)
        chosen = [
            {"split": "val", "metric": "validation_top1", "value": tried[rate], "n": int(held.sum())},
            {"split": "val", "metric": "learning_rate", "value": rate, "n": len(tried)},
        ]
        write_predictions(folder / "predictions.parquet", identity, predictions)
        write_metrics(folder / "metrics.parquet", identity, [*top, *chosen])
        write_run(
            folder / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=clock.seconds,
            samples={"train": len(target.train), "validation": int(held.sum()), "test": len(target.test)},
            classes=target.gaps.as_json(),
        )
    report_gaps(target.gaps)
    print(
        f"learning rate {rate:g} (best of {len(tried)} on {held.sum()} validation videos); top-1"
        f" {100 * top[0]['value']:.1f} % on {len(target.test)} {target.test_split} videos",
        flush=True,
    )


@contextmanager
def stored_tokens(
    spec: AttentiveProbeSpec,
    frozen: FrozenTokens,
    store: Frames,
    videos: pd.DataFrame,
    folder: Path,
    compute: Compute,
    device: torch.device,
    signals: Signals,
) -> Iterator[np.ndarray]:
    """Context manager: tokens of evenly spaced clips of each video, float16 (videos, clips, L, D), in a file of
    `folder` that is removed in the end.

    A file, as they may not fit into memory: with ViT-B, 16 frames of 112 pixels and 4 clips, those of UCF101's training
    videos take 23 GB. Raises UserError if the disk is full.
    """
    own = spec.features
    sampler = UniformClips(own.clip.frames, own.stride, spec.train_clips)
    dataset = ClipDataset(store, videos, sampler, own.test_augmentation, own.seed)
    size = max(1, videos_a_batch(own.batch_size, spec.train_clips))
    loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
    path = half_written(folder / "tokens.npy")
    try:
        with full_disk_explained(path), torch.no_grad():
            tokens: np.ndarray | None = None
            for batch in until_stopped(track(loader, "tokens of training videos"), signals):
                clips = prepare(batch, device)
                found = frozen(clips.flatten(0, 1)).unflatten(0, clips.shape[:2]).half().cpu().numpy()
                if tokens is None:
                    shape = (len(videos), *found.shape[1:])
                    tokens = np.lib.format.open_memmap(path, mode="w+", dtype=np.float16, shape=shape)
                tokens[batch.videos.numpy()] = found
        assert tokens is not None  # a target has training videos
        yield tokens
    finally:
        path.unlink(missing_ok=True)


def choose_rate(
    spec: AttentiveProbeSpec,
    tokens: np.ndarray,
    labels: np.ndarray,
    held: np.ndarray,
    classes: int,
    device: torch.device,
    signals: Signals,
) -> tuple[float, dict[float, float]]:
    """The learning rate with the best validation accuracy, the lower of equal ones, and the accuracy of each.

    Args:
        tokens: (videos, clips, L, D) of the training videos; labels: their classes; held: those for validation.
    """
    rates = sorted(spec.rates)
    probes = train(spec, rates, tokens, labels, np.flatnonzero(~held), classes, device, signals)
    tried = {
        rate: float((logits_of(probe, tokens[held], spec.batch_size, device).argmax(axis=1) == labels[held]).mean())
        for rate, probe in zip(rates, probes, strict=True)
    }
    return best(tried), tried


def train(
    spec: AttentiveProbeSpec,
    rates: Sequence[float],
    tokens: np.ndarray,
    labels: np.ndarray,
    rows: np.ndarray,
    classes: int,
    device: torch.device,
    signals: Signals,
) -> list[AttentiveClassifier]:
    """A probe for each learning rate: all from the same initial weights, on the same batches.

    An epoch takes each clip once, in an order drawn from the seed and the epoch; its last batch may be smaller.

    Args:
        tokens: (videos, clips, L, D); labels: their classes (videos,).
        rows: the videos to train on, as indices of the two.
    """
    seed = spec.features.seed
    seed_everything(seed, INITIAL, 0)
    first = AttentiveClassifier(tokens.shape[3], classes, spec.queries)
    probes = [copy.deepcopy(first).to(device).train() for _ in rates]
    optimizers = [build_optimizer(probe, _optimizer(rate, spec)) for rate, probe in zip(rates, probes, strict=True)]
    clips = tokens.shape[1]
    count = len(rows) * clips
    steps = math.ceil(count / spec.batch_size)
    for epoch in until_stopped(track(range(spec.epochs), "epochs of the probe"), signals):
        order = epoch_generator(seed, epoch).permutation(count)
        for step in range(steps):
            chosen = order[step * spec.batch_size : (step + 1) * spec.batch_size]
            videos = rows[chosen // clips]
            batch = torch.from_numpy(tokens[videos, chosen % clips]).to(device).float()
            wanted = torch.from_numpy(labels[videos]).to(device)
            factor = lr_factor(SCHEDULE, epoch + step / steps, spec.epochs)
            for rate, probe, optimizer in zip(rates, probes, optimizers, strict=True):
                set_learning_rate(optimizer, rate * factor)
                loss = F.cross_entropy(probe(batch), wanted)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
    return [probe.eval() for probe in probes]


def _optimizer(rate: float, spec: AttentiveProbeSpec) -> OptimizerSettings:
    return OptimizerSettings(name="adamw", lr=rate, weight_decay=spec.weight_decay, decayed="matrices")


@torch.no_grad()
def logits_of(probe: AttentiveClassifier, tokens: np.ndarray, batch_size: int, device: torch.device) -> np.ndarray:
    """Logits (videos, classes), means over the clips of tokens (videos, clips, L, D)."""
    found = []
    for begin in range(0, len(tokens), batch_size):
        batch = torch.from_numpy(tokens[begin : begin + batch_size]).to(device).float()
        found.append(probe(batch.flatten(0, 1)).unflatten(0, batch.shape[:2]).mean(dim=1).cpu().numpy())
    return np.concatenate(found)
