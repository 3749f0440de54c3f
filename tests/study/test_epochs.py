"""Numbers of pretraining epochs that differ by backbone."""

from __future__ import annotations

import pytest
from tiny import GRID, make_study, table

from videossl.common.errors import UserError
from videossl.report.entry import entry_of
from videossl.stages.registry import stage

SAME = {50: 2, 200: 6}
LONGER = {50: {"default": 2, "r2plus1d": 10}, 200: {"default": 6, "r2plus1d": 30}}


def study_of(tmp_path, epochs, **settings):
    grid = GRID | {"task": "rspnet", "backbone": ["shufflenet", "r2plus1d"], "epochs": [50, 200]}
    return make_study(tmp_path, {"a": table(grid)}, epochs=epochs, **settings)


def lengths(study):
    """By backbone and milestone: where a training stops, and how long its schedule is."""
    stages = [cell for cell in study.all_cells if cell.stage == "pretrain"]
    specs = {(cell.backbone, cell.epochs): stage("pretrain").spec(study, cell) for cell in stages}
    return {key: (spec.stop, spec.epochs) for key, spec in specs.items()}


def test_each_backbone_is_trained_for_its_own_number_of_epochs(tmp_path):
    expected = {("shufflenet", 50): (2, 6), ("shufflenet", 200): (6, 6)}
    found = lengths(study_of(tmp_path, LONGER))
    assert found == expected | {("r2plus1d", 50): (10, 30), ("r2plus1d", 200): (30, 30)}
    assert lengths(study_of(tmp_path, SAME)) == expected | {("r2plus1d", 50): (2, 6), ("r2plus1d", 200): (6, 6)}


def test_the_work_is_that_of_the_backbones_epochs(tmp_path):
    def work(epochs):
        study = study_of(tmp_path, epochs, heldout_videos=1)
        cells = [cell for cell in study.all_cells if cell.stage == "pretrain" and cell.backbone == "r2plus1d"]
        return sum(stage("pretrain").work(study, cell).clips for cell in cells)

    assert 4 < work(LONGER) / work(SAME) <= 5


def test_tables_say_how_long_was_trained(tmp_path):
    scale = {"name": "tiny", "reduced": True}
    said = entry_of(study_of(tmp_path, LONGER, scale=scale), "a")["labels"]["epochs"]
    assert said == {"50": "50 (here 2 to 10)", "200": "200 (here 6 to 30)"}
    assert entry_of(study_of(tmp_path, SAME, scale=scale), "a")["labels"]["epochs"]["200"] == "200 (here 6)"


def test_what_makes_no_sense_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"epochs\.200.*r2plus1d"):
        study_of(tmp_path, {50: 2, 200: {"default": 6, "r2plus2d": 30}})
    with pytest.raises(UserError, match=r"epochs: must rise .* not \[10, 9\] for r2plus1d"):
        study_of(tmp_path, {50: {"default": 2, "r2plus1d": 10}, 200: {"default": 6, "r2plus1d": 9}})
    with pytest.raises(UserError, match="default"):
        study_of(tmp_path, {50: 2, 200: {"r2plus1d": 30}})
