"""A table and a figure at the smallest scale, run once for all tests: what a run leaves, and when it runs again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from documentation import block
from report_data import data_of
from warm import shared as shared_warm_interpreter
from workflow_copy import Workflow, copy_workflow

from videossl.common.identity import stated
from videossl.common.specification import Specification
from videossl.data.provenance import note_made
from videossl.data.selection import read_subset
from videossl.report.request import write_request
from videossl.stages.data import store_spec
from videossl.study.study import load_study

SMOKE = ("--configfile", "config/smoke.yaml", "only.yaml")
ONLY = "only: [training_time, accuracy_over_epochs]\nrestrict: {task: [rotnet, rspnet]}\n"
RESULTS = "results/smoke"


@pytest.fixture(scope="module")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the workflow in which the smoke study has run."""
    workflow = copy_workflow(repository, tmp_path_factory.mktemp("smoke") / "copy")
    (workflow.root / "only.yaml").write_text(ONLY)
    workflow.run(*SMOKE, "--cores", "2", "--quiet", "rules", warm=True)
    return workflow


@pytest.fixture(scope="module")
def study(finished: Workflow):
    """The smoke study's cells."""
    before = Path.cwd()
    os.chdir(finished.root)
    try:
        return load_study(["config/config.yaml", "config/smoke.yaml", "only.yaml"])
    finally:
        os.chdir(before)


def test_every_cell_has_results_of_its_own_identity(finished, study):
    for cell in study.pretraining + study.evaluations:
        folder = finished.root / RESULTS / cell.path
        metrics = pd.read_parquet(folder / "metrics.parquet")
        for column, value in cell.identity.items():
            assert (metrics[column] == value).all()
        run = json.loads((folder / "run.json").read_text())
        assert run["identity"] == stated(cell.identity)
        assert run["wall_seconds"] > 0


def test_top1_follows_from_the_predictions_of_exactly_the_readable_test_videos(finished, study):
    manifest = pd.read_parquet(finished.root / RESULTS / "data/ucf101/manifest.parquet")
    expected = set(manifest[(manifest["split"] == "test") & (manifest["status"] == "ok")]["id"])
    for cell in study.evaluations:
        folder = finished.root / RESULTS / cell.path
        predictions = pd.read_parquet(folder / "predictions.parquet")
        assert set(predictions["video"]) == expected
        metrics = pd.read_parquet(folder / "metrics.parquet").set_index("metric")["value"]
        assert metrics["top1"] == pytest.approx((predictions["label"] == predictions["prediction"]).mean())


def test_broken_videos_are_rows_with_reasons_and_are_counted(finished):
    manifest = pd.read_parquet(finished.root / RESULTS / "data/ucf101/manifest.parquet")
    assert (manifest["status"] == "broken").sum() == 3
    assert (manifest["status"] == "missing").sum() == 1
    assert (manifest.loc[manifest["status"] != "ok", "reason"].str.len() > 5).all()
    log = next((finished.root / RESULTS / "logs/data/ucf101").glob("manifest.log")).read_text()
    assert log.count("broken: ") == 3
    subset = pd.read_parquet(finished.root / RESULTS / "data/k400/subsets/50k.parquet")
    assert (subset["status"] == "ok").sum() == 12  # full, whatever is broken
    assert (subset.loc[subset["status"] != "ok", "reason"].str.len() > 5).all()
    log = (finished.root / RESULTS / "logs/data/k400/subset_50k.log").read_text()
    assert log.count("broken: ") == (subset["status"] == "broken").sum() > 0
    cell = finished.root / RESULTS / "finetune/ucf101/none/none/scratch/r2plus1d/seed0/epochs0"
    counts = pd.read_parquet(cell / "metrics.parquet").set_index(["split", "metric"])["value"]
    assert counts["train", "videos_broken"] == 3  # the generated set's bad files are in its training list
    assert counts["train", "videos_missing"] == 1
    assert counts["test", "videos_broken"] == counts["test", "videos_missing"] == 0


def test_subsets_are_nested_and_balanced(finished):
    folder = finished.root / RESULTS / "data/k400/subsets"
    targets = [f"{RESULTS}/data/k400/subsets/{name}.parquet" for name in ("10k", "30k")]
    finished.run(*targets, *SMOKE, "--cores", "2", "--quiet", "rules", warm=True)
    ids = {name: list(read_subset(folder / f"{name}.parquet")[0]["id"]) for name in ("10k", "30k", "50k")}
    assert ids["10k"] == ids["30k"][:6]
    assert ids["30k"] == ids["50k"][:9]
    assert np.ptp(read_subset(folder / "50k.parquet")[0]["label"].value_counts()) <= 1


def test_tables_and_figures_are_in_every_format_and_marked_as_reduced(finished):
    tables, figures = finished.root / RESULTS / "tables", finished.root / RESULTS / "figures"
    for suffix in ("md", "tex", "html"):
        text = (tables / f"training_time.{suffix}").read_text()
        assert "reduced scale" in text.lower(), suffix
        assert "pending" not in text.split("</style>")[-1]
    for frame in (pd.read_parquet(tables / "training_time.parquet"), pd.read_csv(tables / "training_time.csv")):
        assert set(frame["status"]) == {"ok"}
        assert frame["reduced_scale"].all()
        assert "scratch" in set(frame["task"])
    assert (figures / "accuracy_over_epochs.png").read_bytes().startswith(b"\x89PNG")
    assert (figures / "accuracy_over_epochs.pdf").read_bytes().startswith(b"%PDF")
    assert (figures / "paper/accuracy_over_epochs.pdf").read_bytes().startswith(b"%PDF")


def test_finished_study_plans_nothing(finished):
    assert not finished.plan(*SMOKE)


def test_touching_or_reformatting_code_plans_no_training(finished):
    for folder in ("src", "workflow/scripts"):
        for path in (finished.root / folder).rglob("*.py"):
            path.touch()
    assert not finished.plan(*SMOKE)
    changed = [
        *(finished.root / "src/videossl/training").glob("*.py"),
        *(finished.root / "src/videossl/pretext").glob("*.py"),
        *(finished.root / "src/videossl/report").glob("*.py"),
        finished.root / "workflow/scripts/run_stage.py",
        finished.root / "workflow/scripts/render.py",
    ]
    before = {path: path.read_text() for path in changed}
    try:
        for path, text in before.items():
            path.write_text(text + "\n\n# A comment.\n")
        jobs = finished.plan(*SMOKE)
        assert jobs == {"table": 1, "figure": 1, "metrics": 1, "report": 1, "all": 1}
    finally:
        for path, text in before.items():
            path.write_text(text)
    assert not finished.plan(*SMOKE)


def test_changed_shell_text_plans_no_training(finished):
    path = finished.root / "rules/stages.smk"
    before = path.read_text()
    assert "--threads {threads}" in before
    path.write_text(before.replace("--threads {threads}", "  --threads  {threads}"))
    try:
        assert not finished.plan(*SMOKE)
    finally:
        path.write_text(before)


def test_learning_rate_of_one_task_replans_exactly_its_cells(finished):
    (finished.root / "lr.yaml").write_text("recipe_overrides: {rotnet: {optimizer: {lr: 0.0123}}}\n")
    overlay = (*SMOKE, "lr.yaml")
    shown = {"table": 1, "figure": 1, "metrics": 1, "report": 1, "all": 1}
    assert finished.plan(*overlay) == {"pretrain": 4, "finetune": 4, **shown}
    output = finished.run(*overlay, "-n").stdout
    planned = [line for line in output.splitlines() if "Pretraining" in line or "Finetuning" in line]
    assert len(planned) == 8
    assert all("rotnet" in line for line in planned)


def test_what_decides_no_result_replans_no_training(finished):
    overlay = "compute: {workers: 3, checkpoint_minutes: 1}\ndatasets: {k400: {title: Another title}}\n"
    (finished.root / "cosmetic.yaml").write_text(overlay)
    jobs = finished.plan(*SMOKE, "cosmetic.yaml")
    assert not {"pretrain", "finetune", "subset", "manifest", "store_shard", "listing"} & set(jobs)


SHOWN = {"table", "figure", "metrics", "report", "all"}


def test_copied_results_are_known_by_their_records(finished, study, repository, tmp_path):
    """By `cp -r` into a fresh clone, without Snakemake's notes: all times are new, in the order of copying."""
    clone = copy_workflow(repository, tmp_path / "clone")
    (clone.root / "only.yaml").write_text(ONLY)
    results = clone.root / RESULTS
    shutil.copytree(finished.root / RESULTS, results, copy_function=shutil.copyfile)
    for number, path in enumerate(sorted(results.rglob("*"), reverse=True)):
        os.utime(path, (2_000_000_000 + number, 2_000_000_000 + number))  # another clock
    assert set(clone.plan(*SMOKE)) <= SHOWN

    (clone.root / "lr.yaml").write_text("recipe_overrides: {rotnet: {optimizer: {lr: 0.0123}}}\n")
    other = (*SMOKE, "lr.yaml")
    for _ in range(2):  # the second time after --touch
        jobs = clone.plan(*other)
        assert {rule: number for rule, number in jobs.items() if rule not in SHOWN} == {"pretrain": 4, "finetune": 4}
        clone.run("--touch", "--cores", "1", "--quiet", "all", *other)

    # Another video of the same size, stored anew.
    shutil.rmtree(clone.root / ".snakemake")
    shard = results / "data/ucf101/shards/0000.arrow"
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    report, manifest = shard.with_suffix(".parquet"), results / "data/ucf101/manifest.parquet"
    listing = manifest.with_name("listing.parquet")
    reports = sorted(shard.parent.glob("*.parquet"))
    note_made(store_spec(study.config, "ucf101"), [listing], [shard, report])
    note_made(Specification(), [listing, *reports], [manifest])
    jobs = clone.plan(*SMOKE)
    assert {rule: number for rule, number in jobs.items() if rule not in SHOWN} == {"finetune": 9}


def test_verify_names_what_is_damaged_and_its_command_mends_it(finished, study, repository, tmp_path):
    """One bit in each of some files, then the command as it is printed: all is as it was, and nothing else is made."""
    clone = copy_workflow(repository, tmp_path / "clone")
    (clone.root / "only.yaml").write_text(ONLY)
    results = clone.root / RESULTS
    shutil.copytree(finished.root / RESULTS, results)

    def verify() -> subprocess.CompletedProcess[str]:
        return clone.command("videossl.cli", "verify", *SMOKE)

    assert verify().returncode == 0
    first = next(cell for cell in study.pretraining if (cell.task, cell.epochs) == ("rspnet", 50))
    tuned = next(cell for cell in study.evaluations if (cell.task, cell.epochs) == ("rotnet", 100))
    damaged = [results / "data/ucf101/shards/0000.arrow", results / first.path / "state.pt"]
    damaged.append(results / tuned.path / "predictions.parquet")
    for path in damaged:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    found = verify()
    assert found.returncode == 1
    assert "3 damaged" in found.stdout
    assert all(str(path.relative_to(clone.root)) in found.stdout for path in damaged)
    command = found.stdout.split("All of them at once:\n")[1].splitlines()[0]
    environment = clone.environment | shared_warm_interpreter()
    subprocess.run(["bash", "-c", command], cwd=clone.root, env=environment, check=True, capture_output=True)
    again = verify()
    assert again.returncode == 0, again.stdout
    assert set(clone.plan(*SMOKE)) <= SHOWN


def test_status_says_done(finished):
    done = finished.command("videossl.cli", "status", *SMOKE)
    assert done.returncode == 0
    assert re.search(r"table_training_time +\S* +17 done", done.stdout)
    assert "pending" not in done.stdout


def test_report_shows_every_run(finished, study):
    page = (finished.root / RESULTS / "report.html").read_text()
    data = data_of(page)
    assert set(data["runs"]) == {f"{RESULTS}/{cell.path}" for cell in study.pretraining + study.evaluations}
    last = data["runs"][f"{RESULTS}/pretrain/k400/50k/rotnet/r2plus1d/seed0/epochs200"]
    assert last["curve"]["epoch"] == [1, 2, 3, 4]  # all milestones of the run, joined
    assert last["files"] and last["log"] and last["finished"]
    assert "table-training_time" in page and "figure-accuracy_over_epochs" in page


def test_snakemakes_own_report_has_everything_with_captions(finished):
    finished.run(*SMOKE, "--cores", "1", "--report", "own.html")
    page = (finished.root / "own.html").read_text()

    def embedded(name: str):
        return json.JSONDecoder().raw_decode(page.split(f"var {name} = ", 1)[1])[0]

    section = "4.1 Size of the pretraining set, and training time"
    table, figure = f"{RESULTS}/tables/training_time.html", f"{RESULTS}/figures/accuracy_over_epochs.png"
    assert "compares pretext tasks under equal conditions" in embedded("workflow_desc")
    categories = embedded("categories")
    assert categories["Tables"] == {section: [table]}
    assert categories["Figures"] == {section: [figure]}
    assert [path for paths in categories["The study"].values() for path in paths] == [f"{RESULTS}/report.html"]
    # The libraries that the page embeds have variables of that name too.
    shown = json.JSONDecoder().raw_decode(page.split('<script id="results">', 1)[1].split("var results = ", 1)[1])[0]
    assert set(shown) == {table, figure, f"{RESULTS}/report.html"}
    assert shown[table]["labels"] == {"table": "Effect of the pretraining time"}
    for path in (table, figure):
        title, caption, *_ = re.findall(r"<p>(.*?)</p>", shown[path]["caption"], flags=re.DOTALL)
        assert "reduced scale: generated videos" in title
        assert "UCF101" in caption and "UCF101" not in title
        assert "{" not in shown[path]["caption"]  # all of the template is filled in


def test_queries_of_the_documentation(finished, repository, tmp_path, monkeypatch):
    """The examples of docs/results.md, as they stand there, with this study as `results`."""
    text = (repository / "docs/results.md").read_text()
    questions = re.search(r"^## Three example analyses.*?(?=^## )", text, flags=re.DOTALL | re.MULTILINE)[0]
    blocks = re.findall(r"```python\n(.*?)```", questions, flags=re.DOTALL)
    assert len(blocks) == 3
    (tmp_path / "results").symlink_to(finished.root / RESULTS)
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    for code in blocks:
        exec(compile(code, "docs/results.md", "exec"), found)

    metrics = found["metrics"]
    assert set(metrics["run"]) == {str(p.parent.relative_to("results")) for p in _files("metrics.parquet")}
    table = pd.read_parquet("results/tables/training_time.parquet").set_index(["task", "epochs"])["value"]
    gain = 100 * (table["rspnet", 150] - table["scratch", 0])
    assert found["gains"].loc[("r2plus1d", "rspnet"), 150] == pytest.approx(gain)

    predictions = pd.concat(pd.read_parquet(path) for path in _files("predictions.parquet"))
    assert len(found["classes"]) == predictions["label"].nunique()
    scratch = predictions[predictions["task"] == "scratch"]["correct"].mean()
    assert found["classes"]["scratch"].mean() == pytest.approx(100 * scratch)  # classes are equally large

    costs = found["costs"].set_index(["task", "epochs"])
    assert len(costs) == 8
    run = json.loads(Path("results/pretrain/k400/50k/rotnet/r2plus1d/seed0/epochs100/run.json").read_text())
    assert costs.loc[("rotnet", 100), "minutes"] == pytest.approx(run["wall_seconds"] / 60)
    assert costs.loc[("rotnet", 100), "top1"] == pytest.approx(100 * table["rotnet", 100])


def test_networks_are_loaded_as_documented(finished, repository, tmp_path, monkeypatch, capsys):
    text = (repository / "docs/results.md").read_text()
    code = re.search(r"^## Loading the networks.*?```python\n(.*?)```", text, flags=re.DOTALL | re.MULTILINE)[1]
    (tmp_path / "results").symlink_to(finished.root / RESULTS)
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(compile(code, "docs/results.md", "exec"), found)
    assert "torch.Size([2, 3])" in capsys.readouterr().out  # three classes
    assert not found["backbone"].training


def _files(name: str) -> list[Path]:
    """The files of that name of all runs below `results`."""
    found = {path for stage in ("pretrain", "finetune") for path in (Path("results") / stage).glob(f"**/{name}")}
    return sorted(found)


def test_a_table_is_added_as_documented(finished, repository):
    """docs/adding_a_table.md, taken literally, after the tables that have the same cells."""
    entries = block(repository, "adding_a_table", "yaml")
    (finished.root / "mine.yaml").write_text(f"only: null\n{entries}")
    overlay = (*SMOKE, "mine.yaml")
    targets = ("table_longer_pretraining", "figure_longer_pretraining_curves")
    assert all(target in block(repository, "adding_a_table", "bash") for target in targets)
    jobs = finished.plan(*targets, *overlay)
    assert {name: jobs[name] for name in ("table", "figure", "pretrain", "finetune")} == {
        "table": 1, "figure": 1, "pretrain": 0, "finetune": 0,
    }  # fmt: skip
    finished.run(*targets, *overlay, "--cores", "2", "--quiet", "rules", warm=True)
    table = pd.read_parquet(finished.root / RESULTS / "tables/longer_pretraining.parquet")
    other = pd.read_parquet(finished.root / RESULTS / "tables/training_time.parquet")
    key = ["task", "epochs"]
    assert len(table) == 5
    joined = table.merge(other, on=key, suffixes=("", "_other"))
    assert len(joined) == 5 and (joined["value"] == joined["value_other"]).all()
    assert (finished.root / RESULTS / "figures/longer_pretraining_curves.png").is_file()


def test_a_claim_is_added_as_documented(finished, repository, tmp_path, monkeypatch):
    """docs/adding_a_claim.md, taken literally, on the numbers of this study."""
    copied = copy_workflow(repository, tmp_path / "copy").root
    path = copied / "src/videossl/claims/dataset_size.py"
    path.write_text(f"{path.read_text()}\n\n{block(repository, 'adding_a_claim', 'python')}")
    (copied / "results").symlink_to(finished.root / RESULTS)
    (copied / "here.yaml").write_text("results_dir: results\n")
    monkeypatch.chdir(copied)
    write_request(load_study(["config/config.yaml", "config/smoke.yaml", "here.yaml"], copied), "claims")
    command = block(repository, "adding_a_claim", "bash", 1).replace("claims.md", "claims.csv claims.md")
    environment = {**os.environ, "PYTHONPATH": str(copied / "src")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    subprocess.run(["bash", "-c", command], cwd=copied, env=environment, check=True)
    row = pd.read_csv(copied / "claims.csv").set_index("claim").loc["longer_pretraining_helps_rspnet"]
    top1 = pd.read_parquet(finished.root / RESULTS / "tables/training_time.parquet").set_index(["task", "epochs"])[
        "value"
    ]
    gain = 100 * (top1["rspnet", 200] - top1["rspnet", 50])
    assert f"the gain of RSPNet from 50 to 200 epochs is {gain:+.1f} points" in row["evidence"]
    assert row["numbers_used"] == 2
    assert row["paper_verdict"] == "supported"  # 75.0 after 50 epochs, 77.4 after 200
    assert "RSPNet gains from longer pretraining." in (copied / "claims.md").read_text()
