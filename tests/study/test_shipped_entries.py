"""The shipped tables show what the paper's tables are about."""

from __future__ import annotations

import pytest

from videossl.study.study import load_study

TASKS = ("rotnet", "vcop", "prp", "cvrl", "tdl", "rspnet")


@pytest.fixture(params=[(), ("config/paper.yaml",)], ids=["reduced", "paper"])
def study(request, repository, monkeypatch):
    monkeypatch.chdir(repository)
    return load_study(["config/config.yaml", *request.param])


def test_students_of_two_tasks_are_of_the_papers_network_and_of_ours(study):
    cells = study.cells_of["distill_tasks"]
    students = {(cell.backbone, cell.teachers): cell for cell in cells if cell.stage == "distill"}
    assert set(students) == {
        (net, teachers) for net in ("shufflenet", "r2plus1d") for teachers in ("rotnet+vcop", "cvrl+tdl")
    }
    for (net, _), student in students.items():
        assert {teacher.backbone for teacher in student.partners} == {net}
        assert set(student.partners) <= set(cells)
    alone = {(cell.backbone, cell.task) for cell in cells if cell.stage == "finetune" and not cell.is_scratch}
    assert alone == {(net, task) for net in ("shufflenet", "r2plus1d") for task in TASKS}
    (part,) = [part for part in study.entries["distillation_summary"].parts if part.cells_of == "distill_tasks"]
    assert part.x == ["backbone", "teachers"] and part.paper_table == "distill_tasks"


def test_every_pretraining_is_finetuned_somewhere(study):
    """A pretrained network that nothing is finetuned from, or tested with, says nothing about its task."""
    used = {need for cell in study.all_cells if cell.stage != "pretrain" for need in study.dependencies(cell)}
    networks = {(c.task, c.complexity, c.backbone, c.source, c.subset) for c in study.pretraining}
    assert networks == {(c.task, c.complexity, c.backbone, c.source, c.subset) for c in used if c.stage == "pretrain"}


def test_videomae_is_finetuned_on_both_targets_by_both_networks(study):
    shown = {(c.backbone, c.target) for c in study.cells_of["state_of_the_art"] if c.task == "videomae"}
    assert shown == {(net, target) for net in ("r2plus1d", "vit") for target in ("ucf101", "hmdb51")}


def test_each_noise_is_beside_the_same_videos_without_it(study):
    """And everything that the table of robustness is computed from."""
    views = study.views_of["noise_types"]
    assert {cell.stage for cell in views} == {"robustness"}
    for cell, shown in views.items():
        metrics = {}
        for view in shown:
            metrics.setdefault((view["noise"], view["severity"]), []).append(view["metric"])
        assert metrics == {
            (noise, 1): ["clean_top1", "top1"] for noise in ("gaussian", "impulse", "shot", "speckle", "mean")
        }, cell.path
    assert set(views) >= set(study.cells_of["robustness"])
