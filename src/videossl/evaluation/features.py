"""Features of a frozen backbone for the videos of a target dataset, shared by linear probing and retrieval."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from videossl.common.files import atomic_path
from videossl.data.manifest import open_store, read_manifest, target_videos
from videossl.evaluation.batch_statistics import estimate_statistics
from videossl.evaluation.evaluate import video_means
from videossl.evaluation.model import build_backbone
from videossl.evaluation.specs import FeaturesSpec
from videossl.training.run_folder import exclusive
from videossl.training.session import Compute, ready_for_tests


def extract(spec: FeaturesSpec, *, manifest: Path, weights: Path | None, output: Path, compute: Compute) -> None:
    """Write the features of all readable videos of a target to `output` (.npz).

    Features are means over uniformly spaced clips, with batch normalisation in evaluation mode. Its statistics are
    those of the pretraining or, of an untrained network, of the target's training videos
    (:mod:`videossl.evaluation.batch_statistics`).

    `weights`: `weights.pt` of a pretraining; None: random initial weights.
    """
    device, signals = compute.start()
    with exclusive(output.parent, signals):
        rows = read_manifest(manifest)
        store, target = open_store(manifest, rows), target_videos(rows)
        backbone = build_backbone(spec, weights).to(device)
        ready_for_tests(backbone, compute, device)
        if spec.estimated_statistics:
            used = estimate_statistics(spec, backbone, store, target.train, compute, device, signals)
            print(f"statistics of batch normalisation from {used} training videos", flush=True)

        def features(videos: pd.DataFrame, name: str) -> np.ndarray:
            return video_means(spec, backbone, store, videos, compute, device, signals, f"{name} videos")

        arrays = {
            "train": features(target.train, "training"),
            "train_labels": target.train["label"].to_numpy(np.int64),
            "validation": (target.train["split"] == "val").to_numpy(),
            "test": features(target.test, "test"),
            "test_labels": target.test["label"].to_numpy(np.int64),
            "test_videos": target.test["id"].to_numpy(str),
            "test_split": np.array(target.test_split),
            "classes": np.array(target.classes),
            "gaps": np.array(json.dumps(target.gaps.as_json())),
        }
        with atomic_path(output) as temporary, temporary.open("wb") as handle:
            np.savez(handle, **arrays)
