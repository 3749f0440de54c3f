"""Pretrainings that last longer for some backbones than for others."""

from __future__ import annotations

import pytest
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.report.entry import entry_of
from videossl.stages.registry import stage


def study_of(tmp_path, **settings):
    grid = GRID | {"task": "rspnet", "backbone": ["shufflenet", "r2plus1d"], "epochs": [50, 200]}
    return make_study(tmp_path, {"a": table(grid)}, epochs={50: 2, 200: 6}, **settings)


def lengths(study):
    """By backbone and milestone: where a training stops, and how long its schedule is."""
    stages = [cell for cell in study.all_cells if cell.stage == "pretrain"]
    specs = {(cell.backbone, cell.epochs): stage("pretrain").spec(study, cell) for cell in stages}
    return {key: (spec.stop, spec.epochs) for key, spec in specs.items()}


def test_the_named_backbones_are_trained_longer(tmp_path):
    found = lengths(study_of(tmp_path, epoch_factors={"r2plus1d": 5}))
    assert {key: stop for key, (stop, _) in found.items()} == {
        ("shufflenet", 50): 2, ("shufflenet", 200): 6, ("r2plus1d", 50): 10, ("r2plus1d", 200): 30,
    }  # fmt: skip
    assert {key[0]: length for key, (_, length) in found.items()} == {"shufflenet": 6, "r2plus1d": 30}
    assert lengths(study_of(tmp_path)) == lengths(study_of(tmp_path, epoch_factors={"r2plus1d": 1}))


def test_the_work_grows_with_the_factor(tmp_path):
    def work(study):
        cells = [cell for cell in study.all_cells if cell.stage == "pretrain" and cell.backbone == "r2plus1d"]
        return sum(stage("pretrain").work(study, cell).clips for cell in cells)

    longer = study_of(tmp_path, heldout_videos=1, epoch_factors={"r2plus1d": 5})
    assert 4 < work(longer) / work(study_of(tmp_path, heldout_videos=1)) <= 5


def test_tables_say_how_long_was_trained(tmp_path):
    scale = {"name": "tiny", "reduced": True}
    said = entry_of(study_of(tmp_path, scale=scale, epoch_factors={"r2plus1d": 5}), "a")["labels"]["epochs"]
    assert said == {"50": "50 (here 2 to 10)", "200": "200 (here 6 to 30)"}
    assert entry_of(study_of(tmp_path, scale=scale), "a")["labels"]["epochs"]["200"] == "200 (here 6)"


def test_an_unknown_backbone_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"epoch_factors\.r2plus2d.*r2plus1d"):
        study_of(tmp_path, epoch_factors={"r2plus2d": 5})
