"""A dataset of the user's own, in folders and names of the user's own, from its lists to a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from own_dataset import RESULTS, check_results, run_example, write_lists
from workflow_copy import copy_workflow

from videossl.data.synthetic.write import damage, write_video

TRAIN = [
    (f"monday/take {number}, {'left' if label == 1 else 'right'}.mp4", label) for number in range(6) for label in (1, 2)
]
TEST = [
    (f"tuesday/deep/er/{number}.{suffix}", label) for number in range(2) for suffix, label in (("avi", 1), ("mkv", 2))
]
BROKEN, MISSING = "tuesday/broken.mp4", "tuesday/never recorded.mp4"


def moving_square(seed: int, step: int, size: tuple[int, int] = (32, 40), frames: int = 20) -> np.ndarray:
    """Frames (T, H, W, 3) of a bright square that moves by `step` pixels a frame, over a coloured ground."""
    height, width = size
    rng = np.random.default_rng(seed)
    video = np.empty((frames, height, width, 3), np.uint8)
    video[:] = rng.integers(30, 120, 3)
    top, left = rng.integers(height - 10), rng.integers(width)
    for index, frame in enumerate(video):
        frame[top : top + 10, (left + step * index + np.arange(10)) % width] = (240, 230, 90)
    return video


def test_own_videos_become_a_table(repository: Path, tmp_path: Path) -> None:
    workflow = copy_workflow(repository, tmp_path / "copy")
    root = workflow.root / "data/asl24"
    for seed, (path, label) in enumerate([*TRAIN, *TEST, (BROKEN, 1)]):
        write_video(root / path, moving_square(seed, step=1 if label == 1 else -1), fps=12)
    damage(root / BROKEN, "truncated")
    write_lists(root / "splits", ["left", "right"], train=TRAIN, test=[*TEST, (BROKEN, 1), (MISSING, 2)])

    run_example(workflow)

    check_results(workflow, [path for path, _ in TEST])
    manifest = pd.read_parquet(workflow.root / RESULTS / "data/asl24/manifest.parquet").set_index("id")
    assert manifest.loc[BROKEN, "status"] == "broken" and manifest.loc[BROKEN, "reason"]
    assert manifest.loc[MISSING, "status"] == "missing"
    assert set(manifest.loc[[path for path, _ in TEST], "status"]) == {"ok"}
    metrics = pd.read_parquet(
        workflow.root / RESULTS / "finetune/asl24/none/none/scratch/r2plus1d/seed0/epochs0/metrics.parquet"
    )
    counts = metrics[metrics["split"] == "test"].set_index("metric")["value"]
    assert (counts["videos_broken"], counts["videos_missing"]) == (1, 1)
