"""A user's own study of gains: a source of two targets' training videos, two seeds, and the same from scratch."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from workflow_copy import Workflow, copy_workflow

MINE = """
results_dir: results/gains
seeds: 2
datasets:
  both: {title: Both sets, combine: [ucf101, hmdb51]}
subsets: {50k: 18}
only: [gains, curves]
experiments:
  gains:
    kind: table
    title: Gains
    gain: true
    grid: {task: rotnet, backbone: r2plus1d, source: both, subset: 50k, epochs: 50, target: [ucf101, hmdb51]}
    rows: target
    columns: task
  curves: {kind: figure, plot: lines, title: Gains, gain: true, cells_of: gains, x: target, series: task}
compute: {device: cpu}
"""
RESULTS = "results/gains"


@pytest.fixture(scope="module")
def done(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The study, finished."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("gains") / "copy")
    (workflow.root / "mine.yaml").write_text(MINE)
    workflow.run("--cores", "1", "--quiet", "rules", "--configfile", "config/smoke.yaml", "mine.yaml", warm=True)
    return workflow


def test_the_source_has_the_training_videos_of_both_targets(done: Workflow) -> None:
    data = done.root / RESULTS / "data"
    subset = pd.read_parquet(data / "both/subsets/50k.parquet")
    chosen = subset[subset["status"] == "ok"]
    assert len(chosen) == 18 and set(chosen["id"].str.partition("/")[0]) == {"ucf101", "hmdb51"}
    for name in ("ucf101", "hmdb51"):
        rows = pd.read_parquet(data / name / "manifest.parquet")
        trained = set(chosen.loc[chosen["id"].str.startswith(name), "id"].str.removeprefix(f"{name}/"))
        assert trained <= set(rows.loc[rows["split"] == "train", "id"])
    assert sorted(path.name for path in (data / "both").iterdir() if path.is_dir()) == [".made", "subsets"]


def test_two_seeds_and_their_networks_from_scratch_are_compared(done: Workflow) -> None:
    frame = pd.read_parquet(done.root / RESULTS / "tables/gains.parquet")
    assert frame[["target", "seed"]].values.tolist() == [["ucf101", 0], ["ucf101", 1], ["hmdb51", 0], ["hmdb51", 1]]
    assert set(frame["metric"]) == {"gain_top1"} and set(frame["status"]) == {"ok"}
    finetuned = done.root / RESULTS / "finetune"
    for row in frame.itertuples():
        scores = [
            pd.read_parquet(finetuned / row.target / network / f"seed{row.seed}/epochs{epochs}/predictions.parquet")
            for network, epochs in (("both/50k/rotnet/r2plus1d", 50), ("none/none/scratch/r2plus1d", 0))
        ]
        own, scratch = (one.loc[one["split"] == "test", "correct"].mean() for one in scores)
        assert row.value == pytest.approx(own - scratch)
    text = (done.root / RESULTS / "tables/gains.md").read_text()
    assert "of 2 seeds)" not in text and "hierarchical bootstrap" in text and "paired seed by seed" in text
    assert (done.root / RESULTS / "figures/curves.png").stat().st_size > 0


def test_nothing_is_left_to_do(done: Workflow) -> None:
    assert not done.plan("--configfile", "config/smoke.yaml", "mine.yaml")
