"""The generated videos of the default configuration are enough: validation videos for probes, captions for training."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from videossl.data.readers.registry import group_of
from videossl.data.readers.validation import with_validation
from videossl.data.synthetic.designs import class_names, design_of
from videossl.data.synthetic.layout import LAYOUTS
from videossl.study.study import load_study
from videossl.videolanguage.texts import phrase


def test_each_target_of_a_probe_has_validation_videos_of_every_class(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    study = load_study(["config/config.yaml"])
    targets = {cell.target for cell in study.all_cells if cell.stage in ("linear_probe", "attentive_probe")}
    assert targets == {"ucf101", "diving48"}
    labelled = {cell.labels for cell in study.of_stage("low_shot")} - {"all"}
    for name in targets:
        dataset = study.config.datasets[name]
        generated = dataset.generated
        names = class_names(design_of(name), generated.classes)
        clips = LAYOUTS[name](name, names, dict(generated.videos), 0, False)
        rows = [{"id": Path(clip.path).stem, "label": clip.label, "split": clip.splits[0]} for clip in clips]
        found = with_validation(pd.DataFrame(rows), dataset.validation, group=group_of(name))
        counts = found.groupby(["split", "label"]).size()
        assert len(counts["val"]) == len(counts["train"]) == generated.classes
        assert counts["train"].min() >= max(int(labels) for labels in labelled)


def test_the_captions_that_are_no_class_of_a_target_have_enough_videos(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    config = load_study(["config/config.yaml"]).config
    training = config.vifm.training

    def phrases(name: str) -> list[str]:
        generated = config.datasets[name].generated
        return [phrase(one) for one in class_names(design_of(generated.design), generated.classes)]

    unseen = {name for dataset in training.leave_out for name in phrases(dataset)}
    for corpus in (training.clip, *training.corpora.values()):
        classes = [name for name in phrases(corpus.dataset) if name not in unseen]
        assert len(classes) * config.datasets[corpus.dataset].generated.videos["train"] >= corpus.videos
