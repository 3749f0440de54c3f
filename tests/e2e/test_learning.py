"""Pretext training at the reduced scale of config/config.yaml really learns: held-out videos, far above chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from videossl.analysis.statistics import wilson_interval
from videossl.data.materialise import write_shard
from videossl.data.readers.listing import read_listing
from videossl.data.selection import write_sample, write_subset
from videossl.data.specs import SampleSpec, SubsetSpec
from videossl.data.synthetic import generate
from videossl.stages.registry import stage
from videossl.study.study import load_study
from videossl.training.pretrain import pretrain
from videossl.training.session import Compute

VIDEOS = 96


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small generated source dataset: the folder of its subset and held-out videos."""
    root = tmp_path_factory.mktemp("source")
    generate(
        "k400",
        root / "made",
        videos={"train": VIDEOS // 6, "val": 6},
        classes=6,
        frames=(32, 40),
        size=(56, 48),
        fps=12,
        seed=0,
        progress=False,
    )
    videos = root / "made/videos"
    listing = read_listing("kinetics", videos, root / "made/annotations")
    frames, report = root / "shards/0000.arrow", root / "shards/0000.parquet"
    write_shard(listing, videos, 0, 1, frames, report, short_side=40, quality=90, progress=False)
    form = {"data_version": 1, "short_side": 40, "quality": 90, "seed": 0}
    size = int((listing["split"] == "train").sum())
    write_subset(listing, videos, SubsetSpec(**form, size=size), [report], root / "subset.parquet", "all")
    write_sample(listing, videos, SampleSpec(**form, split="val", at_most=512), root / "heldout.parquet")
    return root


@pytest.mark.parametrize(
    ("task", "epochs", "metric"), [("rotnet", 18, "pretext_top1"), ("rspnet", 12, "video_retrieval_top1")]
)
def test_pretext_task_is_learnt(source, tmp_path, repository, monkeypatch, task, epochs, metric):
    monkeypatch.chdir(repository)
    study = load_study(["config/config.yaml"])
    cell = next(cell for cell in study.pretraining if cell.task == task and cell.subset == "50k")
    spec = stage("pretrain").spec(study, cell).model_copy(update={"epochs": epochs, "stop": epochs, "batch_size": 8})
    pretrain(
        spec,
        replace(cell, epochs=50).identity,
        subset=source / "subset.parquet",
        heldout=source / "heldout.parquet",
        folder=tmp_path / "run",
        previous=None,
        compute=Compute(),
    )
    row = pd.read_parquet(tmp_path / "run/metrics.parquet").set_index("metric").loc[metric]
    low, _ = wilson_interval(round(row["value"] * row["n"]), int(row["n"]))
    assert low > 1.5 * row["chance"], f"{metric} is {row['value']:.3f}, chance {row['chance']:.3f}"
