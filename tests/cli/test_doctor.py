"""`videossl doctor`: what is missing, with its remedy, and an exit code."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from videossl.cli import doctor
from videossl.cli import run_command as run
from videossl.monitor import doctor_data, doctor_machine
from videossl.monitor.doctor_data import datasets, disk, model_weights, results_folder, working_folder
from videossl.monitor.finding import MISSING, OK, WARNING
from videossl.study.study import Study, load_study

REAL = "k400: {generated: null, root: %s/videos, annotations: %s/lists}"


@pytest.fixture(autouse=True)
def in_repository(repository, monkeypatch):
    monkeypatch.chdir(repository)
    monkeypatch.delenv("SNAKEMAKE_PROFILE", raising=False)
    monkeypatch.setenv("COLUMNS", "1000")  # no message is broken into lines
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(doctor_machine.shutil, "which", lambda name: None)


def overlay(folder, text: str):
    path = folder / "mine.yaml"
    path.write_text(f"only: [pretext_sanity]\nrestrict: {{task: [rotnet]}}\n{text}\n")
    return path


def study_of(folder, text: str):
    return load_study(["config/config.yaml", overlay(folder, text)])


def test_a_machine_that_has_all_is_ready(tmp_path, capsys):
    assert run(["doctor", "--configfile", str(overlay(tmp_path, f"results_dir: {tmp_path / 'results'}"))]) == 0
    output = capsys.readouterr().out
    assert "Nothing required is missing." in output and "MISSING" not in output
    for subject in ("python:", "packages:", "gpu:", "codecs: PyAV", "dataset k400:", "disk:", "networks:"):
        assert f" {subject}" in output
    assert not (tmp_path / "results").exists()


def test_what_is_missing_is_told_with_its_remedy(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(doctor_machine.shutil, "which", lambda name: None)  # no Slurm
    text = f"results_dir: {tmp_path}/results\ndatasets: {{{REAL % (tmp_path, tmp_path)}}}\ncompute: {{device: cuda}}"
    text += "\nrecipe_overrides: {rotnet: {clip: {frames: 1, size: 1}}}"
    (tmp_path / "lists").mkdir()
    assert run(["doctor", "--configfile", str(overlay(tmp_path, text))]) == 1
    output = capsys.readouterr().out
    assert f"MISSING  dataset k400: root {tmp_path}/videos does not exist" in output
    assert f"annotations {tmp_path}/lists is empty" in output and "set `datasets.k400.root` in an overlay" in output
    assert "MISSING  gpu: compute.device is 'cuda'" in output and "set compute.device to 'auto'" in output
    assert "MISSING  networks: rotnet with r2plus1d" in output and "clip.size" in output
    assert "4 required things are missing." in output


@pytest.mark.parametrize(
    ("place", "free", "state", "words"),
    [
        ("$NODE_DISK", 10**12, OK, "1,000.0 GB are free here"),
        ("$NODE_DISK", 10, WARNING, "0.0 GB are free here"),
        ("$NOT_SET_ANYWHERE", 10**12, OK, "its variable is not set here"),
        ("none/there", 10**12, WARNING, "this machine has no such folder"),
    ],
)
def test_the_folder_for_copies_on_a_node(tmp_path, monkeypatch, place, free, state, words):
    monkeypatch.setenv("NODE_DISK", str(tmp_path))
    monkeypatch.setattr(doctor_data.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    (found,) = doctor_data.staging(study_of(tmp_path, f"compute: {{stage: {place}}}"))
    assert found.state == state and words in found.text and f"GB to {place} of their node" in found.text
    assert doctor_data.staging(study_of(tmp_path, "")) == []


def test_a_wrong_configuration_is_the_only_finding(tmp_path, capsys):
    assert run(["doctor", "--configfile", str(overlay(tmp_path, "subests: {}"))]) == 1
    assert "MISSING  configuration:" in capsys.readouterr().out


def test_a_gpu_is_left_to_the_cluster_where_there_is_one(tmp_path, monkeypatch):
    study = study_of(tmp_path, "compute: {device: cuda}")
    monkeypatch.setattr(doctor_machine.shutil, "which", lambda name: None)
    assert doctor_machine.gpu(study)[0].state == MISSING
    monkeypatch.setattr(doctor_machine.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "sbatch" else None)
    assert doctor_machine.gpu(study)[0].state == OK and "from Slurm" in doctor_machine.gpu(study)[0].text


def test_packages_are_held_against_the_pins(monkeypatch):
    installed, study = doctor_machine._version, load_study(["config/config.yaml"])
    assert [finding.state for finding in doctor_machine.packages(study)] in ([OK], [WARNING])
    monkeypatch.setattr(doctor_machine, "_version", lambda name: None if name == "decord" else installed(name))
    assert doctor_machine.packages(study)[0].state == MISSING and "decord" in doctor_machine.packages(study)[0].text
    monkeypatch.setattr(doctor_machine, "_version", lambda name: "0.1" if name == "numpy" else installed(name))
    assert any("numpy 0.1 (pin" in finding.text for finding in doctor_machine.packages(study))


def test_a_package_without_a_wheel_for_this_platform_is_not_missed(monkeypatch):
    """decord on aarch64, say."""
    import packaging.markers

    there = packaging.markers.default_environment()
    monkeypatch.setattr(packaging.markers, "default_environment", lambda: there | {"platform_machine": "aarch64"})
    installed = doctor_machine._version
    monkeypatch.setattr(doctor_machine, "_version", lambda name: None if name == "decord" else installed(name))
    assert not [
        finding for finding in doctor_machine.packages(load_study(["config/config.yaml"])) if "decord" in finding.text
    ]


def test_a_codec_that_does_not_work_is_missing(monkeypatch):
    def broken() -> str:
        raise ImportError("libx264 is not there")

    monkeypatch.setattr(doctor_machine, "_videos", broken)
    found = doctor_machine.codecs(None)
    assert [finding.state for finding in found] == [MISSING, OK, OK, OK] and "libx264 is not there" in found[0].text


def test_a_stored_dataset_needs_no_folder(tmp_path):
    real = REAL.replace("k400:", "ucf101:") % ("none", "none")
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"only: [subset_size]\nresults_dir: {tmp_path}\ndatasets: {{{real}}}\n")
    study = load_study(["config/config.yaml", mine])
    assert {finding.state for finding in datasets(study) if "ucf101" in finding.subject} == {MISSING}
    (tmp_path / "data/ucf101/shards").mkdir(parents=True)
    (tmp_path / "data/ucf101/shards/0000.arrow").write_bytes(b"x" * 1000)
    rows = {"split": ["train"] * 20 + ["val"], "status": ["ok"] * 19 + ["broken", "ok"]}
    pd.DataFrame(rows).to_parquet(tmp_path / "data/ucf101/manifest.parquet")
    (stored,) = (finding for finding in datasets(study) if "ucf101" in finding.subject)
    assert stored.state == OK and "20 videos ok" in stored.text and "1 videos broken" in stored.text
    assert "still to be made need about 0.0 GiB" in disk(study)[0].text  # the videos are small


def test_a_source_needs_no_folder_once_its_subsets_are_stored_and_enough_videos(tmp_path):
    text = f"results_dir: {tmp_path}\nsubsets: {{50k: 30}}\ndatasets: {{{REAL % ('none', 'none')}}}"
    study = study_of(tmp_path, text)
    data = tmp_path / "data/k400"
    (data / "subsets").mkdir(parents=True)
    rows = {"split": ["train"] * 29 + ["val"], "status": ["found"] * 28 + ["missing", "found"]}
    table = pd.DataFrame(rows | {"label": [0] * 30, "path": ["a"] * 30, "label_name": ["walk"] * 30})
    table.to_parquet(data / "listing.parquet")
    assert any("30 videos, but only 28 training videos are usable" in finding.text for finding in datasets(study))
    assert any("lower `subsets.50k` to 28" in finding.remedy for finding in datasets(study))
    for name in ("subsets/50k", "heldout"):
        pd.DataFrame({"status": ["ok"] * 28 + ["broken"]}).to_parquet(data / f"{name}.parquet")
    stored = [finding.text for finding in datasets(study) if finding.state == OK]
    assert stored[:2] == [f"stored, {name}: 28 videos ok, 1 videos broken" for name in ("50k", "heldout")]


def test_weights_are_asked_for_only_where_something_needs_them():
    paper = ["config/config.yaml", "config/paper.yaml"]
    assert {finding.state for finding in model_weights(load_study(paper))} == {WARNING}
    config = load_study(paper).config
    needs_none = Study(config.model_copy(update={"only": ["subset_size"]}))
    assert [finding.state for finding in model_weights(needs_none)] == [OK]


def test_a_full_disk_is_a_warning(tmp_path, monkeypatch):
    usage = doctor_data.shutil.disk_usage(tmp_path)._replace(free=2**20)
    monkeypatch.setattr(doctor_data.shutil, "disk_usage", lambda path: usage)
    assert disk(study_of(tmp_path, f"results_dir: {tmp_path}"))[0].state == WARNING


def test_results_need_a_folder(tmp_path):
    (tmp_path / "file").touch()
    assert results_folder(study_of(tmp_path, f"results_dir: {tmp_path}/file/results"))[0].state == MISSING
    assert results_folder(study_of(tmp_path, f"results_dir: {tmp_path}/new/results"))[0].state == OK


def test_snakemake_needs_a_folder_for_its_notes_and_one_for_its_cache(tmp_path, monkeypatch):
    study = study_of(tmp_path, f"results_dir: {tmp_path}/results")
    assert working_folder(study)[0].state == OK
    refused = {str(tmp_path / ".snakemake"): "Permission denied"}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor_data, "unwritable", lambda folder: refused.get(str(Path(folder).resolve()), ""))
    finding = working_folder(study)[0]
    assert finding.state == MISSING and f"{tmp_path} cannot be written (Permission denied)" in finding.text
    assert "`snakemake --snakefile /" in finding.remedy and finding.remedy.endswith("Snakefile`")
    refused.clear()
    monkeypatch.setattr(doctor_data, "cache_problem", lambda: "no cache")
    assert working_folder(study)[0].remedy == "Set XDG_CACHE_HOME to a folder that can be written"


def test_every_check_is_part_of_the_command():
    modules = (doctor_machine, __import__("videossl.monitor.doctor_data", fromlist=["x"]))
    public = {
        function
        for module in modules
        for name, function in vars(module).items()
        if callable(function) and getattr(function, "__module__", "") == module.__name__ and name[0].islower()
    }
    assert public < set(doctor.CHECKS)


def test_half_precision_where_it_may_be_wrong_is_missing_something(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    assert doctor_machine._half_precision(study_of(tmp_path, "")) == []
    (finding,) = doctor_machine._half_precision(study_of(tmp_path, "recipe_overrides: {all: {precision: bf16}}"))
    assert finding.state == MISSING and "cuDNN 9.10.2" in finding.text and finding.text.startswith("the recipe of ")
