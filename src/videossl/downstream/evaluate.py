"""Evaluation video by video: mean outputs over uniformly spaced clips, predictions, accuracies with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from videossl.analysis.statistics import wilson_interval
from videossl.data.frames import Frames
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.sampling import UniformClips
from videossl.data.videos import Target
from videossl.processes import of_all
from videossl.progress import track
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.session import Compute, test_augmentation


@torch.no_grad()
def video_means(
    spec: dict[str, Any],
    model: nn.Module,
    store: Frames,
    videos: pd.DataFrame,
    compute: Compute,
    device: torch.device,
    signals: Signals,
    description: str = "testing",
) -> np.ndarray:
    """Mean output (videos, D) of `model` over uniformly spaced clips of each video, in the order of `videos`: logits of
    a classifier, features of a backbone. Raises RuntimeError unless every video was seen exactly once.

    `spec`: `clip`, `stride`, `test_clips`, `batch_size`, `seed`, and the normalisation in `augment`.
    """
    model.eval()
    sampler = UniformClips(spec["clip"]["frames"], spec["stride"], spec["test_clips"])
    dataset = ClipDataset(store, videos, sampler, test_augmentation(spec), spec["seed"])
    size = max(1, videos_a_batch(spec["batch_size"], spec["test_clips"]))
    loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
    own: list[tuple[list[int], np.ndarray]] = []
    for batch in until_stopped(track(loader, description), signals):
        clips = prepare(batch, device)
        outputs = model(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        own.append((batch.videos.tolist(), outputs.mean(dim=1).float().cpu().numpy()))
    batches = sorted((batch for share in of_all(own) for batch in share), key=lambda batch: batch[0])
    seen = [video for numbers, _ in batches for video in numbers]
    if seen != list(range(len(videos))):
        raise RuntimeError(f"{description} saw {len(seen)} videos, not each of {len(videos)} once")
    return np.concatenate([means for _, means in batches])


def videos_a_batch(batch_size: int, clips: int) -> int:
    """Videos a test batch: about as many clips as in four training batches, as no gradient is kept."""
    return 4 * batch_size // clips


def predict(videos: pd.DataFrame, split: str, logits: np.ndarray, clips: int) -> pd.DataFrame:
    """One row a video: label, prediction, softmax probability of the label. `videos`: rows of a manifest."""
    labels = videos["label"].to_numpy()
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "split": split,
            "video": videos["id"],
            "label": labels,
            "prediction": logits.argmax(axis=1),
            "correct": logits.argmax(axis=1) == labels,
            "probability_label": probabilities[np.arange(len(labels)), labels],
            "clips": clips,
        }
    )


def accuracies(predictions: pd.DataFrame, logits: np.ndarray, split: str) -> list[dict[str, Any]]:
    """Metrics rows: top-1 and top-5 (where there are more classes) with 95 % Wilson intervals."""
    n, classes = logits.shape
    ranks = (logits > logits[np.arange(n), predictions["label"]][:, None]).sum(axis=1)
    # a label that ties with the prediction is no hit of top-1: the prediction decides
    hits = {1: int(predictions["correct"].sum()), 5: int((ranks < 5).sum())}
    rows = []
    for k in (k for k in hits if k < classes):
        low, high = wilson_interval(hits[k], n)
        interval = {"ci_low": low, "ci_high": high, "chance": k / classes}
        rows.append({"split": split, "metric": f"top{k}", "value": hits[k] / n, "n": n, **interval})
    return rows


def video_counts(target: Target) -> list[dict[str, Any]]:
    """Metrics rows: how many videos of the splits were used, missing and broken."""
    rows = []
    for name, verb, split, used in (
        ("test", "evaluated", target.test_split, len(target.test)),
        ("train", "trained", "train", len(target.train)),
    ):
        counts = {verb: used, **{status: target.unreadable[f"{name}_{status}"] for status in ("missing", "broken")}}
        listed = sum(counts.values())
        rows += [
            {"split": split, "metric": f"videos_{kind}", "value": float(count), "n": listed}
            for kind, count in counts.items()
        ]
    return rows


def report(target: Target, rows: list[dict[str, Any]]) -> None:
    """The outcome in words, for the log. `rows`: metrics, top-1 among them."""
    top1 = next(row for row in rows if row["metric"] == "top1")
    value, low, high, chance = (100 * top1[key] for key in ("value", "ci_low", "ci_high", "chance"))
    print(
        f"top-1 {value:.1f} % [{low:.1f}, {high:.1f}] on {top1['n']} {top1['split']} videos (chance {chance:.1f} %),"
        f" trained on {len(target.train)}; videos that could not be read: "
        + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in target.unreadable.items()),
        flush=True,
    )
