"""What a dry-run plans, at each scale and from each documented form of call."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
import yaml
from workflow_copy import fill_in_site, jobs_of

from videossl.data.settings import NOISES
from videossl.study.config.cluster import Cluster
from videossl.study.study import Study, load_study

TASKS = 6
"""Tasks of the paper's tables. Every other task with a recipe is at least in `pretext_sanity`."""


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


def values_of(study: Study, name: str, axis: str) -> int:
    """How many values of an axis an entry shows, of those that the scale does not leave out."""
    return len({getattr(cell, axis) for cell in study.cells_of[name] if not cell.is_scratch})


def test_default_plan_is_the_whole_study(workflow, study):
    jobs = workflow.plan()
    for rule, count in stages(study).items():
        assert jobs[rule] == count, rule
    assert jobs["generate_videos"] == jobs["listing"] == len(study.datasets)
    whole = {"ucf101", "hmdb51", "diving48", "captions"}
    assert jobs["manifest"] == len(whole)
    assert jobs["store_shard"] == sum(study.config.datasets[name].shards for name in whole)
    assert jobs["store_train_shard"] == 2 + 2 + 1  # 192 videos of k400 and of k700, 96 of ssv2, 96 in a shard
    assert jobs["sample"] == 3


def test_one_table_plans_only_its_own_cells(workflow, study):
    epochs = values_of(study, "training_time", "epochs")
    jobs = workflow.plan("table_training_time")
    assert jobs["table_training_time"] == jobs["table"] == 1
    assert jobs["figure"] == 0
    scratch = study.config.seeds_from_scratch
    assert (jobs["pretrain"], jobs["finetune"], jobs["subset"]) == (TASKS * epochs, TASKS * epochs + scratch, 1)


def test_tables_share_their_cells(workflow, study):
    """The milestone 200 on the 50k subset is in both tables. On the other subsets one job trains through the earlier
    ones, which no table needs but that of RSPNet's accuracy over subset sizes and epochs."""
    epochs, others = values_of(study, "training_time", "epochs"), values_of(study, "subset_size", "subset") - 1
    jobs = workflow.plan("table_subset_size", "table_training_time")
    assert jobs["pretrain"] == TASKS * (epochs + others) + others * (epochs - 1)
    assert jobs["finetune"] == TASKS * (epochs + others) + study.config.seeds_from_scratch


def test_complexity_trains_each_variant_by_itself(workflow, study):
    jobs = workflow.plan("table_complexity")
    levels = values_of(study, "complexity", "complexity")
    variants = 3 * levels * 2  # tasks, levels, networks
    # Three tasks on one network have their default complexity in the tables over epochs: milestones of their own.
    earlier = values_of(study, "training_time", "epochs") - 1
    assert (jobs["pretrain"], jobs["finetune"]) == (
        variants + 3 * earlier,
        variants + 2 * study.config.seeds_from_scratch,
    )


def test_pretext_sanity_needs_no_target_dataset(workflow, study):
    jobs = workflow.plan("table_pretext_sanity")
    assert jobs["finetune"] == 0 and jobs["generate_videos"] == 1
    # Milestones that other tables need are jobs of their own; those of other tasks, two of which have two networks, are
    # not.
    epochs = values_of(study, "training_time", "epochs")
    assert jobs["pretrain"] == TASKS * epochs + (len(study.recipes) - TASKS) + 2


def test_paper_scale_is_planned_without_its_datasets(workflow, paper, repository):
    assert (repository / "slurm").resolve() == repository / "profiles/slurm"  # one profile under two names
    assert len(paper.pretraining) == (72 + len(paper.recipes) - TASKS) * 4  # every milestone is a job
    output = workflow.run("--profile", "slurm", "-n", "--quiet", "rules").stdout
    warnings = [line for line in output.splitlines() if "not on this machine" in line]
    assert len(warnings) == 1
    assert all(name in warnings[0] for name in paper.datasets)
    jobs = jobs_of(output)
    config = paper.config
    sets = {cell.target for cell in paper.all_cells if cell.stage == "robustness"}
    data = {
        "listing": len(paper.datasets),
        "manifest": 3,  # ucf101, hmdb51 and diving48 are stored as a whole
        "store_shard": 2 + 1 + 4,
        "store_train_shard": 20 + 10 + 6,  # k400, k700, ssv2: 5,000 videos of the largest subset in each
        "sample": 3,
        "subset": len({(cell.source, cell.subset) for cell in paper.pretraining}),
        "noisy_shard": len(sets) * len(NOISES) * config.noise.shards,
        "noiseless_shard": len(sets) * config.noise.shards,
        "noisy_manifests": len(sets),
        "claims": 1,
        "metrics": 1,
        "report": 1,
    }
    assert jobs == stages(paper) + Counter(data)
    assert "zero_shot" not in jobs and "captions" not in paper.datasets


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
    path = "results/smoke/pretrain/k400/100k/rotnet/r2plus1d/seed0/epochs200/weights.pt"
    done = workflow.run("-n", path, "--configfile", "config/smoke.yaml", check=False)
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
        ("only: [subset_size]\nonly: [networks]\n", "the key 'only' is given twice"),
        ("backbones: {vit: {depht: 2}}\n", "unknown option 'depht' in the options of backbone 'vit'"),
    ],
)
def test_wrong_configuration_is_one_clear_message(workflow, text, expected):
    (workflow.root / "mine.yaml").write_text(text)
    done = workflow.run("-n", "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0
    assert expected in done.stdout
    assert "Traceback (most recent call last)" not in done.stdout


LAYOUT = """
only: [wrong]
experiments:
  wrong:
    kind: table
    title: W
    grid: {task: [rotnet, prp], backbone: r2plus1d, source: k400, subset: 10k, epochs: 200, target: ucf101}
    rows: backbone
    columns: target
    baseline: false
"""


def test_a_layout_that_cannot_work_is_told_before_anything_runs(workflow):
    (workflow.root / "mine.yaml").write_text(LAYOUT)
    for arguments in (["-n"], ["--cores", "1"]):
        done = workflow.run(*arguments, "--configfile", "mine.yaml", check=False)
        assert done.returncode != 0 and "Traceback (most recent call last)" not in done.stdout
        assert (
            "`experiments.wrong` in" in done.stdout and "mine.yaml: 'wrong': cells that differ in task" in done.stdout
        )
        assert "/k400/10k/rotnet/" in done.stdout and "/k400/10k/prp/" in done.stdout and "Add `task`" in done.stdout
    assert not (workflow.root / "results/data").exists()


def test_a_root_takes_the_place_of_generated_videos(workflow):
    (workflow.root / "mine.yaml").write_text("datasets: {ucf101: {root: gone, annotations: lists}}\n")
    target = "results/tables/subset_size.md"
    both = workflow.plan(target)
    assert both["generate_videos"] == both["listing"] == 2
    for arguments in (
        ["--configfile", "mine.yaml"],
        ["--config", "datasets={ucf101: {root: gone, annotations: lists}}"],
    ):
        jobs = workflow.plan(target, *arguments)
        assert (jobs["generate_videos"], jobs["listing"]) == (1, 2)
    done = workflow.run("--cores", "1", target, "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0 and "ucf101 (UCF101): no folder gone and no folder lists" in done.stdout
    given = "datasets={ucf101: {generated: {classes: 3}}}"
    done = workflow.run("-n", target, "--configfile", "mine.yaml", "--config", given, check=False)
    assert done.returncode != 0 and "`datasets.ucf101.generated` in --config" in done.stdout


@pytest.mark.parametrize("target", ["table_subset_sise", "results/tables/subset_sise.html"])
def test_a_misspelt_target_is_told_with_the_nearest(workflow, target):
    done = workflow.run("-n", target, check=False)
    assert done.returncode != 0
    assert "unknown table or figure 'table_subset_sise'. Did you mean table_subset_size" in done.stdout
    assert "Traceback (most recent call last)" not in done.stdout


@pytest.mark.parametrize(
    "target", ["results/smoke/tables/subset_size.md", "results/smoke/tables/claims.html", "figure_cka_tasks"]
)
def test_a_target_that_there_is_is_planned(workflow, target):
    jobs = workflow.plan(target, "--configfile", "config/smoke.yaml")
    assert jobs["pretrain"] > 0 and "no_such_target" not in jobs


def stopped(workflow, text: str, *targets: str) -> str:
    """What a real run says that must stop before its first job."""
    (workflow.root / "mine.yaml").write_text(text)
    arguments = ("--configfile", "config/smoke.yaml", "mine.yaml", "--cores", "1")
    done = workflow.run(*targets, *arguments, check=False)
    assert done.returncode != 0 and "Nothing was run." in done.stdout
    assert "Traceback (most recent call last)" not in done.stdout
    return done.stdout


def test_an_option_out_of_range_is_told_in_the_plan(workflow):
    (workflow.root / "mine.yaml").write_text("recipe_overrides: {rspnet: {options: {temperature: -1.0}}}\n")
    done = workflow.run("-n", "--configfile", "mine.yaml", check=False)
    assert done.returncode != 0 and "Traceback (most recent call last)" not in done.stdout
    assert "option 'temperature' in the options of pretext task 'rspnet' (config/recipes/rspnet.yaml" in done.stdout
    assert "must be a number, above 0 to 1,000 (default: 0.07), not -1.0." in done.stdout


def test_a_network_that_cannot_be_built_stops_the_run_before_its_first_job(workflow):
    wrong = "recipe_overrides: {rspnet: {clip: {size: 1}}, vcop: {clip: {size: 2}}}\n"
    said = stopped(workflow, wrong, "table_training_time")
    assert "rspnet with r2plus1d, clips of 4x1x1: R2Plus1D needs clips of at least" in said
    assert "config/recipes/rspnet.yaml" in said
    assert not (workflow.root / "results/smoke/generated").exists()


def test_results_that_cannot_be_written_stop_the_run(workflow):
    (workflow.root / "blocked").write_text("a file")
    assert "set another `results_dir`" in stopped(workflow, "results_dir: blocked/results\n", "table_networks")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_stops_the_run(workflow):
    assert "compute.device is 'cuda'" in stopped(workflow, "compute: {device: cuda}\n", "table_training_time")


def test_a_failed_job_is_told_at_the_end_with_its_log(workflow):
    (workflow.root / "mine.yaml").write_text("subsets: {10k: 12, 30k: 12, 50k: 12, 100k: 12}\n")
    target = "results/smoke/data/ucf101/subsets/10k.parquet"  # which no table needs: too few videos are known late
    arguments = ("--configfile", "config/smoke.yaml", "mine.yaml", "--cores", "2")
    said = workflow.run(target, *arguments, check=False).stdout.partition("Failed:\n")[2]
    assert said.startswith("subset (dataset ucf101, subset 10k)\n  error: subset ucf101/10k (`subsets.10k` in the")
    assert "Choose a size from 1 to 1" in said and "log: results/smoke/logs/data/ucf101/subset_10k.log" in said


def test_scripts_of_all_rules_exist(repository):
    rules = "".join(path.read_text() for path in (repository / "rules").glob("*.smk"))
    scripts = set(re.findall(r"\{SCRIPTS\}/(\w+\.py)|start\(\"(\w+\.py)\"\)", rules))
    scripts = {name for pair in scripts for name in pair if name}
    assert len(scripts) >= 9
    for script in scripts:
        assert (repository / "workflow/scripts" / script).is_file(), script


PARSE = """
import sys
from snakemake.cli import main
try:
    main(["-n", "--quiet", "all", "--profile", "slurm", "table_subset_size"])
finally:
    print("imported:", *(name for name in ("videossl.study.study", "torch", "pandas") if name in sys.modules))
"""


def test_planning_imports_no_torch(workflow):
    """Every job on a cluster plans anew before it starts."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE], cwd=workflow.root, env=workflow.environment, text=True, capture_output=True
    )
    imported = done.stdout.split("imported: ")[-1].split()
    assert "videossl.study.study" in imported, done.stderr
    assert "torch" not in imported


def test_every_job_of_a_cluster_says_what_it_needs(workflow):
    """Rules of stages ask for a GPU, memory and time by their stage; all others for memory and time."""
    text = "".join(path.read_text() for path in sorted((workflow.root / "rules").glob("*.smk")))
    parts = re.split(r"^rule (\w+):\n", text, flags=re.M)
    rules = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert {"listing", "store_shard", "noisy_manifests"} <= set(rules)
    for name, rule in rules.items():
        if "localrule: True" not in rule and name != "no_such_target":
            assert f'**data_resources("{name}"' in rule, name
    # `use rule` does not take over that a rule is local.
    local = re.findall(r"\w+", re.search(r"^localrules:\n((?: +\w+,?\n)+)", text, flags=re.M)[1])
    for base, name in re.findall(r"^use rule (\w+) as (\w+) with:", text, flags=re.M):
        assert name in local or f'**data_resources("{name}"' in text, (base, name)
    assert "**resources_of(stage)" in text and "threads: threads_of(stage)" in text  # one rule makes all stages


def test_the_site_fills_in_one_file_of_ten_lines(workflow):
    path = workflow.root / "profiles/slurm/site.yaml"
    assert len(path.read_text().splitlines()) <= 10
    fill_in_site(workflow.root, gres=True)
    filled = yaml.safe_load(path.read_text())["cluster"]
    assert filled == {"longest_minutes": 1440, "cpu_partition": "cpu", "gpu_partition": "gpu", "gpus_by": "gres"}
    every = yaml.safe_load(re.sub(r"^  # (\w+):", r"  \1:", path.read_text(), flags=re.M))["cluster"]
    assert set(every) == set(Cluster.model_fields) - {"share"}
    assert Cluster.parse(every, "site.yaml").account == "myproject"


def test_touching_asks_for_neither_gpu_nor_datasets(workflow):
    """`snakemake --touch` on a login node, after files were copied: it runs no job."""
    (workflow.root / "mine.yaml").write_text(
        "compute: {device: cuda}\nonly: [pretext_sanity]\nrestrict: {task: [rotnet]}\n"
        "datasets: {k400: {generated: null, root: gone, annotations: gone}}\n"
    )
    arguments = ("--configfile", "config/smoke.yaml", "mine.yaml")
    planned = workflow.run(*arguments, "--detailed-summary").stdout.splitlines()
    outputs = [workflow.root / line.split("\t")[0] for line in planned if line.count("\t") > 5][1:]
    assert any(path.name == "weights.pt" for path in outputs)
    for path in outputs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert workflow.run("--touch", "--cores", "1", *arguments, check=False).returncode == 0
    shown = {"table", "metrics", "report", "all"}  # of which no record says what they show
    assert set(workflow.plan(*arguments)) == shown


def test_braces_in_texts_and_folders_are_no_wildcards(workflow, tmp_path):
    """In titles, captions, the scale's note and datasets; in the results' folder they are refused at the key."""
    text = "5% {x} {wildcards.foo} {0} $a_1$"
    entry = {"kind": "table", "title": text, "caption": text, "rows": "epochs", "columns": "target"}
    grid = {
        "task": "rotnet",
        "backbone": "r2plus1d",
        "source": "asl24",
        "subset": "all",
        "epochs": 50,
        "target": "asl24",
    }
    place = {"title": text, "root": str(tmp_path / "a {b} 'c'"), "annotations": str(tmp_path / "{d}")}
    values = {
        "scale": {"note": text},
        "datasets": {"asl24": place},
        "experiments": {"own_dataset": entry | {"grid": grid}},
    }
    (workflow.root / "mine.yaml").write_text(yaml.safe_dump(values))
    files = ("--configfile", "config/examples/own_dataset.yaml", "mine.yaml")
    done = workflow.run("table_own_dataset", "-n", *files)
    assert f"{text}: done" in done.stdout and jobs_of(done.stdout)["finetune"] == 4  # three without pretraining
    (workflow.root / "mine.yaml").write_text(yaml.safe_dump(values | {"results_dir": "out/res{x}"}))
    done = workflow.run("-n", *files, check=False)
    assert done.returncode and "results_dir: should have no braces" in done.stdout and "KeyError" not in done.stdout
