"""The generated targets of probes in the default configuration have validation videos, which probes need."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from videossl.data.readers.registry import group_of
from videossl.data.readers.validation import with_validation
from videossl.data.synthetic.designs import class_names, design_of
from videossl.data.synthetic.layout import LAYOUTS
from videossl.study.study import load_study


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
