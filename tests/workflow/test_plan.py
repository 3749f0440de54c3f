"""What a dry-run plans, at each scale and from each documented form of call."""

from __future__ import annotations

import pytest

FULL = {"pretrain": 24, "finetune": 13, "table": 2, "figure": 1, "all": 1}
"""2 tasks x 3 subsets x 4 milestones; (2 tasks x (3 subsets + 3 further milestones) + 1 baseline)."""


def test_default_plan(workflow):
    data = {"generate_videos": 2, "listing": 2, "store_shard": 3, "manifest": 2, "subset": 3}
    assert workflow.plan() == {**FULL, **data}


def test_one_table_plans_only_its_own_cells(workflow):
    jobs = workflow.plan("table_training_time")
    assert jobs["table_training_time"] == jobs["table"] == 1
    assert jobs["figure"] == 0
    assert (jobs["pretrain"], jobs["finetune"], jobs["subset"]) == (8, 9, 1)


@pytest.mark.parametrize("profile", ["slurm", "profiles/slurm"])
def test_paper_scale_is_planned_without_its_datasets(workflow, profile):
    output = workflow.run("--profile", profile, "-n", "--quiet", "rules").stdout
    warnings = [line for line in output.splitlines() if "not on this machine" in line]
    assert len(warnings) == 1
    assert "k400, ucf101" in warnings[0]
    jobs = workflow.plan("--profile", profile)
    assert jobs == {**FULL, "listing": 2, "store_shard": 256 + 8, "manifest": 2, "subset": 3}


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
