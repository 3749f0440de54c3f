"""Logits of a video-language model for the training clips of its students, computed once per video and view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from videossl.analysis.statistics import wilson_interval
from videossl.common.errors import UserError
from videossl.common.files import atomic_path
from videossl.common.results import write_metrics
from videossl.data.feature_file import read_arrays
from videossl.data.frames import frames_of
from videossl.data.manifest import read_manifest, target_videos
from videossl.evaluation.specs import ClassLogitsSpec, DistillSpec
from videossl.evaluation.zero_shot import clip_logits
from videossl.training.clock import Clock
from videossl.training.record import write_run
from videossl.training.run_folder import exclusive
from videossl.training.session import Compute
from videossl.videolanguage.classify import class_names, zero_shot_classifier
from videossl.videolanguage.sampling import WithinViews

CLIP = ("frames", "stride", "views")
"""The settings that define the clips."""
ARRAYS = {"logits": ("f", 3), "videos": ("U", 1), **dict.fromkeys(CLIP, ("i", 0))}
"""Arrays of the file: kind of the values, and number of dimensions."""

REMAKE = "The file is from another configuration or other data: remove it and run the same snakemake command again."


def write_logits(
    spec: ClassLogitsSpec,
    identity: dict[str, Any],
    *,
    weights: Path,
    manifest: Path,
    root: Path,
    output: Path,
    compute: Compute,
) -> None:
    """Write the logits (.npz), and next to them their accuracy on the training videos.

    A view is one of the evenly spaced clips that the student is trained on. The teacher sees its own number of frames,
    spread over the same time span, with its own crop.

    Args:
        spec: how the model sees the videos, and the clips of the students.
        identity: the cell's identity columns.
        weights: `weights.pt` of the model's `vifm` cell.
        manifest: manifest of the target; its frame store is in the same folder.
        root: folder of the target's videos.
        output: the .npz file.
        compute: device, threads, loader workers.
    """
    device, signals = compute.start()
    clock, student = Clock(), spec.student
    with exclusive(output.parent, signals):
        rows = read_manifest(manifest)
        videos = target_videos(rows).train
        model = zero_shot_classifier(weights, spec.prompts, class_names(rows), device)
        store = frames_of(manifest, rows, root, spec.clip.size)
        sampler = WithinViews(student.frames, student.stride, student.views, spec.clip.frames, spec.sampling)
        logits = clip_logits(spec, model, store, videos, sampler, compute, device, signals)
        with atomic_path(output) as temporary, temporary.open("wb") as handle:
            arrays = {"logits": logits, "videos": videos["id"].to_numpy(str)}
            np.savez(handle, **arrays, **{key: np.array(getattr(student, key)) for key in CLIP})
        labels = videos["label"].to_numpy()
        hits = int((logits.mean(axis=1).argmax(axis=1) == labels).sum())
        low, high = wilson_interval(hits, len(labels))
        top1 = {"split": "train", "metric": "top1", "value": hits / len(labels), "n": len(labels)}
        chance = 1 / len(set(labels))
        write_metrics(
            output.parent / "metrics.parquet", identity, [{**top1, "chance": chance, "ci_low": low, "ci_high": high}]
        )
        write_run(
            output.parent / "run.json",
            spec=spec,
            identity=identity,
            device=device,
            seconds=clock.seconds,
            samples={"train": len(videos)},
        )


def read_logits(path: Path, videos: np.ndarray, spec: DistillSpec, classes: int) -> torch.Tensor:
    """Logits (videos, views, classes) of the student's training `videos` (ids), for the clips of its `spec`.

    Raises UserError if the file's logits belong to other videos or clips.
    """
    arrays = read_arrays(path, ARRAYS, "logits")
    clip = {key: int(arrays[key]) for key in CLIP}
    logits, taught = arrays["logits"], arrays["videos"]
    wanted = {"frames": spec.clip.frames, "stride": spec.stride, "views": spec.views}
    if clip != wanted:
        theirs, own = (", ".join(f"{key} {value}" for key, value in one.items()) for one in (clip, wanted))
        raise UserError(f"{path} holds the teacher's logits for clips of {theirs}; the student needs {own}. {REMAKE}")
    if logits.shape[2] != classes:
        raise UserError(f"{path} holds logits of {logits.shape[2]} classes; the student has {classes}. {REMAKE}")
    if not np.array_equal(taught, videos):
        raise UserError(
            f"{path} holds the teacher's logits for {len(taught)} videos, which are not the {len(videos)} training"
            f" videos of the student. {REMAKE}"
        )
    return torch.from_numpy(logits)
