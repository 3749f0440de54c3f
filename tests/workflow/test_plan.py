"""What a dry-run plans, at each scale and from each documented form of call."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from workflow_copy import fill_in_site, jobs_of

from videossl.config.experiments import NOISES
from videossl.experiments import Study, load_study

TASKS = 6


@pytest.fixture(scope="module")
def study(repository: Path, tmp_path_factory) -> Study:
    """The default study, by the library alone."""
    before = Path.cwd()
    os.chdir(repository)
    try:
        return load_study(["config/config.yaml"])
    finally:
        os.chdir(before)


def stages(study: Study) -> Counter[str]:
    """The jobs of a whole study that follow from its cells, by rule."""
    kinds = Counter(entry.kind for entry in study.entries.values())
    return Counter(cell.stage for cell in study.all_cells) + kinds + Counter(all=1)


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
def test_paper_scale_is_planned_without_its_datasets(workflow, study, repository, monkeypatch, profile):
    monkeypatch.chdir(repository)
    output = workflow.run("--profile", profile, "-n", "--quiet", "rules").stdout
    warnings = [line for line in output.splitlines() if "not on this machine" in line]
    assert len(warnings) == 1
    assert all(name in warnings[0] for name in study.datasets)
    jobs = jobs_of(output)
    config = load_study([repository / "config/config.yaml", repository / "config/paper.yaml"]).config
    sets = {cell.target for cell in study.all_cells if cell.stage == "robustness"}
    data = {
        "listing": len(study.datasets),
        "manifest": len(study.datasets),
        "store_shard": sum(config.datasets[name].shards for name in study.datasets),
        "subset": len({(cell.source, cell.subset) for cell in study.pretraining}),
        "noisy_shard": len(sets) * len(NOISES) * config.noise.shards,
        "noisy_manifests": len(sets),
        "claims": 1,
    }
    assert jobs == stages(study) + Counter(data)


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
    rules = "".join(path.read_text() for path in (repository / "rules").glob("*.smk"))
    scripts = set(re.findall(r"\{SCRIPTS\}/(\w+\.py)", rules))
    assert len(scripts) >= 9
    for script in scripts:
        assert (repository / "workflow/scripts" / script).is_file(), script


PARSE = """
import sys
from snakemake.cli import main
try:
    main(["-n", "--quiet", "all", "--profile", "slurm", "table_subset_size"])
finally:
    print("imported:", *(name for name in ("videossl.experiments", "torch", "pandas") if name in sys.modules))
"""


def test_planning_imports_no_torch(workflow):
    """Every job on a cluster plans anew before it starts."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE], cwd=workflow.root, env=workflow.environment, text=True, capture_output=True
    )
    imported = done.stdout.split("imported: ")[-1].split()
    assert "videossl.experiments" in imported, done.stderr
    assert "torch" not in imported


def rules_of(repository: Path) -> dict[str, str]:
    """The text of each rule."""
    text = "".join(path.read_text() for path in sorted((repository / "rules").glob("*.smk")))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_job_of_a_cluster_says_what_it_needs(repository):
    rules = rules_of(repository)
    networks = {name for name, text in rules.items() if "{params.compute}" in text}
    assert networks >= {"pretrain", "finetune", "distill", "features", "robustness", "cka"}
    for name, text in rules.items():
        if name in networks:
            assert "gpu=COMPUTE.gpus," in text and "threads: COMPUTE.threads" in text, name
            assert "mem_mb=network_memory," in text and f'runtime=network_runtime("{name}"),' in text, name
        elif "localrule: True" not in text:
            assert "mem_mb=other_memory," in text and re.search(r"runtime=\w+_runtime,", text), name
            assert "gpu" not in text, name


def test_site_block_of_the_profile_names_all_rules_with_networks(workflow):
    fill_in_site(workflow.root, gres=True)
    profile = yaml.safe_load((workflow.root / "profiles/slurm/config.yaml").read_text())
    assert profile["default-resources"]["slurm_partition"] == "cpu"
    networks = {name for name, rule in rules_of(workflow.root).items() if "{params.compute}" in rule}
    assert set(profile["set-resources"]) == networks
    for values in profile["set-resources"].values():
        assert values == {"slurm_partition": "gpu", "gpu": 0, "gres": "'gpu:1'"}
