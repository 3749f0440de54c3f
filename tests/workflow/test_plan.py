"""What a dry-run plans, at each scale and from each documented form of call."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from videossl.experiments import Study, load_study

TASKS = 6


def study_of(repository: Path, *overlays: str) -> Study:
    """A study, by the library alone."""
    before = Path.cwd()
    os.chdir(repository)
    try:
        study = load_study(["config/config.yaml", *overlays])
        assert study.recipes and study.models  # read while here
        return study
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def study(repository: Path) -> Study:
    """The default study."""
    return study_of(repository)


@pytest.fixture(scope="module")
def paper(repository: Path) -> Study:
    """The study at the paper's scale, without weights of video-language models."""
    return study_of(repository, "config/paper.yaml")


def stages(study: Study) -> Counter[str]:
    """The jobs of a whole study that follow from its cells, by rule."""
    kinds = Counter(entry.kind for entry in study.entries.values())
    possible = [cell for cell in study.all_cells if not study.unavailable(cell)]
    return Counter(cell.stage for cell in possible) + kinds + Counter(all=1)


def test_default_plan_is_the_whole_study(workflow, study):
    jobs = workflow.plan()
    for rule, count in stages(study).items():
        assert jobs[rule] == count, rule
    assert jobs["generate_videos"] == jobs["listing"] == jobs["manifest"] == len(study.datasets)
    assert jobs["store_shard"] == sum(study.config.datasets[name].shards for name in study.datasets)


def test_demo_is_a_part_of_the_study(workflow):
    jobs = workflow.plan("--configfile", "config/demo.yaml")
    # 2 tasks x 3 subsets x 4 milestones; 2 tasks x (3 subsets + 3 further milestones) + 1 baseline
    assert (jobs["pretrain"], jobs["finetune"]) == (24, 13)
    assert (jobs["table"], jobs["figure"]) == (3, 1)


def test_one_table_plans_only_its_own_cells(workflow):
    jobs = workflow.plan("table_training_time")
    assert jobs["table_training_time"] == jobs["table"] == 1
    assert jobs["figure"] == 0
    assert (jobs["pretrain"], jobs["finetune"], jobs["subset"]) == (TASKS * 4, TASKS * 4 + 1, 1)


def test_tables_share_their_cells(workflow):
    """The milestone 200 on the 50k subset is in both tables; 50, 100 and 150 of the other subsets are on the way."""
    jobs = workflow.plan("table_subset_size", "table_training_time")
    assert jobs["pretrain"] == TASKS * 3 * 4
    assert jobs["finetune"] == TASKS * (3 + 3) + 1


def test_complexity_trains_each_variant_by_itself(workflow):
    jobs = workflow.plan("table_complexity")
    variants = 3 * 3 * 2  # tasks, levels, networks
    assert (jobs["pretrain"], jobs["finetune"]) == (variants * 4, variants + 2)


def test_pretext_sanity_needs_no_target_dataset(workflow):
    jobs = workflow.plan("table_pretext_sanity")
    assert jobs["finetune"] == 0 and jobs["generate_videos"] == 1
    assert jobs["pretrain"] == (TASKS + 2) * 4  # and VideoMAE, on two networks


@pytest.mark.parametrize("profile", ["slurm", "profiles/slurm"])
def test_paper_scale_is_planned_without_its_datasets(workflow, paper, profile):
    output = workflow.run("--profile", profile, "-n", "--quiet", "rules").stdout
    warnings = [line for line in output.splitlines() if "not on this machine" in line]
    assert len(warnings) == 1
    assert all(name in warnings[0] for name in paper.datasets)
    jobs = workflow.plan("--profile", profile)
    for rule, count in stages(paper).items():
        assert jobs[rule] == count, rule
    assert "zero_shot" not in jobs and "captions" not in paper.datasets
    assert jobs["store_shard"] > 256 and "generate_videos" not in jobs


def test_real_run_without_datasets_stops_before_the_first_job(workflow):
    arguments = ("--profile", "slurm", "--executor", "local", "--cores", "1")
    done = workflow.run(*arguments, check=False)
    assert done.returncode != 0
    assert "datasets are missing on this machine" in done.stdout
    for name in ("k400", "ucf101"):
        assert f"datasets.{name}.root" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (workflow.root / "results/paper/data").exists()


def test_cell_outside_the_table_is_an_error_that_names_the_nearest(workflow):
    path = "results/pretrain/k400/100k/rotnet/r2plus1d/seed0/epochs200/weights.pt"
    done = workflow.run("-n", path, check=False)
    assert done.returncode != 0
    assert "no table or figure needs the cell pretrain/k400/100k/rotnet" in done.stdout
    assert "pretrain/k400/10k/rotnet/r2plus1d/seed0/epochs200" in done.stdout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subests: {10k: 4}\n", "unknown key 'subests'. Did you mean subsets"),
        ("epochs: {50: 5, 100: 3}\n", "must rise from milestone to milestone"),
        ("recipe_overrides: {rotnett: {batch_size: 4}}\n", "unknown pretext task 'rotnett' in recipe_overrides"),
        ("recipe_overrides: {rotnet: {batch_sise: 4}}\n", "unknown key 'batch_sise'. Did you mean batch_size"),
        ("only: [subset_sise]\n", "unknown table or figure 'subset_sise'"),
        ("finetune: {epochs: 1.5}\n", "finetune.epochs"),
    ],
)
def test_wrong_configuration_is_one_clear_message(workflow, text, expected):
    (workflow.root / "mine.yaml").write_text(text)
    done = workflow.run("-n", "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0
    assert expected in done.stdout
    assert "Traceback (most recent call last)" not in done.stdout


def test_scripts_of_all_rules_exist(repository):
    import re

    rules = "".join(path.read_text() for path in (repository / "rules").glob("*.smk"))
    scripts = set(re.findall(r"\{SCRIPTS\}/(\w+\.py)", rules))
    assert len(scripts) >= 9
    for script in scripts:
        assert (repository / "workflow/scripts" / script).is_file(), script
