"""The cell table: exactly the jobs that the entries ask for, each once, each in its own directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import GRID, make_study, table

from videossl.errors import UserError
from videossl.experiments import PATHS, Cell, load_study

REPOSITORY = Path(__file__).parents[2]
ENTRIES = {
    "sizes": table(GRID | {"subset": ["10k", "50k"]}),
    "time": table(GRID | {"task": "rspnet", "epochs": [50, 200]}, rows="epochs"),
    "curve": {"kind": "figure", "title": "F", "cells_of": "time", "x": "epochs", "series": "task"},
}


def cells(study, name):
    return [(c.task, c.subset, c.epochs) for c in study.cells_of[name]]


def pretrain(task, subset, epochs, **axes):
    values = {"complexity": "C3" if task == "rotnet" else "", "backbone": "r2plus1d", "seed": 0} | axes
    return Cell(
        "pretrain", task, values["complexity"], values["backbone"], "k400", subset, epochs, "", "", values["seed"]
    )


def test_the_cells_of_each_entry_and_its_baseline_last(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    assert cells(study, "sizes") == [
        ("rotnet", "10k", 200),
        ("rotnet", "50k", 200),
        ("rspnet", "10k", 200),
        ("rspnet", "50k", 200),
        ("scratch", "none", 0),
    ]
    assert cells(study, "time") == [("rspnet", "50k", 50), ("rspnet", "50k", 200), ("scratch", "none", 0)]
    assert study.cells_of["curve"] == study.cells_of["time"]


def test_every_cell_of_the_study_is_there_once(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    assert len(study.downstream) == len(set(study.downstream)) == 6  # 5 + 3, of which 2 are shared
    chains = [(task, subset) for task in ("rotnet", "rspnet") for subset in ("10k", "50k")]
    expected = {pretrain(task, subset, epochs) for task, subset in chains for epochs in (50, 100, 200)}
    assert len(study.pretraining) == 12 and set(study.pretraining) == expected
    assert study.datasets == ["k400", "ucf101"]
    every = [cell.path for cell in study.pretraining + study.downstream]
    assert len(set(every)) == len(every)


def test_identity_is_whole_and_the_baselines_has_no_pretraining(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    first, *_, last = study.cells_of["sizes"]
    assert first.identity == {
        "stage": "finetune", "task": "rotnet", "complexity": "C3", "backbone": "r2plus1d", "source": "k400",
        "subset": "10k", "epochs": 200, "target": "ucf101", "protocol": "finetune", "seed": 0,
    }  # fmt: skip
    assert last.identity == first.identity | {
        "task": "scratch", "complexity": "", "source": "none", "subset": "none", "epochs": 0,
    }  # fmt: skip
    assert last.is_scratch and not first.is_scratch
    assert first.pretraining() == pretrain("rotnet", "10k", 200)
    with pytest.raises(ValueError, match="no pretraining"):
        last.pretraining()


def test_one_baseline_for_each_network_target_and_seed(tmp_path):
    grid = GRID | {"backbone": ["r2plus1d", "shufflenet"], "target": ["ucf101", "hmdb51"], "seed": [0, 1]}
    study = make_study(tmp_path, {"a": table([grid, grid | {"task": "rotnet"}])})
    baselines = [cell for cell in study.downstream if cell.is_scratch]
    assert len(baselines) == len({(c.backbone, c.target, c.seed) for c in baselines}) == 8
    assert len(study.downstream) == 8 + 2 * 8
    without = make_study(tmp_path, {"a": table(GRID, baseline=False)})
    assert not any(cell.is_scratch for cell in without.downstream)


def test_several_grids_are_joined(tmp_path):
    study = make_study(tmp_path, {"a": table([GRID, GRID | {"subset": ["30k", "50k"]}])})
    assert [subset for _, subset, _ in cells(study, "a")] == ["50k", "50k", "30k", "30k", "none"]


def test_milestones_are_one_chain(tmp_path):
    study = make_study(tmp_path, {"a": table(GRID | {"task": "rotnet"})})
    last = pretrain("rotnet", "50k", 200)
    assert study.milestones(last) == study.pretraining == [pretrain("rotnet", "50k", e) for e in (50, 100, 200)]
    assert study.previous(last) == pretrain("rotnet", "50k", 100)
    assert study.previous(pretrain("rotnet", "50k", 100)) == pretrain("rotnet", "50k", 50)
    assert study.previous(pretrain("rotnet", "50k", 50)) is None


def test_paths_have_one_directory_an_axis(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    first, *_, last = study.cells_of["sizes"]
    assert first.path == "finetune/ucf101/k400/10k/rotnet/r2plus1d/seed0/epochs200"
    assert last.path == "finetune/ucf101/none/none/scratch/r2plus1d/seed0/epochs0"
    assert first.pretraining().path == "pretrain/k400/10k/rotnet/r2plus1d/seed0/epochs200"
    for stage, pattern in PATHS.items():
        assert all(part.count("{") == 1 for part in pattern.split("/")[1:]), stage


def test_complexity_the_default_has_the_plain_directory(tmp_path):
    grid = GRID | {"task": "rotnet", "complexity": ["C1", "C3"]}
    study = make_study(tmp_path, {"a": table(grid, rows="complexity"), "b": table(GRID | {"task": "rotnet"})})
    first, default, scratch = study.cells_of["a"]
    assert first.path == "finetune/ucf101/k400/50k/rotnet-C1/r2plus1d/seed0/epochs200"
    assert default.path == "finetune/ucf101/k400/50k/rotnet/r2plus1d/seed0/epochs200"
    assert (first.complexity, default.complexity) == ("C1", "C3")
    assert study.cells_of["b"] == [default, scratch]  # asked for by name or not: the same cell
    assert first.pretraining().variant == "rotnet-C1"
    assert study.find("finetune", first.wildcards) == first
    assert study.axis_values("variant") == ["rotnet", "rotnet-C1", "scratch"]


def test_find_gives_every_cell_back(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    for cell in study.pretraining + study.downstream:
        assert study.find(cell.stage, cell.wildcards) is cell


def test_find_names_the_nearest_of_an_unknown_cell(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    wildcards = pretrain("rotnet", "30k", 200).wildcards
    with pytest.raises(UserError) as caught:
        study.find("pretrain", wildcards)
    asked, *nearest = [line.strip() for line in str(caught.value).splitlines()[:-1]]
    assert "pretrain/k400/30k/rotnet/r2plus1d/seed0/epochs200" in asked
    assert set(nearest[:2]) == {f"pretrain/k400/{s}/rotnet/r2plus1d/seed0/epochs200" for s in ("10k", "50k")}
    assert str(tmp_path / "experiments.yaml") in str(caught.value)


def test_the_configuration_may_add_entries_and_choose_some(tmp_path):
    own = {"own": table(GRID | {"target": "hmdb51"})}
    study = make_study(tmp_path, ENTRIES, experiments=own, only=["own", "curve"])
    assert list(study.entries) == ["curve", "own"]
    assert {cell.target for cell in study.downstream} == {"ucf101", "hmdb51"}
    assert cells(study, "curve") == [("rspnet", "50k", 50), ("rspnet", "50k", 200), ("scratch", "none", 0)]


def test_cells_of_a_circle_or_of_nothing_is_an_error(tmp_path):
    circle = {"a": ENTRIES["curve"] | {"cells_of": "b"}, "b": ENTRIES["curve"] | {"cells_of": "a"}}
    with pytest.raises(UserError, match="circle: a -> b -> a"):
        make_study(tmp_path, circle)
    chain = ENTRIES | {"copy": ENTRIES["curve"] | {"cells_of": "curve"}}
    assert cells(make_study(tmp_path, chain, only=["copy"]), "copy") == cells(make_study(tmp_path, ENTRIES), "time")
    for only in (None, ["copy"]):
        with pytest.raises(UserError, match=r"unknown entry 'tiem' in `cells_of` of curve. Did you mean time\?"):
            make_study(tmp_path, chain | {"curve": ENTRIES["curve"] | {"cells_of": "tiem"}}, only=only)


def test_every_scale_has_the_same_experiments(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    base = load_study(["config/config.yaml"])
    for overlay in ("config/paper.yaml", "config/smoke.yaml"):
        scaled = load_study(["config/config.yaml", overlay])
        assert scaled.entries == base.entries
        assert scaled.cells_of == base.cells_of
        assert scaled.pretraining == base.pretraining
    assert len(base.entries) > 1
