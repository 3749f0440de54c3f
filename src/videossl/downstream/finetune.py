"""End-to-end finetuning on a target dataset and the 10-clip video-level test (paper, section 3.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videossl.analysis.statistics import wilson_interval
from videossl.backbones import registry as backbones
from videossl.backbones.base import Backbone
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.sampling import RandomClips, UniformClips
from videossl.data.store import FrameStore
from videossl.data.videos import Target, open_store, read_manifest, target_videos
from videossl.errors import UserError
from videossl.progress import track
from videossl.results import write_metrics, write_predictions
from videossl.training.checkpoint import load_torch, save_torch
from videossl.training.interrupt import Signals
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.seeding import INITIAL, seed_everything
from videossl.training.session import Compute, augmentation, batches, make_trainer, test_augmentation


class Classifier(nn.Module):
    """A backbone with dropout and one linear layer: (N, 3, T, H, W) -> logits (N, classes)."""

    def __init__(self, backbone: Backbone, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(backbone.feature_dim, classes)

    def forward(self, clips: Tensor) -> Tensor:
        return self.fc(self.dropout(self.backbone(clips)))


def finetune(
    spec: dict[str, Any],
    identity: dict[str, Any],
    *,
    manifest: Path,
    weights: Path | None,
    folder: Path,
    compute: Compute,
) -> None:
    """Finetune all layers, test, and leave weights, metrics, predictions and `run.json` in `folder`.

    Nothing is selected: the network of the last epoch is tested once.

    Args:
        spec: what decides the outcome besides the weights (:func:`videossl.specs.finetune_spec`).
        identity: the cell's identity columns.
        manifest: of the target dataset; its frame store lies beside it.
        weights: `weights.pt` of a pretraining; None: train from scratch.
        folder: the run folder.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    with exclusive(folder, signals):
        rows = read_manifest(manifest)
        store, target = open_store(manifest, rows), target_videos(rows)
        model = build_classifier(spec, target.classes, weights).to(device)
        sampler = RandomClips(spec["clip"]["frames"], spec["stride"])
        dataset = ClipDataset(store, target.train, sampler, augmentation(spec), spec["seed"])

        def step(batch, generator):
            logits = model(prepare(batch, device)[:, 0])
            labels = batch.labels.to(device)
            correct = (logits.detach().argmax(dim=1) == labels).float().mean()
            return F.cross_entropy(logits, labels), {"top1": correct}

        trainer = make_trainer(spec, model, step, dataset, folder, compute, signals, weights)
        trainer.run(spec["epochs"], batches(spec, dataset, compute, device), f"finetuning, {len(dataset)} videos")
        logits = video_logits(spec, model, store, target.test, compute, device, signals)
        predictions = predict(target, logits, spec["test_clips"])
        save_torch(folder / "weights.pt", {"model": model.state_dict(), "spec": spec, "classes": target.classes})
        write_predictions(folder / "predictions.parquet", identity, predictions)
        write_metrics(folder / "metrics.parquet", identity, summarise(target, predictions, logits))
        write_run(
            folder / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=trainer.clock.seconds,
            samples={"train": len(target.train), "test": len(target.test), **target.unreadable},
        )
        trainer.checkpoints.path.unlink(missing_ok=True)
    report(target, predictions)


def build_classifier(spec: dict[str, Any], classes: int, weights: Path | None) -> Classifier:
    """The network to finetune, its backbone from `weights`; the classifier's weights follow from the seed."""
    seed_everything(spec["seed"], INITIAL, 0)
    backbone = backbones.build(spec["backbone"]["name"], **spec["backbone"]["options"])
    model = Classifier(backbone, classes, spec["dropout"])
    if weights is not None:
        pretrained = load_torch(weights)
        if pretrained["spec"] != spec["backbone"]:
            raise UserError(
                f"{weights} holds the backbone {pretrained['spec']}, and {spec['backbone']} is to be finetuned. "
                "Run the pretraining again with the present configuration."
            )
        backbone.load_state_dict(pretrained["backbone"])
    return model


@torch.no_grad()
def video_logits(
    spec: dict[str, Any],
    model: nn.Module,
    store: FrameStore,
    videos: pd.DataFrame,
    compute: Compute,
    device: torch.device,
    signals: Signals,
) -> np.ndarray:
    """Mean logits (videos, classes) over uniformly spaced clips of each video, in the order of `videos`.

    Raises RuntimeError unless every video was seen exactly once.
    """
    model.eval()
    sampler = UniformClips(spec["clip"]["frames"], spec["stride"], spec["test_clips"])
    dataset = ClipDataset(store, videos, sampler, test_augmentation(spec), spec["seed"])
    size = max(1, videos_a_batch(spec["batch_size"], spec["test_clips"]))
    loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
    means, seen = [], []
    for batch in track(loader, "testing"):
        signals.stop_if_asked()
        clips = prepare(batch, device)
        logits = model(clips.flatten(0, 1)).unflatten(0, clips.shape[:2])
        means.append(logits.mean(dim=1).float().cpu().numpy())
        seen += batch.videos.tolist()
    if seen != list(range(len(videos))):
        raise RuntimeError(f"the test saw {len(seen)} videos, not each of the split's {len(videos)} once")
    return np.concatenate(means)


def videos_a_batch(batch_size: int, clips: int) -> int:
    """Videos a test batch: about as many clips as in four training batches, as no gradient is kept."""
    return 4 * batch_size // clips


def predict(target: Target, logits: np.ndarray, clips: int) -> pd.DataFrame:
    """One row a test video: label, prediction, softmax probability of the label."""
    labels = target.test["label"].to_numpy()
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)
    return pd.DataFrame(
        {
            "split": target.test_split,
            "video": target.test["id"],
            "label": labels,
            "prediction": logits.argmax(axis=1),
            "correct": logits.argmax(axis=1) == labels,
            "probability_label": probabilities[np.arange(len(labels)), labels],
            "clips": clips,
        }
    )


def summarise(target: Target, predictions: pd.DataFrame, logits: np.ndarray) -> list[dict[str, Any]]:
    """Metrics rows: top-1 and top-5 with 95 % Wilson intervals, and the counts of the split's videos."""
    n, split = len(predictions), target.test_split
    ranks = (logits > logits[np.arange(n), predictions["label"]][:, None]).sum(axis=1)
    rows = []
    for k in (1, 5):
        if k >= target.classes:
            continue
        hits = int(predictions["correct"].sum()) if k == 1 else int((ranks < k).sum())
        low, high = wilson_interval(hits, n)
        interval = {"ci_low": low, "ci_high": high, "chance": k / target.classes}
        rows.append({"split": split, "metric": f"top{k}", "value": hits / n, "n": n, **interval})
    for part, used in ((split, n), ("train", len(target.train))):
        name = "train" if part == "train" else "test"
        lost = {status: target.unreadable[f"{name}_{status}"] for status in ("missing", "broken")}
        listed = used + sum(lost.values())
        for kind, count in {"evaluated" if name == "test" else "trained": used, **lost}.items():
            rows.append({"split": part, "metric": f"videos_{kind}", "value": float(count), "n": listed})
    return rows


def report(target: Target, predictions: pd.DataFrame) -> None:
    """The outcome in words, for the log."""
    n, hits = len(predictions), int(predictions["correct"].sum())
    low, high = wilson_interval(hits, n)
    print(
        f"top-1 {100 * hits / n:.1f} % [{100 * low:.1f}, {100 * high:.1f}] on {n} {target.test_split} videos "
        f"(chance {100 / target.classes:.1f} %), trained on {len(target.train)}; videos that could not be read: "
        + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in target.unreadable.items()),
        flush=True,
    )
