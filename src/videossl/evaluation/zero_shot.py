"""Zero-shot accuracy: classes are given by name only. Each official test set is tested, and the mean is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from videossl.analysis.statistics import wilson_interval
from videossl.common.errors import UserError
from videossl.common.progress import track
from videossl.common.results import write_metrics, write_predictions
from videossl.data.classes import class_gaps
from videossl.data.classes import class_names as known_names
from videossl.data.frames import frames_of
from videossl.data.loader import ClipDataset, eval_loader, prepare
from videossl.data.manifest import read_manifest, test_split
from videossl.data.readers.listing import read_listing
from videossl.data.sampling import ClipSampler
from videossl.evaluation.accuracy import predict, report_gaps
from videossl.evaluation.specs import ViewSpec, ZeroShotSpec
from videossl.training.clock import Clock
from videossl.training.interrupt import Signals, until_stopped
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.session import Compute
from videossl.videolanguage.classify import ZeroShot, class_names, zero_shot_classifier
from videossl.videolanguage.sampling import WholeVideo


def evaluate(
    spec: ZeroShotSpec,
    identity: dict[str, Any],
    *,
    weights: Path,
    manifest: Path,
    root: Path,
    annotations: Path,
    folder: Path,
    compute: Compute,
) -> None:
    """Test a model; writes metrics, predictions and `run.json` to `folder`.

    Args:
        spec: how the model sees the videos and is prompted for classes.
        identity: the cell's identity columns.
        weights: `weights.pt` of the model's `vifm` cell.
        manifest: manifest of the target; its frame store is in the same folder.
        root: folder of the target's videos.
        annotations: folder of the target's official lists.
        folder: the run folder.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    clock = Clock()
    with exclusive(folder, signals):
        rows = read_manifest(manifest)
        tests = test_sets(rows, spec, root, annotations)
        wanted = rows["id"].isin(set().union(*tests.values())) & (rows["status"] == "ok")
        videos = rows[wanted].reset_index(drop=True)
        if videos.empty:
            raise UserError("none of the target's test videos can be read; its manifest says of each what is wrong.")
        model = zero_shot_classifier(weights, spec.prompts, class_names(rows), device)
        store = frames_of(manifest, rows, root, spec.clip.size)
        sampler = WholeVideo(spec.clip.frames, spec.sampling)
        logits = clip_logits(spec, model, store, videos, sampler, compute, device, signals)[:, 0]
        predictions = predict(videos, "test", logits, 1)
        write_predictions(folder / "predictions.parquet", identity, predictions)
        gaps = class_gaps(known_names(rows), None, videos["label"])
        metrics = accuracies(predictions, tests, gaps.tested)
        write_metrics(folder / "metrics.parquet", identity, metrics)
        write_run(
            folder / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=clock.seconds,
            samples={name: len(ids) for name, ids in tests.items()},
            classes=gaps.as_json(),
        )
    top1 = next(row for row in metrics if row["metric"] == "top1")
    value, low, high, chance = (top1[key] for key in ("value", "ci_low", "ci_high", "chance"))
    print(f"zero-shot top-1 {value:.3f} [{low:.3f}, {high:.3f}], chance {chance:.3f}")
    report_gaps(gaps)


def test_sets(manifest: pd.DataFrame, spec: ZeroShotSpec, root: Path, annotations: Path) -> dict[str, set[str]]:
    """Video ids of each official test set by its name; without official splits, of the manifest's test set."""
    if not spec.splits:
        labelled = manifest[manifest["label"] >= 0]
        return {"test": set(labelled.loc[labelled["split"] == test_split(labelled), "id"])}
    sets = {}
    for number in spec.splits:
        listing = read_listing(spec.reader, root, annotations, split=number)
        sets[f"split{number}"] = set(listing.loc[listing["split"] == "test", "id"])
    if lost := set().union(*sets.values()) - set(manifest["id"]):
        raise UserError(f"{len(lost)} test videos of the official lists are not in the manifest, such as {min(lost)}.")
    return sets


@torch.no_grad()
def clip_logits(
    spec: ViewSpec,
    model: ZeroShot,
    store: Any,
    videos: pd.DataFrame,
    sampler: ClipSampler,
    compute: Compute,
    device: torch.device,
    signals: Signals,
) -> np.ndarray:
    """Logits (videos, clips, classes) float32 of each clip, in the order of `videos`."""
    model.eval().to(device)
    dataset = ClipDataset(store, videos, sampler, spec.augmentation, spec.seed)
    size = max(1, spec.batch_size // sampler.clips_per_video)
    found, seen = [], []
    loader = eval_loader(dataset, batch_size=size, workers=compute.workers, device=device)
    for batch in until_stopped(track(loader, "videos"), signals):
        clips = prepare(batch, device)
        found.append(model(clips.flatten(0, 1)).unflatten(0, clips.shape[:2]).float().cpu().numpy())
        seen += batch.videos.tolist()
    if seen != list(range(len(videos))):
        raise RuntimeError(f"{len(seen)} videos were seen, not each of {len(videos)} once")
    return np.concatenate(found)


def accuracies(predictions: pd.DataFrame, tests: Mapping[str, set[str]], classes: int) -> list[dict[str, Any]]:
    """Top-1 on each test set as `<set>_top1`, and the mean over the sets as `top1`, with 95 % intervals.

    `classes`: number of tested classes, which determines the chance level.
    """
    correct = predictions.set_index("video")["correct"]
    sets = {name: correct[correct.index.isin(ids)] for name, ids in tests.items()}
    rows = []
    for name, part in sets.items():
        if part.empty:
            raise UserError(f"no video of the test set {name} can be read.")
        low, high = wilson_interval(int(part.sum()), len(part))
        rows.append(_row(f"{name}_top1", float(part.mean()), len(part), low, high, classes))
    if len(sets) == 1:
        return [{**rows[0], "metric": "top1"}]
    value, low, high = mean_with_interval(list(sets.values()))
    videos = len(set().union(*(part.index for part in sets.values())))
    return [_row("top1", value, videos, low, high, classes), *rows]


def mean_with_interval(sets: Sequence[pd.Series]) -> tuple[float, float, float]:
    """Mean accuracy over several sets, which may share videos, and its 95 % interval.

    A video has the weight w = sum over its sets of 1 / (number of sets * size of the set). The interval is Wilson's for
    the effective number of independent videos, 1 / sum of w^2.
    """
    shares = pd.concat([pd.Series(1 / (len(sets) * len(part)), index=part.index) for part in sets])
    weights = shares.groupby(level=0).sum()
    value = sum(float(part.mean()) for part in sets) / len(sets)
    worth = round(1 / float((weights**2).sum()))
    low, high = wilson_interval(value * worth, worth)
    return value, low, high


def _row(metric: str, value: float, n: int, low: float, high: float, classes: int) -> dict[str, Any]:
    interval = {"ci_low": low, "ci_high": high, "chance": 1 / classes}
    return {"split": "test", "metric": metric, "value": value, "n": n, **interval}
