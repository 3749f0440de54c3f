"""The example config/examples/own_dataset.yaml on a few videos, at the smallest scale: seconds instead of minutes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from workflow_copy import Workflow

EXAMPLE = "config/examples/own_dataset.yaml"
RESULTS = "results/own"
PREFIX = "temporal"  # of the lists that the example reads
# One milestone only; what the example itself says (its scale, dataset, subset, table) stays.
OVERLAY = """
experiments: {own_dataset: {grid: {epochs: 50}}}
epochs: {50: 1, 100: 2, 150: 3, 200: 4}
finetune: {epochs: 1}
compute: {device: cpu}
"""

Videos = list[tuple[str, int]]
"""Paths relative to the root, and class numbers from 1."""


def write_lists(folder: Path, classes: list[str], **splits: Videos) -> None:
    """classInd.txt, temporal_train.txt, … in `folder`, as the reader `lists` wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "classInd.txt").write_text("".join(f"{n} {name}\n" for n, name in enumerate(classes, start=1)))
    for split, videos in splits.items():
        (folder / f"{PREFIX}_{split}.txt").write_text("".join(f"{path} {label}\n" for path, label in videos))


def run_example(workflow: Workflow) -> None:
    """Run the example on the videos in data/asl24 of the workflow's copy, at the test-suite's scale."""
    (workflow.root / "tiny.yaml").write_text(OVERLAY)
    overlays = ("config/smoke.yaml", EXAMPLE, "tiny.yaml")
    workflow.run("--cores", "1", "--quiet", "rules", "--configfile", *overlays, warm=True)


def check_results(workflow: Workflow, tested: list[str]) -> None:
    """The table is whole, says what it is, and rests on predictions of exactly the videos `tested`."""
    results = workflow.root / RESULTS
    table = pd.read_parquet(results / "tables/own_dataset.parquet")
    assert set(table["status"]) == {"ok"}
    assert set(table["task"]) == {"scratch", "rotnet", "rspnet"}
    assert set(table["target"]) == {"asl24"} and table["reduced_scale"].all()
    assert set(table["n"]) == {len(tested)}
    text = (results / "tables/own_dataset.md").read_text()
    assert "narrow networks, small clips, few epochs" in text
    assert "generated" not in text
    assert "Sign letters" in text
    assert "←" not in text  # one column: nothing is joined
    files = sorted((results / "finetune").rglob("predictions.parquet"))
    assert len(files) == 3
    for file in files:
        assert sorted(pd.read_parquet(file)["video"]) == sorted(tested)
    assert not (results / "generated").exists()
    assert sorted(path.name for path in (results / "data").iterdir()) == ["asl24"]
