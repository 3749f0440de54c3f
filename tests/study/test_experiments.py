"""The cell table: exactly the jobs that the entries ask for, each once, each in its own directory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tiny import GRID, make_study, spec_of, table

from videossl.common.errors import UserError
from videossl.common.strict import merge
from videossl.stages.cells import Cell
from videossl.stages.data import noisy_datasets
from videossl.stages.registry import stages
from videossl.study import costs
from videossl.study.config import Config
from videossl.study.config.reading import read_yaml
from videossl.study.study import Study, load_study

REPOSITORY = Path(__file__).parents[2]
ENTRIES = {
    "sizes": table(GRID | {"subset": ["10k", "50k"]}),
    "time": table(GRID | {"task": "rspnet", "epochs": [50, 200]}, rows="epochs"),
    "curve": {"kind": "figure", "title": "F", "cells_of": "time", "x": "epochs", "series": "task"},
}


def cells(study, name):
    return [(c.task, c.subset, c.epochs) for c in study.cells_of[name]]


def metrics_of(views):
    return [view["metric"] for view in views]


def seconds(study):
    return [costs.job_seconds(cell, study) for cell in study.all_cells]


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
    assert len(study.evaluations) == len(set(study.evaluations)) == 6  # 5 + 3, of which 2 are shared
    chains = [(task, subset) for task in ("rotnet", "rspnet") for subset in ("10k", "50k")]
    expected = {pretrain(task, subset, epochs) for task, subset in chains for epochs in (50, 100, 200)}
    assert len(study.pretraining) == 12 and set(study.pretraining) == expected
    assert study.datasets == ["k400", "ucf101"]
    every = [cell.path for cell in study.pretraining + study.evaluations]
    assert len(set(every)) == len(every)


def test_identity_is_whole_and_the_baselines_has_no_pretraining(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    first, *_, last = study.cells_of["sizes"]
    assert first.identity == {
        "stage": "finetune", "task": "rotnet", "complexity": "C3", "backbone": "r2plus1d", "source": "k400",
        "subset": "10k", "epochs": 200, "target": "ucf101", "protocol": "finetune", "seed": 0,
        "teachers": "", "against": "", "labels": "",
    }  # fmt: skip
    assert last.identity == first.identity | {
        "task": "scratch", "complexity": "", "source": "none", "subset": "none", "epochs": 0,
    }  # fmt: skip
    assert last.is_scratch and not first.is_scratch
    assert first.of_stage("pretrain") == pretrain("rotnet", "10k", 200)
    assert study.dependencies(first) == [first.of_stage("pretrain")] and study.dependencies(last) == []


def test_one_baseline_for_each_network_target_and_seed(tmp_path):
    grid = GRID | {"backbone": ["r2plus1d", "shufflenet"], "target": ["ucf101", "hmdb51"], "seed": [0, 1]}
    study = make_study(tmp_path, {"a": table([grid, grid | {"task": "rotnet"}])})
    baselines = [cell for cell in study.evaluations if cell.is_scratch]
    assert len(baselines) == len({(c.backbone, c.target, c.seed) for c in baselines}) == 8
    assert len(study.evaluations) == 8 + 2 * 8
    without = make_study(tmp_path, {"a": table(GRID, baseline=False)})
    assert not any(cell.is_scratch for cell in without.evaluations)


def test_a_scale_with_seeds_trains_every_network_once_per_seed(tmp_path):
    """Its dependencies too, and the cost grows with them. A grid with seeds of its own keeps them."""
    one = make_study(tmp_path, ENTRIES)
    three = make_study(tmp_path, ENTRIES, seeds=3)
    for of_one, of_three in ((one.evaluations, three.evaluations), (one.pretraining, three.pretraining)):
        expected = {replace(cell, seed=seed) for cell in of_one for seed in range(3)}
        assert len(of_three) == len(expected) == 3 * len(of_one) and set(of_three) == expected
    assert 0 < sum(seconds(three)) == pytest.approx(3 * sum(seconds(one)))
    own = make_study(tmp_path, {"a": table(GRID | {"seed": [5]}), "b": table(GRID)}, seeds=2)
    assert {cell.seed for cell in own.cells_of["a"]} == {5}
    assert {cell.seed for cell in own.cells_of["b"]} == {0, 1}
    kept = make_study(tmp_path, ENTRIES, seeds=3, restrict={"seed": [1]})
    assert {cell.seed for cell in kept.all_cells} == {1}


def test_one_seed_is_the_default_and_specifications_do_not_know_of_more(tmp_path):
    one, three = make_study(tmp_path, ENTRIES), make_study(tmp_path, ENTRIES, seeds=3)
    assert {cell.seed for cell in one.all_cells} == {0}
    for cell in one.all_cells:
        assert spec_of(one, cell).json_text == spec_of(three, cell).json_text


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


def test_milestones_that_nothing_needs_are_passed_through(tmp_path):
    """Also by what `only` leaves out: building it later must find its milestone made."""
    entries = {"a": table(GRID | {"task": "rotnet"}), "b": table(GRID | {"task": "rotnet", "epochs": [100]})}
    study = make_study(tmp_path, entries, only=["a"], compute={"milestone_jobs": "needed"})
    last = pretrain("rotnet", "50k", 200)
    assert study.milestones(last) == study.pretraining == [pretrain("rotnet", "50k", e) for e in (100, 200)]
    assert study.previous(pretrain("rotnet", "50k", 100)) is None


def test_paths_have_one_directory_an_axis(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    first, *_, last = study.cells_of["sizes"]
    assert first.path == "finetune/ucf101/k400/10k/rotnet/r2plus1d/seed0/epochs200"
    assert last.path == "finetune/ucf101/none/none/scratch/r2plus1d/seed0/epochs0"
    assert first.of_stage("pretrain").path == "pretrain/k400/10k/rotnet/r2plus1d/seed0/epochs200"
    for stage in stages():
        assert all(part.count("{") <= 1 for part in stage.folder.split("/")[1:]), stage.name


def test_complexity_the_default_has_the_plain_directory(tmp_path):
    grid = GRID | {"task": "rotnet", "complexity": ["C1", "C3"]}
    study = make_study(tmp_path, {"a": table(grid, rows="complexity"), "b": table(GRID | {"task": "rotnet"})})
    first, default, scratch = study.cells_of["a"]
    assert first.path == "finetune/ucf101/k400/50k/rotnet-C1/r2plus1d/seed0/epochs200"
    assert default.path == "finetune/ucf101/k400/50k/rotnet/r2plus1d/seed0/epochs200"
    assert (first.complexity, default.complexity) == ("C1", "C3")
    assert study.cells_of["b"] == [default, scratch]  # asked for by name or not: the same cell
    assert first.of_stage("pretrain").variant == "rotnet-C1"
    assert study.find("finetune", first.wildcards) == first
    assert study.axis_values("variant") == ["rotnet", "rotnet-C1", "scratch"]


def test_find_gives_every_cell_back(tmp_path):
    study = make_study(tmp_path, ENTRIES)
    for cell in study.pretraining + study.evaluations:
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
    assert {cell.target for cell in study.evaluations} == {"ucf101", "hmdb51"}
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
    base = Study(
        Config.parse(
            merge(read_yaml("config/config.yaml"), {"leave_out": None, "seeds_from_scratch": None}), "the test"
        )
    )
    assert load_study(["config/config.yaml"]).entries == base.entries
    for overlay in ("config/paper.yaml", "config/smoke.yaml"):
        scaled = load_study(["config/config.yaml", overlay])
        assert scaled.entries == base.entries
        assert scaled.cells_of == base.cells_of
        assert {cell for cell in scaled.pretraining if cell.epochs == 200} == {
            cell for cell in base.pretraining if cell.epochs == 200
        }
    assert len(base.entries) > 1


PRETEXT = {key: value for key, value in GRID.items() if key != "target"} | {"protocol": "pretext"}
NETWORKS = {"protocol": "network", "backbone": ["shufflenet", "r2plus1d"]}
SIZES = {"rows": "backbone", "columns": "metric", "baseline": False}


def test_a_pretext_tasks_own_metrics_are_those_of_its_pretraining_cell(tmp_path):
    study = make_study(tmp_path, {"sanity": table(PRETEXT | {"task": "all"}, baseline=False)})
    assert set(study.cells_of["sanity"]) == {pretrain("rotnet", "50k", 200), pretrain("rspnet", "50k", 200)}
    assert len(study.pretraining) == 6 and not study.evaluations and study.datasets == ["k400"]
    shown = {cell.task: metrics_of(views) for cell, views in study.views_of["sanity"].items()}
    assert shown == {"rotnet": ["pretext_top1"], "rspnet": ["video_retrieval_top1", "speed_accuracy"]}


def test_networks_need_no_training(tmp_path):
    study = make_study(tmp_path, {"sizes": table(NETWORKS, **SIZES)})
    assert [cell.path for cell in study.of_stage("network")] == ["networks/shufflenet", "networks/r2plus1d"]
    assert not study.pretraining and not study.datasets
    found = study.find("network", {"backbone": "r2plus1d"})
    assert metrics_of(study.views_of["sizes"][found]) == ["parameters_millions", "gflops"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (PRETEXT | {"target": "ucf101"}, "protocol 'pretext' has no `target`"),
        (NETWORKS | {"task": "rotnet"}, "protocol 'network' has no `task`"),
        ({key: value for key, value in GRID.items() if key != "subset"}, "protocol 'finetune' needs `subset`"),
    ],
)
def test_a_grid_gives_the_axes_of_its_protocol(tmp_path, grid, message):
    with pytest.raises(UserError, match=message):
        make_study(tmp_path, {"wrong": table(grid)})


def test_restricting_an_axis_leaves_out_cells_and_empty_entries(tmp_path):
    entries = ENTRIES | {"networks": table(NETWORKS, **SIZES), "rotnets": table(GRID | {"task": "rotnet"})}
    study = make_study(tmp_path, entries, restrict={"task": ["rspnet"], "epochs": [200], "backbone": ["r2plus1d"]})
    assert set(study.entries) == {"sizes", "time", "curve", "networks"}
    assert cells(study, "sizes") == [("rspnet", "10k", 200), ("rspnet", "50k", 200), ("scratch", "none", 0)]
    assert cells(study, "time") == [("rspnet", "50k", 200), ("scratch", "none", 0)]
    assert [cell.path for cell in study.of_stage("network")] == ["networks/r2plus1d"]


def test_a_restriction_of_datasets_needs_no_other(tmp_path):
    """For one who has not all of them on disk: neither entries on other targets, nor teachers from other sources."""
    distilled = GRID | {"protocol": "distill", "task": "rspnet", "teachers": [{"source": "k400"}, {"source": "hmdb51"}]}
    entries = ENTRIES | {"other": table(GRID | {"target": "hmdb51"}), "taught": table(distilled)}
    assert set(make_study(tmp_path, entries).datasets) == {"k400", "ucf101", "hmdb51"}
    study = make_study(tmp_path, entries, restrict={"source": ["k400"], "target": ["ucf101"]})
    assert set(study.entries) == {"sizes", "time", "curve"}
    assert study.datasets == ["k400", "ucf101"]
    assert {cell.target for cell in study.of_stage("finetune")} == {"ucf101"}


def test_the_study_can_be_restricted_to_two_datasets(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    study = load_study(["config/config.yaml", "config/paper.yaml"])
    config = study.config.model_copy(update={"restrict": {"source": ["k400"], "target": ["ucf101"]}})
    few = Study(config)
    assert few.datasets == ["k400", "ucf101"]
    assert "subset_size" in few.entries and "subset_size_hmdb51" not in few.entries
    assert set(few.entries) < set(study.entries)


MODELS = {"protocol": "zero_shot", "model": ["xclip", "viclip"], "target": "ucf101"}
SIZES_OF_MODELS = table({"protocol": "vifm", "model": ["xclip", "viclip"]}, rows="backbone", columns="metric")


@pytest.mark.parametrize(
    ("restrict", "left"),
    [
        ({"task": ["rspnet"]}, set()),
        ({"backbone": ["r2plus1d"]}, set()),
        ({"subset": ["10k", "50k"]}, set()),
        ({"task": ["rspnet", "videolanguage"]}, {"xclip", "viclip"}),
        ({"backbone": ["r2plus1d", "viclip"]}, {"viclip"}),
        ({"source": ["k400"]}, {"xclip"}),  # trained on Kinetics-400, ViCLIP on InternVid-10M
        ({"epochs": [200], "target": ["ucf101"]}, {"xclip", "viclip"}),
    ],
)
def test_a_restriction_leaves_only_the_models_that_it_names(tmp_path, restrict, left):
    entries = ENTRIES | {"models": table(MODELS, rows="backbone", columns="target"), "facts": SIZES_OF_MODELS}
    study = make_study(tmp_path, entries, restrict=restrict)
    assert {cell.backbone for cell in study.of_stage("zero_shot")} == left
    assert {cell.backbone for cell in study.of_stage("vifm")} == left
    assert ("models" in study.entries) == ("facts" in study.entries) == bool(left)
    assert "sizes" in study.entries


def test_a_student_of_models_is_left_only_with_its_teachers(tmp_path):
    taught = table(GRID | {"protocol": "distill", "task": "rspnet", "pairs": ["xclip", "viclip"]})
    entries = ENTRIES | {"taught": taught}
    assert "taught" not in make_study(tmp_path, entries, restrict={"task": ["rspnet"]}).entries
    assert "taught" in make_study(tmp_path, entries, restrict={"task": ["rspnet", "videolanguage"]}).entries


def test_figures_of_videos_show_what_a_restriction_leaves(tmp_path):
    """Noisy videos are made only if a network is tested on them, and frames shown only of datasets that are used."""
    noisy = table(GRID | {"task": "rotnet", "protocol": "robustness", "noise": "mean", "severity": 1})
    pictures = {"kind": "figure", "title": "F"}
    entries = ENTRIES | {
        "noisy": noisy,
        "frames": pictures | {"plot": "samples", "datasets": ["k400", "hmdb51"]},
        "noises": pictures | {"plot": "noise_samples", "datasets": ["ucf101"]},
    }
    assert noisy_datasets(make_study(tmp_path, entries)) == ["ucf101"]
    kept = make_study(tmp_path, entries, restrict={"task": ["rotnet"]})
    assert noisy_datasets(kept) == ["ucf101"] and {"noises", "frames"} < set(kept.entries)
    assert kept.entries["frames"].datasets == ["k400"] and "hmdb51" not in kept.datasets
    study = make_study(tmp_path, entries, restrict={"task": ["rspnet"]})
    assert noisy_datasets(study) == [] and "noises" not in study.entries
    named = make_study(tmp_path, entries, restrict={"task": ["rspnet"]}, only=["sizes", "noises"])
    assert noisy_datasets(named) == ["ucf101"]  # it was requested by name


def test_restricting_to_an_unknown_name_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"unknown task 'rsp' in the configuration's `restrict`\. Did you mean rspnet"):
        make_study(tmp_path, ENTRIES, restrict={"task": ["rsp"]})


def test_distillation_needs_its_student_and_its_finetuned_teachers(tmp_path):
    grid = GRID | {"protocol": "distill", "task": "rspnet", "backbone": "shufflenet", "subset": ["10k", "50k"]}
    grid["teachers"] = [{"backbone": "shufflenet"}, {"backbone": "r2plus1d"}]
    study = make_study(tmp_path, {"kd": table(grid)})
    student = study.cells_of["kd"][0]
    assert student.path == ("distill/ucf101/k400/10k/rspnet/shufflenet/seed0/epochs200/from_shufflenet+r2plus1d")
    assert student.identity["teachers"] == "shufflenet+r2plus1d"
    own, *teachers = study.dependencies(student)
    assert own == pretrain("rspnet", "10k", 200, backbone="shufflenet")
    assert [(cell.stage, cell.backbone, cell.subset) for cell in teachers] == [
        ("finetune", "shufflenet", "10k"),
        ("finetune", "r2plus1d", "10k"),
    ]
    assert len(study.of_stage("finetune")) == 4 and len(study.of_stage("distill")) == 2
    order = study.all_cells
    assert all(order.index(need) < order.index(cell) for cell in order for need in study.dependencies(cell))


def test_teachers_of_other_tasks_and_complexities(tmp_path):
    grid = GRID | {"protocol": "distill", "task": "scratch"}
    grid["teachers"] = [{"task": "rotnet", "complexity": "C1"}, {"task": "rspnet"}]
    study = make_study(tmp_path, {"kd": table(grid)})
    (student,) = study.cells_of["kd"]
    assert student.path == "distill/ucf101/none/none/scratch/r2plus1d/seed0/epochs0/from_rotnet-C1+rspnet"
    assert [cell.path for cell in study.dependencies(student)] == [
        "finetune/ucf101/k400/50k/rotnet-C1/r2plus1d/seed0/epochs200",
        "finetune/ucf101/k400/50k/rspnet/r2plus1d/seed0/epochs200",
    ]


def test_robustness_shows_numbers_by_noise_and_severity(tmp_path):
    grid = GRID | {"protocol": "robustness", "task": "rspnet", "noise": ["shot", "mean"], "severity": [1, 0]}
    study = make_study(tmp_path, {"noise": table(grid, metric=["top1", "relative_decrease"])})
    cell, baseline = study.cells_of["noise"]
    assert study.dependencies(cell) == [cell.of_stage("finetune")] and baseline.is_scratch
    assert [tuple(view.values()) for view in study.views_of["noise"][cell]] == [
        (metric, noise, severity)
        for noise in ("shot", "mean")
        for severity in (1, 0)
        for metric in ("top1", "relative_decrease")
    ]


def test_networks_are_compared_with_themselves_or_another(tmp_path):
    grid = GRID | {"protocol": "cka", "task": "rspnet"}
    study = make_study(tmp_path, {"a": table([grid, grid | {"against": {"epochs": 50}}])})
    itself, other = study.cells_of["a"]
    assert itself.path.endswith("/against_itself") and study.dependencies(itself) == [itself.of_stage("finetune")]
    assert other.path.endswith("/against_epochs_50")
    assert [cell.epochs for cell in study.dependencies(other)] == [200, 50]


def test_labels_are_an_axis_of_networks_and_of_their_baselines(tmp_path):
    few = GRID | {"protocol": "low_shot", "task": "rspnet", "labels": [10, 1, "all"]}
    study = make_study(tmp_path, {"a": table(few, rows=["subset", "labels"])})
    found = {(cell.task, cell.labels) for cell in study.of_stage("low_shot")}
    assert found == {(task, labels) for task in ("rspnet", "scratch") for labels in ("1", "10", "all")}
    assert {cell.labels for name in ("pretrain", "finetune") for cell in study.of_stage(name)} == {""}
    assert len(study.of_stage("finetune")) == 2  # of `all`
    assert len({cell.path for cell in study.of_stage("low_shot")}) == 6


@pytest.mark.parametrize("labels", [0, -1, "some", [1, 1], 1.5, True])
def test_labels_that_are_no_number_of_videos_are_refused(tmp_path, labels):
    with pytest.raises(UserError, match="labels"):
        make_study(tmp_path, {"a": table(GRID | {"protocol": "low_shot", "labels": labels})})


def test_linear_probe_and_retrieval_share_the_features(tmp_path):
    probe, retrieval = (GRID | {"protocol": protocol} for protocol in ("linear_probe", "retrieval"))
    study = make_study(tmp_path, {"a": table([probe, retrieval])})
    assert len(study.of_stage("features")) == 3  # of two tasks and the baseline
    assert {cell.stage for cell in study.all_cells} == {"pretrain", "features", "linear_probe", "retrieval"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protocol": "distill"}, "needs `teachers`"),
        ({"protocol": "distill", "teachers": [{"backbone": "resnet"}]}, "unknown backbone 'resnet'"),
        ({"protocol": "distill", "teachers": [{"complexity": "C9"}], "task": "rotnet"}, "unknown complexity 'C9'"),
        ({"against": {"epochs": 50}}, "protocol 'finetune' has no `against`"),
        ({"labels": 5}, "protocol 'finetune' has no `labels`"),
        ({"protocol": "low_shot"}, "protocol 'low_shot' needs `labels`"),
        ({"protocol": "robustness", "noise": "snow", "severity": 1}, "noise"),
    ],
)
def test_wrong_protocols_are_told(tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        make_study(tmp_path, {"wrong": table(GRID | change)})


@pytest.mark.parametrize("section", ["finetune", "noise", "subsets", "epochs", "store"])
def test_the_papers_scale_takes_no_number_over_from_the_reduced_one(section):
    reduced, paper = (read_yaml(REPOSITORY / f"config/{name}.yaml")[section] for name in ("config", "paper"))
    assert set(reduced) <= set(paper)
